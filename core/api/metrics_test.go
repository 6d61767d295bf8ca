package api

import (
	"net/http"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
)

func TestMetricsPassTheLinter(t *testing.T) {
	p := newPlatform(t)
	p.serve("m", "1.0.0", "m-1")
	registry := prometheus.NewRegistry()
	registry.MustRegister((*collector)(&server{Options: p.options}))
	problems, err := testutil.GatherAndLint(registry)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		t.Errorf("%s: %s", p.Metric, p.Text)
	}
}

func TestMetricsCountWhatTheirOwnersCount(t *testing.T) {
	p := newPlatform(t)
	p.serve("m", "1.0.0", "m-1", `,"requires":[{"id":"tags","range":"1"}]`)
	p.run("m")
	a := p.call("GET", "/metrics", "", "").want(http.StatusOK)
	for _, want := range []string{
		`modgate_requests_total{outcome="relayed"} 7`,
		`modgate_parkings_total 2`,
		`modgate_parked_requests{module="m"} 3`,
		`modgate_parked_longest_seconds{module="m"} 1.5`,
		`modgate_module_state{module="m",state="ready"} 1`,
		`modgate_module_state{module="m",state="missing"} 0`,
		`modgate_runs_in_flight{module="m",version="1.0.0"} 1`,
		`modgate_unmet_requirements{module="m",version="1.0.0"} 1`,
		`modgate_open_incidents 0`,
		`modgate_policy_decisions_total{entrypoint="request",rule="busy",unit="site"} 5`,
		`modgate_policy_faults_total{class="conflict",unit="modules/m"} 2`,
		`modgate_policy_evaluations_total 4`,
		`modgate_policy_spared_total 1`,
		`modgate_policies_not_in_force 1`,
		`modgate_build_info{goversion="`,
		`go_goroutines `,
	} {
		if !strings.Contains("\n"+string(a.body), "\n"+want) {
			t.Errorf("no %s in\n%s", want, a.body)
		}
	}
}
