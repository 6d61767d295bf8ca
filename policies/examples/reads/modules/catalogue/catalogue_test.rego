package modgate.modules.catalogue_test

import data.modgate.modules.catalogue

asked(target, route) := {
	"entrypoint": "request",
	"target": object.union({"state": "delayed", "absent_s": 0}, target),
	"request": {"method": "GET", "path": route, "route": route},
}

test_list_waits_for_a_short_absence if {
	not catalogue.request with input as asked({"absent_s": 4}, "/items")
}

test_list_is_empty_in_a_longer_one if {
	d := catalogue.request with input as asked({"absent_s": 5}, "/items")
	json.unmarshal(d.fallback.static.body).incomplete
}

test_list_is_empty_when_missing if {
	catalogue.request.rule == "empty_list" with input as asked({"state": "missing"}, "/items/search")
}

test_suggestions_never_wait if {
	catalogue.request.fallback.static.status == 204 with input as asked({}, "/items/suggest")
}

test_popular_titles_come_from_search if {
	catalogue.request.fallback.module == "search" with input as asked({}, "/items/popular")
}

test_one_record_is_left_to_the_base if {
	not catalogue.request with input as asked({"absent_s": 60}, "/items/{id}")
}
