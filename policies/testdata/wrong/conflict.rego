package modgate.site

request := {"action": "missing"} if input.request.method == "POST"

request := {"action": "delay", "wait_s": 5} if input.target.absent_s > 30
