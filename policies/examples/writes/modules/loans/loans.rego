# METADATA
# title: Writes that must not be duplicated
# description: |
#   A loan that is booked twice is worse than one that is booked late. Reads wait
#   as the base says. A write is held only if it bears an Idempotency-Key and is
#   small, and not for long: its sender's own time-out must not come first, for
#   then it would send again what is still waiting here. Every other write is
#   answered at once, so that its sender, who knows what it did, decides.
package modgate.modules.loans

import data.modgate.lib

write if not lib.safe(input.request.method)

holdable if {
	input.request.repeatable
	input.request.size <= 65536
}

request := {"action": "delay", "mode": "park", "wait_s": 8, "rule": "keyed_write"} if {
	input.target.state == "delayed"
	write
	holdable
}

request := {"action": "delay", "mode": "reply", "rule": "write", "detail": "send it again with an Idempotency-Key"} if {
	input.target.state == "delayed"
	write
	not holdable
}

# A write that is under way must end before the data changes shape.
grace := {"grace_s": 120, "rule": "let_writes_end"}
