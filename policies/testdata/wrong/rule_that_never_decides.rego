package modgate.site

request := {"action": "missing", "rule": "no_writes"} if input.request.method in {"POST", "PUT"}

request := {"action": "delay", "mode": "reply", "rule": "large"} if {
	input.request.method == "GET"
	input.request.size > 100
	input.request.size < 50
}
