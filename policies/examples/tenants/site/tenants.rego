# METADATA
# title: Tenant tiers under pressure
# description: |
#   The waiting room is one for all tenants of a module. When it fills, those who
#   pay less are asked to come back first, so that there is room for the others.
#   A tenant that is not in data/tenants.json is basic.
package modgate.site

default tier := "basic"

tier := data.tenants[input.request.tenant].tier

# full tells whether the waiting room is too full for the tier. Each line asks
# one question about input, so the answer is stored under yes and no, and not
# under every number.
full if {
	tier == "gold"
	input.parked.percent >= data.tiers.gold.full_at
}

full if {
	tier == "silver"
	input.parked.percent >= data.tiers.silver.full_at
}

full if {
	tier == "basic"
	input.parked.percent >= data.tiers.basic.full_at
}

request := {"action": "delay", "mode": "park", "wait_s": data.tiers[tier].wait_s, "rule": tier} if {
	input.target.state == "delayed"
	not full
}

request := {"action": "delay", "mode": "reply", "rule": "pressure"} if {
	input.target.state == "delayed"
	full
}
