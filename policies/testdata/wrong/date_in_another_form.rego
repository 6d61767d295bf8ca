package modgate.site

update := {"action": "deny"} if input.now.date in {"24.12.2026", "2026-12-31"}
