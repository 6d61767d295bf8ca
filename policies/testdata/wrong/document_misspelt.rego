package modgate.site

request := {"action": "missing"} if data.tier[input.request.tenant] == "gold"
