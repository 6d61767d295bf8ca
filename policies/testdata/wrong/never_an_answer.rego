package modgate.site

request := {"action": "missing"} if {
	input.target.absent_s < 10
	input.target.absent_s > 20
}
