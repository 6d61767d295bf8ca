package modgate.site

update := {"action": "defer", "retry_afer_s": 60}
