package modgate.site

request := {"action": "missing"} if input.request.method == "post"
