package modgate.site

request := {"action": "missing"} if {
	some i in numbers.range(1, 1000)
	some j in numbers.range(1, 1000)
	i + j == input.request.size
	i > 1000
}
