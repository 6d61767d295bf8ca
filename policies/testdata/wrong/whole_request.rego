package modgate.site

request := {"action": "missing"} if count(object.keys(input.request)) > 9
