package modgate.site

absence := {"action": "delay", "ttl_s": "60", "rule": "short"} if input.target.reason == "lost"
