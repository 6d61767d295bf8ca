# METADATA
# title: An update gate with maintenance windows
# description: |
#   Modules that people work with are updated at night, and few modules at once.
#   Locked: no module's own unit can say otherwise. An update that is said to be
#   quick goes ahead at any time, one that has been put off for hours does so
#   too, and so does any UPDATE of a module that is away anyway.
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

overdue if input.target.asked_s >= data.maintenance.patience_s

# Others are counted a moment ago: two that ask at once may both go ahead.
crowded if input.platform.updating >= data.maintenance.at_once

update := {"action": "defer", "retry_after_s": 3600, "rule": "frozen", "detail": "no updates today"} if {
	input.target.state == "ready"
	critical
	frozen
} else := {"action": "defer", "retry_after_s": 600, "rule": "window", "detail": "updates begin at night"} if {
	input.target.state == "ready"
	critical
	not window
	not quick
} else := {"action": "defer", "retry_after_s": 30, "rule": "crowded", "detail": "others are being updated"} if {
	input.target.state == "ready"
	crowded
	not overdue
}
