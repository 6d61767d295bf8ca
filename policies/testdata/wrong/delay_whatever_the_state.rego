package modgate.site

request := {"action": "delay", "mode": "reply"} if input.request.method == "POST"
