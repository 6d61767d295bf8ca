package modgate.site

absence := {"action": "delay", "ttl_s": input.target.expected_s - 60} if input.target.expected_s < 600
