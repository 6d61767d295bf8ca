package modgate.site

request := {"action": "missing"} if input.request.tenant < 7
