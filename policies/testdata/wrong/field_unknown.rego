package modgate.site

request := {"action": "missing"} if input.request.headers["x-retry"] == "no"
