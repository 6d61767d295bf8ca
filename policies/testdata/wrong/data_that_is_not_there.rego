package modgate.site

request := {"action": "missing"} if data.tenants[input.request.tenant].tier == "basic"
