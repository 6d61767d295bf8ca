package modgate.site

request := {"action": "missing"} if input.target.reason in {"lost", "unhelthy"}
