package modgate.locked_test

import data.modgate.locked

asked(module, now, target) := {
	"entrypoint": "update",
	"target": object.union({"module": module, "state": "ready", "expected_s": 60, "asked_s": 0}, target),
	"now": object.union({"weekday": "tuesday", "date": "2026-11-24", "time": "12:00"}, now),
	"platform": {"updating": 0},
}

crowd(n) := {"platform": {"updating": n}}

test_critical_module_waits_for_the_night if {
	locked.update.action == "defer" with input as asked("loans", {}, {})
}

test_window_opens_and_closes if {
	every case in [["21:59", "window"], ["22:00", ""], ["04:59", ""], ["05:00", "window"]] {
		[time, rule] := case
		said := [locked.update.rule | true] with input as asked("loans", {"time": time}, {})
		said == [r | r := rule; r != ""]
	}
}

test_weekend_has_no_window if {
	locked.update.rule == "window" with input as asked("loans", {"weekday": "saturday", "time": "23:00"}, {})
}

test_quick_update_goes_ahead_but_not_on_a_frozen_day if {
	not locked.update with input as asked("loans", {}, {"expected_s": 5})
	locked.update.rule == "frozen" with input as asked("loans", {"date": "2026-12-24", "time": "23:00"}, {"expected_s": 5})
}

test_others_are_updated_at_any_time if {
	not locked.update with input as asked("search", {}, {})
}

test_few_at_once if {
	not locked.update with input as object.union(asked("search", {}, {}), crowd(1))
	locked.update.rule == "crowded" with input as object.union(asked("search", {}, {}), crowd(2))
}

test_patience_ends if {
	locked.update.rule == "crowded" with input as object.union(asked("search", {}, {"asked_s": 7199}), crowd(2))
	not locked.update with input as object.union(asked("search", {}, {"asked_s": 7200}), crowd(2))
}

test_module_that_is_away_is_updated_at_any_time if {
	not locked.update with input as object.union(asked("loans", {}, {"state": "delayed"}), crowd(5))
}
