package modgate.site

absence := {"ttl_s": 60}
