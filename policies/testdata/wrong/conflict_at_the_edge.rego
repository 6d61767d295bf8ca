package modgate.site

request := {"action": "delay", "mode": "reply"} if input.request.size >= 1024

request := {"action": "delay", "mode": "park"} if input.request.size <= 1024
