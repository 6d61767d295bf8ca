package api

import (
	"net/http"

	"github.com/modgate/modgate/core/config"
	"github.com/modgate/modgate/core/message"
	"github.com/modgate/modgate/core/requirement"
)

// Plan is what a reload would change.
type Plan struct {
	Changes      []config.Change     `json:"changes"`
	Requirements []requirement.Shift `json:"requirements"`       // that would be met or unmet
	Warnings     any                 `json:"warnings,omitempty"` // diagnostics of package hcl
}

// reload answers POST /v1/admin/reload: 200 when the configuration of the
// files is in force, but for the settings in at_start, which wait for the
// gateway's next start; 400 with diagnostics when it is wrong and the former one
// stays.
func (s *server) reload(w http.ResponseWriter, r *http.Request) {
	diagnostics, changed, err := s.Reload(r.Context())
	switch {
	case err != nil:
		unavailable(w, err)
	case diagnostics != nil:
		wrongConfiguration(w, "the configuration is wrong; the former one stays in force", diagnostics)
	default:
		write(w, http.StatusOK, map[string]any{"changed": changed, "at_start": append([]string{}, s.Pending()...)})
	}
}

// plan answers POST /v1/admin/plan: 200 with what a reload would change, 400
// with diagnostics when there would be none. Nothing is changed.
func (s *server) plan(w http.ResponseWriter, r *http.Request) {
	p, diagnostics, err := s.Plan(r.Context())
	if err != nil {
		unavailable(w, err)
		return
	}
	if diagnostics != nil {
		wrongConfiguration(w, "the configuration is wrong; a reload would change nothing", diagnostics)
		return
	}
	p.Changes = append([]config.Change{}, p.Changes...) // [], not null
	p.Requirements = append([]requirement.Shift{}, p.Requirements...)
	write(w, http.StatusOK, p)
}

func wrongConfiguration(w http.ResponseWriter, detail string, diagnostics any) {
	problem(w, http.StatusBadRequest, reloadProblem{
		Problem:     message.Problem{Type: message.ProblemInvalid, Title: "Invalid", Status: http.StatusBadRequest, Detail: detail},
		Diagnostics: diagnostics,
	})
}

// reloadProblem says what is wrong with the configuration.
type reloadProblem struct {
	message.Problem
	Diagnostics any `json:"diagnostics"` // of package hcl
}
