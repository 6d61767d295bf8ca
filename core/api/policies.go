package api

import "github.com/prometheus/client_golang/prometheus"

// PolicyStats are what policies decided, and did wrong, since the gateway
// started.
type PolicyStats struct {
	Decisions []PolicyDecisions
	Faults    []PolicyFaults
	Evaluated uint64 // requests that no kept answer was there for
	Spared    uint64 // of those, the ones that the base policy answered, for too many of one module were evaluated
	Broken    int    // units and documents of which not the present text is in force
}

// PolicyDecisions counts what one rule decided. There is a bound to how many
// rules are counted apart.
type PolicyDecisions struct {
	Entrypoint, Unit, Rule string
	Count                  uint64
}

// PolicyFaults counts what one unit did wrong in one way.
type PolicyFaults struct {
	Unit, Class string
	Count       uint64
}

var (
	decisions   = desc("policy_decisions_total", "What rules of policies decided; of an incident, each time that it was found to last.", "entrypoint", "unit", "rule")
	misdeeds    = desc("policy_faults_total", "Times that a unit of policies was passed over for what it did wrong.", "unit", "class")
	evaluations = desc("policy_evaluations_total", "Requests whose decision no kept answer was there for.")
	spared      = desc("policy_spared_total", "Of those, the ones that the base policy answered, for too many of one module were evaluated.")
	outOfForce  = desc("policies_not_in_force", "Units and documents of policies of which not the present text is in force.")
)

// policies collects what is known of policies.
func (c *collector) policies(ch chan<- prometheus.Metric) {
	p := c.Policies()
	for _, d := range p.Decisions {
		count(ch, decisions, d.Count, d.Entrypoint, d.Unit, d.Rule)
	}
	for _, f := range p.Faults {
		count(ch, misdeeds, f.Count, f.Unit, f.Class)
	}
	count(ch, evaluations, p.Evaluated)
	count(ch, spared, p.Spared)
	gauge(ch, outOfForce, float64(p.Broken))
}
