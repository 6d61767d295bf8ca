# METADATA
# title: An update gate with maintenance windows
# description: |
#   Modules that people work with are updated at night. Locked: no module's own
#   unit can say otherwise. An update that is said to be quick goes ahead at any
#   time, and so does any UPDATE of a module that is away anyway.
package modgate.locked

import data.modgate.lib

critical if input.target.module in data.maintenance.critical

frozen if input.now.date in data.maintenance.frozen

window if {
	input.now.weekday in data.maintenance.weekdays
	lib.within(input.now, data.maintenance.from, data.maintenance.to)
}

quick if {
	input.target.expected_s > 0
	input.target.expected_s <= 5
}

update := {"action": "defer", "retry_after_s": 3600, "rule": "frozen", "detail": "no updates today"} if {
	critical
	frozen
	input.target.state == "ready"
}

update := {"action": "defer", "retry_after_s": 600, "rule": "window", "detail": "updates begin at night"} if {
	critical
	not frozen
	not window
	not quick
	input.target.state == "ready"
}
