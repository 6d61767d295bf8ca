package modgate.site

request := {"action": "fallback"} if input.request.method == "GET"
