package modgate.site

request := {"action": "delay", "ttl_s": 60}
