# METADATA
# title: Static answers for reads
# description: |
#   A search page is of use without its catalogue, if it learns at once that
#   there is nothing to be had. Machines get an empty result that says so; what
#   has a place of its own, such as one record, waits as the base says.
package modgate.modules.catalogue

empty := {
	"status": 200,
	"headers": {"Content-Type": "application/json", "Cache-Control": "no-store", "X-Result": "incomplete"},
	"body": `{"items": [], "total": 0, "incomplete": true}`,
}

request := {"action": "fallback", "fallback": {"static": empty}, "rule": "empty_list"} if {
	input.target.state in {"delayed", "missing"}
	input.request.method == "GET"
	input.request.route in {"/items", "/items/search"}
	patience_is_over
}

# An update of seconds is worth waiting for.
patience_is_over if input.target.state == "missing"

patience_is_over if input.target.absent_s >= 5

# Suggestions are for people who type: never worth waiting for.
request := {"action": "fallback", "fallback": {"static": {"status": 204}}, "rule": "no_suggestions"} if {
	input.target.state in {"delayed", "missing"}
	input.request.route == "/items/suggest"
}

# Another module knows the most borrowed titles.
request := {"action": "fallback", "fallback": {"module": "search"}, "rule": "by_search"} if {
	input.target.state in {"delayed", "missing"}
	input.request.route == "/items/popular"
}
