package modgate.site

absence := {"action": "delay", "ttl_s": 700000}
