package control

import (
	"slices"
	"strings"
	"time"

	"github.com/modgate/modgate/core/lifecycle"
	"github.com/modgate/modgate/core/message"
	"github.com/modgate/modgate/core/module"
)

// Overview is a module as administrators see it.
type Overview struct {
	message.State
	Epoch    uint64            `json:"epoch"`
	Floor    module.Version    `json:"floor,omitzero"`
	Holder   string            `json:"holder,omitempty"`
	Versions []VersionOverview `json:"versions"`
	Replaced []string          `json:"replaced,omitempty"` // modules whose routes have come to this one (V10)
	Claims   []Claim           `json:"claims,omitempty"`   // routes of its versions that another module has (V9, V10)

	Expected message.Duration `json:"expected,omitzero"` // how long the absence may last, by the word of who causes it (3.3)
	Note     string           `json:"note,omitempty"`    // why, in its words
	Losses   int              `json:"losses,omitempty"`  // within ten minutes (L5)

	Above     module.Version       `json:"forced_above,omitzero"` // it was promoted: versions above are fenced until lift (O1)
	Overrides []lifecycle.Override `json:"overrides,omitempty"`   // the latest, oldest first
}

// VersionOverview is a version as administrators see it.
type VersionOverview struct {
	Version      module.Version        `json:"version"`
	Phase        message.Phase         `json:"phase"`
	GraceLeft    message.Duration      `json:"grace_left,omitzero"`
	Routes       []message.Route       `json:"routes,omitempty"`
	Provides     []module.Interface    `json:"provides,omitempty"`
	Replaces     []string              `json:"replaces,omitempty"` // modules whose routes go to it when it serves (V10)
	Requirements []message.Requirement `json:"requirements,omitempty"`
	Instances    []InstanceOverview    `json:"instances"`
}

// InstanceOverview is an instance as administrators see it.
type InstanceOverview struct {
	ID        string           `json:"id"`
	Upstream  string           `json:"upstream"`
	Phase     message.Phase    `json:"phase"`
	Away      message.Reason   `json:"away,omitempty"`
	Sick      bool             `json:"sick,omitempty"` // its probes fail (L2)
	Runs      int64            `json:"runs"`
	LeaseLeft message.Duration `json:"lease_left,omitzero"`
}

// Overviews returns every known module, by name.
func (c *Control) Overviews() []Overview {
	now := c.now()
	c.mu.Lock()
	defer c.mu.Unlock()
	out := make([]Overview, 0, len(c.modules))
	for _, e := range c.modules {
		if e.record.Availability() != message.Unknown {
			out = append(out, c.overview(e, now))
		}
	}
	slices.SortFunc(out, func(a, b Overview) int { return strings.Compare(a.Module, b.Module) })
	return out
}

// Overview returns one module, if it is known.
func (c *Control) Overview(name string) (Overview, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e := c.modules[name]
	if e == nil || e.record.Availability() == message.Unknown {
		return Overview{}, false
	}
	return c.overview(e, c.now()), true
}

func (c *Control) overview(e *entry, now time.Time) Overview {
	r := e.record
	t := r.Target(now)
	o := Overview{
		State: r.State(now, ""), Epoch: r.Epoch, Floor: r.Floor, Holder: r.Grant.Instance, Versions: []VersionOverview{},
		Replaced: r.Replaced, Claims: e.routes.claims,
		Expected: message.Duration(t.Expected), Note: t.Note, Losses: c.lossesOf(e.name, now), Above: r.Forced.Above, Overrides: r.Overrides,
	}
	for i := range r.Versions {
		v := &r.Versions[i]
		vo := VersionOverview{
			Version: v.Version, Phase: v.Phase(), Routes: v.Routes, Provides: v.Provides, Replaces: v.Replaces,
			Requirements: c.view.Report(v.Requires), Instances: []InstanceOverview{},
		}
		if !v.Drain.Until.IsZero() {
			vo.GraceLeft = message.Duration(max(0, v.Drain.Until.Sub(now)))
		}
		for _, in := range v.Instances {
			io := InstanceOverview{ID: in.ID, Upstream: in.Upstream, Phase: in.Phase, Away: in.Away, Sick: in.Sick}
			if p := c.instances[in.ID]; p != nil {
				io.Runs = p.runs()
				if in.Phase != message.Out {
					io.LeaseLeft = message.Duration(max(0, p.expiry.Sub(now)))
				}
			}
			vo.Instances = append(vo.Instances, io)
		}
		o.Versions = append(o.Versions, vo)
	}
	return o
}

// Requirer is one version's requirements with their states.
type Requirer struct {
	Module       string                `json:"module"`
	Version      module.Version        `json:"version"`
	Phase        message.Phase         `json:"phase"`
	Requirements []message.Requirement `json:"requirements"`
}

// Requirements returns what every version in the platform requires, by
// module and version (D1).
func (c *Control) Requirements() []Requirer {
	out := []Requirer{}
	for _, o := range c.Overviews() {
		for _, v := range o.Versions {
			if len(v.Requirements) > 0 {
				out = append(out, Requirer{o.Module, v.Version, v.Phase, v.Requirements})
			}
		}
	}
	return out
}
