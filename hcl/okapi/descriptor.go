// Package okapi turns the module descriptors of FOLIO's gateway Okapi into
// the configuration language, as an operator would write it, so that a FOLIO
// platform can be started from what is there already.
//
// It decides how what a descriptor says is said in the language, and names
// what cannot be said. It drops nothing silently, opens no connection, and
// does not judge whether the modules fit together: package hcl does when the
// result is loaded.
package okapi

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/modgate/modgate/core/module"
)

// Descriptor is a ModuleDescriptor. Read makes them.
type Descriptor struct {
	ID       string      `json:"id"` // product and version
	Title    string      `json:"name"`
	Requires []reference `json:"requires"`
	Optional []reference `json:"optional"`
	Provides []provided  `json:"provides"`
	Replaces []string    `json:"replaces"` // products
	Filters  []handler   `json:"filters"`
	Launch   launch      `json:"launchDescriptor"`

	// What only their number is told of.
	Permissions []json.RawMessage `json:"permissionSets"`
	Tags        []string          `json:"tags"`
	Env         []json.RawMessage `json:"env"`
	Metadata    json.RawMessage   `json:"metadata"`
	UI          json.RawMessage   `json:"uiDescriptor"`

	name    string // product
	version module.Version
	unknown []string // properties that are none of the above
}

// reference is an InterfaceReference.
type reference struct {
	ID      string `json:"id"`
	Version string `json:"version"`
}

// provided is an InterfaceDescriptor.
type provided struct {
	ID       string    `json:"id"`
	Version  string    `json:"version"`
	Type     string    `json:"interfaceType"`
	Handlers []handler `json:"handlers"`
	Scope    []string  `json:"scope"`
}

// handler is a RoutingEntry.
type handler struct {
	Methods  []string `json:"methods"`
	Pattern  string   `json:"pathPattern"`
	Prefix   string   `json:"path"` // in place of Pattern
	Phase    string   `json:"phase"`
	Type     string   `json:"type"`
	Redirect string   `json:"redirectPath"`
	Rewrite  string   `json:"rewritePath"`
	CORS     any      `json:"delegateCORS"`

	Unit     string      `json:"unit"`
	Delay    json.Number `json:"delay"`
	Schedule struct {
		Cron string `json:"cron"`
		Zone string `json:"zone"`
	} `json:"schedule"`

	Required       []string `json:"permissionsRequired"`
	Desired        []string `json:"permissionsDesired"`
	OwnPermissions []string `json:"modulePermissions"`
	RequiredTenant []string `json:"permissionsRequiredTenant"`
}

// launch is a LaunchDescriptor. The values of its environment may be secrets
// and are not read.
type launch struct {
	Image string            `json:"dockerImage"`
	Exec  string            `json:"exec"`
	Start string            `json:"cmdlineStart"`
	Env   []json.RawMessage `json:"env"`
	Args  struct {
		Host struct {
			Ports map[string]json.RawMessage `json:"PortBindings"`
		} `json:"HostConfig"`
	} `json:"dockerArgs"`
}

// known are the properties that a Descriptor has.
var known = map[string]bool{
	"id": true, "name": true, "requires": true, "optional": true, "provides": true, "filters": true, "launchDescriptor": true,
	"permissionSets": true, "replaces": true, "tags": true, "env": true, "metadata": true, "uiDescriptor": true,
}

// identify splits the id at its first dash that a digit follows, as Okapi
// does.
func (d *Descriptor) identify() (err error) {
	d.name, d.version, err = split(d.ID)
	if err == nil && d.version.IsZero() {
		err = fmt.Errorf("module id %q has no version", d.ID)
	}
	return err
}

// split returns the product and the version of a module id; the zero Version
// if it has none.
func split(id string) (name string, v module.Version, err error) {
	at := len(id)
	for i := 1; i < len(id); i++ {
		if id[i-1] == '-' && '0' <= id[i] && id[i] <= '9' {
			at = i - 1
			break
		}
	}
	name = id[:at]
	if err := module.CheckName(name); err != nil {
		return "", v, fmt.Errorf("module id %q: %w", id, err)
	}
	if at < len(id) {
		v, err = module.ParseVersion(id[at+1:])
	}
	if err != nil {
		return "", v, fmt.Errorf("module id %q: %w", id, err)
	}
	return name, v, nil
}

// routed reports whether requests are routed to the interface by their paths.
func (p provided) routed() bool {
	return !strings.HasPrefix(p.ID, "_") && (p.Type == "" || p.Type == "proxy" || p.Type == "internal")
}
