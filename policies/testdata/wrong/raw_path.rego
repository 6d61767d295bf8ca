package modgate.site

request := {"action": "missing"} if count(split(input.request.path, "/")) > 4
