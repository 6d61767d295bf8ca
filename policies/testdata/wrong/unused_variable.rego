package modgate.site

request := {"action": "missing"} if {
	method := input.request.method
	input.request.tenant == "diku"
}
