package modgate.modules.loans_test

import data.modgate.modules.loans

delayed(request) := {
	"entrypoint": "request",
	"target": {"module": "loans", "state": "delayed", "reason": "updating"},
	"request": object.union({"method": "POST", "repeatable": false, "size": 100}, request),
}

test_write_without_key_is_answered_at_once if {
	loans.request.mode == "reply" with input as delayed({})
}

test_write_with_key_waits_a_little if {
	d := loans.request with input as delayed({"repeatable": true})
	d.mode == "park"
	d.wait_s < 10
}

test_large_write_is_answered_at_once if {
	loans.request.rule == "keyed_write" with input as delayed({"repeatable": true, "size": 65536})
	loans.request.rule == "write" with input as delayed({"repeatable": true, "size": 65537})
}

test_reads_are_left_to_the_base if {
	every method in ["GET", "HEAD"] {
		not loans.request with input as delayed({"method": method})
	}
}

test_missing_is_left_to_the_base if {
	not loans.request with input as object.union(delayed({}), {"target": {"state": "missing"}})
}

test_writes_may_end if loans.grace.grace_s >= 60 with input as {"entrypoint": "grace", "target": {"module": "loans"}}
