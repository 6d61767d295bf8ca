package modgate.site

requets := {"action": "missing"}
