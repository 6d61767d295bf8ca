package modgate.site

update := {"action": "defer", "retry_after_s": 60} if input.now.hour in {22, 23, 24}
