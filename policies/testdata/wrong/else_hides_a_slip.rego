package modgate.site

request := {"action": "delay", "mode": "park"} if {
	input.request.method == "GET"
} else := {"action": "delay", "mode": "replay"} if {
	input.parked.percent > 80
}
