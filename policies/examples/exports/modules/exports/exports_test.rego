package modgate.modules.exports_test

import data.modgate.modules.exports

asked(target, method, now) := {
	"entrypoint": "request",
	"target": object.union({"module": "exports", "state": "ready"}, target),
	"request": {"method": method, "route": "/exports"},
	"now": object.union({"weekday": "tuesday", "time": "12:00"}, now),
}

test_it_is_watched if exports.watch.requests

test_new_exports_wait_for_the_evening if {
	every case in [["07:59", false], ["08:00", true], ["17:59", true], ["18:00", false]] {
		[time, away] := case
		said := [exports.request.rule | true] with input as asked({}, "POST", {"time": time})
		said == [r | r := "office_hours"; away]
	}
}

test_weekend_is_free if {
	not exports.request with input as asked({}, "POST", {"weekday": "sunday"})
}

test_exports_that_are_there_are_read_at_any_time if {
	not exports.request with input as asked({}, "GET", {})
}

test_nobody_is_held_for_an_export if {
	exports.request.mode == "reply" with input as asked({"state": "delayed"}, "POST", {})
}

test_it_comes_back_slowly if exports.resume.rate_per_s < 10

test_long_waits_are_told_and_a_full_room_is_not if {
	exports.alert == {"crowded": false} with input as {"target": {"module": "exports"}, "trouble": {"oldest_s": 29}}
	exports.alert.long_wait.severity == "warning" with input as {"target": {"module": "exports"}, "trouble": {"oldest_s": 30}}
}
