package modgate.site

request := {"action": "missing"} if input.request.repeatable > "true"
