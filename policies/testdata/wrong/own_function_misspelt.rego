package modgate.site

large(size) if size > 1048576

request := {"action": "missing"} if lagre(input.request.size)
