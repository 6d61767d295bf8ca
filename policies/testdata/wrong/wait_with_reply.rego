package modgate.site

request := {"action": "delay", "mode": "reply", "wait_s": 5}
