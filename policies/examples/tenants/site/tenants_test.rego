package modgate.site_test

import data.modgate.site

delayed(tenant, percent) := {
	"entrypoint": "request",
	"target": {"state": "delayed"},
	"request": {"tenant": tenant},
	"parked": {"percent": percent},
}

test_gold_waits_longest if {
	gold := site.request with input as delayed("central", 0)
	silver := site.request with input as delayed("branch", 0)
	gold.wait_s > silver.wait_s
}

test_each_tier_has_its_share_of_the_room if {
	every case in [["central", 90], ["branch", 50], ["trial", 10]] {
		[tenant, full] := case
		before := site.request with input as delayed(tenant, full - 1)
		before.mode == "park"
		after := site.request with input as delayed(tenant, full)
		after.mode == "reply"
	}
}

test_unknown_tenant_is_basic if {
	site.request.rule == "basic" with input as delayed("nobody", 0)
}
