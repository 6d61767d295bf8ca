package modgate.site

absence := {"action": "missing"} if input.target.reason == "crashlooping"
