package modgate.site

request := {"action": "missing"} if input.request.size > input.request.tenant
