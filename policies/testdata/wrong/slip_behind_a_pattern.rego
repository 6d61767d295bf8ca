package modgate.site

request := {"action": "delay", "mode": "reply", "wait": 5} if regex.match(`^/items/[0-9]{4}$`, input.request.route)
