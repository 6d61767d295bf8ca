package modgate.site

update := {"action": "defer"} if input.request.method == "POST"
