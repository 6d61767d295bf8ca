package modgate.site

update := {"action": "defer", "retry_after_s": 600} if input.now.hour >= 24
