package adaptertest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/modgate/modgate/core/config"
)

// Plugin are the settings of a module's plugin block.
type Plugin struct {
	Config    json.RawMessage `json:"config,omitempty"` // a text as it is, anything else as JSON
	OnError   string          `json:"on_error,omitempty"`
	Exclusive bool            `json:"exclusive,omitempty"`
	Memory    string          `json:"memory,omitempty"`
	Body      string          `json:"body,omitempty"`
	Shared    string          `json:"shared,omitempty"`

	StartBudget     string `json:"start_budget,omitempty"`
	RequestBudget   string `json:"request_budget,omitempty"`
	LifecycleBudget string `json:"lifecycle_budget,omitempty"`
	ProbeBudget     string `json:"probe_budget,omitempty"`
}

// settings returns the plugin's, the defaults where the case says nothing.
func (c *Case) settings() (config.Plugin, error) {
	p := config.DefaultPlugin()
	s := c.Plugin
	if s == nil {
		return p, nil
	}
	p.Exclusive = s.Exclusive
	var compact bytes.Buffer
	_ = json.Compact(&compact, s.Config) // it was read as JSON
	p.Config = compact.String()
	if text := ""; json.Unmarshal(s.Config, &text) == nil {
		p.Config = text
	}
	var errs []error
	if s.OnError != "" {
		if err := p.OnError.UnmarshalText([]byte(s.OnError)); err != nil {
			errs = append(errs, fmt.Errorf("on_error: %w", err))
		}
	}
	for _, size := range []struct {
		name, text string
		to         *config.Bytes
	}{{"memory", s.Memory, &p.Memory}, {"body", s.Body, &p.Body}, {"shared", s.Shared, &p.Shared}} {
		if size.text == "" {
			continue
		}
		n, err := config.ParseBytes(size.text)
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", size.name, err))
		}
		*size.to = n
	}
	for _, budget := range []struct {
		name, text string
		to         *time.Duration
	}{
		{"start_budget", s.StartBudget, &p.Budget.Start},
		{"request_budget", s.RequestBudget, &p.Budget.Request},
		{"lifecycle_budget", s.LifecycleBudget, &p.Budget.Lifecycle},
		{"probe_budget", s.ProbeBudget, &p.Budget.Probe},
	} {
		if budget.text == "" {
			continue
		}
		d, err := time.ParseDuration(budget.text)
		if err == nil && d < time.Millisecond {
			err = errors.New("want at least 1ms")
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", budget.name, err))
		}
		*budget.to = d
	}
	return p, errors.Join(errs...)
}
