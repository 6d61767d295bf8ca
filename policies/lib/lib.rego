# METADATA
# title: The library
# description: |
#   Words that policies share: import data.modgate.lib. Nothing here looks at
#   input, so that a call says what it depends on.
package modgate.lib

# involuntary reasons are those of an absence that the module did not announce.
involuntary(reason) if reason in {"lost", "unhealthy"}

# safe methods change nothing at the module (RFC 9110 section 9.2.1).
safe(method) if method in {"GET", "HEAD", "OPTIONS", "TRACE"}

# idempotent methods may be sent twice (RFC 9110 section 9.2.2).
idempotent(method) if safe(method)

idempotent(method) if method in {"PUT", "DELETE"}

# clamp returns n, or the nearer end of low to high.
clamp(n, low, high) := max([low, min([n, high])])

# within tells whether the time of day of input.now lies in [from, to), both as
# "hh:mm"; a window whose end is before its start spans midnight.
within(now, from, to) if {
	from <= to
	now.time >= from
	now.time < to
}

within(now, from, to) if {
	from > to
	now.time >= from
}

within(now, from, to) if {
	from > to
	now.time < to
}
