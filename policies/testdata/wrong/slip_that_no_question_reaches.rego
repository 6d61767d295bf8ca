package modgate.site

request := {
	"action": "delay",
	"mode": "park",
	"wait": 5,
} if {
	lower(input.request.route) == "/items/special"
}
