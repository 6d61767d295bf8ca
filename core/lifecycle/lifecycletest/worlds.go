package lifecycletest

import (
	"time"

	"github.com/modgate/modgate/core/config"
	"github.com/modgate/modgate/core/fallback"
)

// brief are settings whose lengths are all one second or two, so that few
// times can be told apart.
func brief() config.Lifecycle {
	return config.Lifecycle{
		TTL: time.Second, AbsenceMax: 2 * time.Second, UpdateTTL: time.Second, Grace: time.Second, Takeover: 1,
	}
}

// Worlds returns the worlds that are closed on every test run.
func Worlds() []World {
	bounded := brief()
	bounded.GraceMin = time.Second
	paired := brief()
	paired.Takeover = 2
	one, two, three := []string{"1.0.0"}, []string{"2.0.0"}, []string{"3.0.0"}
	return []World{
		{Name: "three versions", Settings: brief(), Seats: []Seat{{"a", one}, {"b", two}, {"c", three}}},
		{Name: "two versions of two", Settings: brief(), Seats: []Seat{{"a", one}, {"b", two}, {"c", two}}},
		{
			Name: "policies", Settings: bounded, Seats: []Seat{{"a", one}, {"b", two}},
			Update:  []fallback.Decision{{Action: fallback.Defer}, {Action: fallback.Deny}},
			Absence: []fallback.Decision{{Action: fallback.Miss}, {TTL: time.Hour, Alert: true}},
		},
		{Name: "pairs take over", Settings: paired, Seats: []Seat{{"a", one}, {"b", two}, {"c", two}}},
		{Name: "ids change versions", Settings: brief(), Seats: []Seat{{"a", []string{"1.0.0", "2.0.0"}}, {"b", []string{"2.0.0", "3.0.0"}}}},
		{Name: "restarts and sockets", Settings: brief(), Seats: []Seat{{"a", one}, {"b", two}}, Sockets: true, Restart: time.Second, Unhealthy: true},
		{Name: "two gateways", Settings: brief(), Seats: []Seat{{"a", one}, {"b", two}}, Gateways: []string{"g", "h"}},
		{Name: "flapping", Settings: brief(), Seats: []Seat{{"a", one}, {"b", two}}, Flapping: true},
		{Name: "administrators", Settings: brief(), Seats: []Seat{{"a", one}, {"b", two}}, Overrides: true},
	}
}

// Combined returns worlds in which what the small ones have one by one happens
// together: minutes, for make explore.
func Combined() []World {
	one, two := []string{"1.0.0"}, []string{"2.0.0"}
	return []World{
		{
			Name: "misfortunes together", Settings: brief(), Seats: []Seat{{"a", one}, {"b", two}},
			Sockets: true, Restart: time.Second, Unhealthy: true, Flapping: true,
		},
		{
			Name: "administrators in misfortune", Settings: brief(), Seats: []Seat{{"a", one}, {"b", two}},
			Sockets: true, Overrides: true,
		},
	}
}
