package modgate.site

absence := {"action": "missing"} if input.target.losses < 0
