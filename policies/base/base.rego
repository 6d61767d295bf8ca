# METADATA
# title: The base policy
# description: |
#   What the gateway does where neither the module's unit nor the site's says
#   anything. It is asked last, and it has an answer to everything, so a unit
#   need only say what it wants otherwise. A unit extends it in one line:
#
#     request := object.union(data.modgate.base.request, {"wait_s": 10}) if ...
#
#   What it decides stands as a table in the README of this folder; a test holds
#   the two together. What a decision may say is in schemas/.
package modgate.base

import data.modgate.lib

# request: what becomes of a request to a module that is not ready (A3).
#
# Holding it is best where the end is in sight: most absences are updates, and
# the caller never notices one. Where the end is not in sight, a DELAY lets the
# caller decide, and keeps the waiting room free for those who gain by it. Nobody
# is held for longer than 50 seconds: most clients and proxies give up after 60,
# and an answer that nobody reads is worse than a DELAY.
default request := {"action": "delay", "mode": "park", "wait_s": 50, "rule": "park"}

request := {"action": "missing", "rule": "missing"} if input.target.state == "missing"

# A module that is ready is asked about where a unit watches it (A2).
request := {"action": "pass", "rule": "ready"} if input.target.state == "ready"

request := {"action": "delay", "mode": "reply", "rule": "long_update"} if {
	input.target.state == "delayed"
	input.target.reason == "updating"
	input.target.expected_s > 300
}

request := {"action": "delay", "mode": "reply", "rule": "long_gone"} if {
	input.target.state == "delayed"
	lib.involuntary(input.target.reason)
	input.target.absent_s >= 60
}

# watch: whether request is asked while the module is ready (A2).
watch := {"requests": false, "rule": "unwatched"}

# absence: how long DELAY may last before it becomes MISSING (A4). Saying no
# ttl_s leaves the module's own TTL in force.
default absence := {"action": "delay", "rule": "default"}

# A module that knows that its update is long gets twice the time it asks for,
# up to 15 minutes.
absence := {"action": "delay", "ttl_s": ttl, "rule": "expected"} if {
	input.target.reason in {"waiting", "updating"}
	input.target.expected_s > 60
	ttl := min([2 * input.target.expected_s, 900])
}

absence := {"action": "delay", "alert": true, "rule": "involuntary"} if lib.involuntary(input.target.reason)

# update: whether an UPDATE goes ahead (U1).
update := {"action": "grant", "rule": "grant"}

# grace: how long an older version may finish its runs (V2, U2). Saying no
# grace_s leaves the module's own grace in force.
grace := {"rule": "default"}

# resume: how fast parked requests go to a module that is back (A5). Saying no
# rate_per_s leaves the module's own release.rate in force.
resume := {"rule": "default"}

# alert: which incidents the administrator is told of, beside those that the
# gateway itself tells of (G5): TTLs that ran out, updates overdue, lost and
# flapping modules, requirements that stay unmet.
alert["crowded"] := {
	"severity": "warning",
	"summary": sprintf("the waiting room of %s is nearly full", [input.target.module]),
} if {
	input.parked.percent >= 80
}

alert["turning_away"] := {
	"severity": "critical",
	"summary": sprintf("many requests to %s are turned away: it is missing", [input.target.module]),
} if {
	input.trouble.missing_per_s >= 10
}
