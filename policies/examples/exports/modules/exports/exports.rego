# METADATA
# title: A module that is handled with care
# description: |
#   Exports are large, slow and never urgent. While people work, new ones are
#   turned away although the module is ready: it is watched. What has waited for
#   it comes back slowly. Its waiting room may fill without anyone being called;
#   that somebody has waited for long is worth a look.
package modgate.modules.exports

import data.modgate.lib

watch := {"requests": true, "rule": "office_hours"}

request := {"action": "delay", "mode": "reply", "retry_after_s": 3600, "rule": "office_hours", "detail": "large exports begin after 18:00"} if {
	input.target.state == "ready"
	input.request.method == "POST"
	input.request.route == "/exports"
	input.now.weekday in {"monday", "tuesday", "wednesday", "thursday", "friday"}
	lib.within(input.now, "08:00", "18:00")
}

# An export that is asked for while the module is away may as well wait outside.
request := {"action": "delay", "mode": "reply", "rule": "not_urgent"} if {
	input.target.state == "delayed"
	input.request.route == "/exports"
}

resume := {"rate_per_s": 2, "rule": "slowly"}

alert["crowded"] := false

alert["long_wait"] := {
	"severity": "warning",
	"summary": sprintf("a request has waited for %s for %d s", [input.target.module, input.trouble.oldest_s]),
} if {
	input.trouble.oldest_s >= 30
}
