package modgate.site

request := {"action": "missing"} if input.target.state == "delaid"
