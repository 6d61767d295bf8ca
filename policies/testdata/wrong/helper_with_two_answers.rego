package modgate.site

patience := 5 if input.request.method == "GET"

patience := 20 if input.caller.kind == "module"

request := {"action": "delay", "wait_s": patience}
