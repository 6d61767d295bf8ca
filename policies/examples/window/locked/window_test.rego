package modgate.locked_test

import data.modgate.locked

asked(module, now, expected) := {
	"entrypoint": "update",
	"target": {"module": module, "state": "ready", "expected_s": expected},
	"now": object.union({"weekday": "tuesday", "date": "2026-11-24", "hour": 12, "minute": 0}, now),
}

test_critical_module_waits_for_the_night if {
	locked.update.action == "defer" with input as asked("loans", {}, 60)
}

test_window_opens_and_closes if {
	every case in [[21, 59, "window"], [22, 0, ""], [4, 59, ""], [5, 0, "window"]] {
		[hour, minute, rule] := case
		said := [locked.update.rule | true] with input as asked("loans", {"hour": hour, "minute": minute}, 60)
		said == [r | r := rule; r != ""]
	}
}

test_weekend_has_no_window if {
	locked.update.rule == "window" with input as asked("loans", {"weekday": "saturday", "hour": 23}, 60)
}

test_quick_update_goes_ahead_but_not_on_a_frozen_day if {
	not locked.update with input as asked("loans", {}, 5)
	locked.update.rule == "frozen" with input as asked("loans", {"date": "2026-12-24", "hour": 23}, 5)
}

test_others_are_updated_at_any_time if {
	not locked.update with input as asked("search", {}, 60)
}

test_module_that_is_away_is_updated_at_any_time if {
	not locked.update with input as object.union(asked("loans", {}, 60), {"target": {"state": "delayed"}})
}
