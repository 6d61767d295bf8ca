package modgate.site

request := {"action": "fallback", "fallback": {"static": {"headers": {"Content-Length": "3"}, "body": "{}"}}}
