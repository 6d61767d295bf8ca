package modgate.site

request := {"action": "mising"} if input.request.method == "GET"
