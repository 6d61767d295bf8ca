package main

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/modgate/modgate/sdk-wasm/go/adapter/config"
)

// settings are plugin.config, in JSON. Modules that have the same share the
// adapter's instances; so what is different of some stands in Modules.
type settings struct {
	Tenants      []string          `json:"tenants"`       // for which the modules are enabled; they are updated in this order
	OtherTenants string            `json:"other_tenants"` // requests of others: "refuse" or "pass"
	Interface    string            `json:"interface"`     // version of the tenant interface, or "none"
	Parameters   map[string]string `json:"parameters"`    // of the tenant interface, from 1.2 on
	Modules      map[string]oneOf  `json:"modules"`       // by name, or by name-version, which goes first
	Path         string            `json:"path"`          // of the tenant interface
	URL          string            `json:"url"`           // where modules find Okapi, "{port}" standing for their egress' port; "": their egress
	Token        string            `json:"token"`         // with which the tenant interface is called
	Tokens       map[string]string `json:"tokens"`        // the same of a tenant, before Token
	Health       string            `json:"health"`        // path that says whether a module can serve, or "any": if it answers at all
	Wait         duration          `json:"wait"`          // how long its answer about a job that is not complete may be held back
	Poll         duration          `json:"poll"`          // at least that often it is asked
	Timeout      duration          `json:"timeout"`       // of a tenant's job; 0: none

	said map[string]claims // by tokens of requests, some of those that were seen
}

// oneOf is what is different of one module, or of one version of it.
type oneOf struct {
	Interface string `json:"interface"`
	ID        string `json:"id"` // FOLIO's: of a module the product, of a version product and version
}

// duration is read as Go writes it, "1m30s".
type duration time.Duration

func (d *duration) UnmarshalText(b []byte) error {
	v, err := time.ParseDuration(string(b))
	if err == nil && v < 0 {
		err = fmt.Errorf("%q is below 0", b)
	}
	*d = duration(v)
	return err
}

// What a tenant interface may be, and what may become of others' requests.
var (
	interfaces   = []string{"none", "1.0", "1.1", "1.2", "2.0"}
	otherTenants = []string{"refuse", "pass"}
)

// read reads the settings, and says all that is wrong with them.
func (s *settings) read(text string) error {
	*s = settings{
		OtherTenants: "refuse", Interface: "2.0", Path: "/_/tenant", Health: "/admin/health",
		Wait: duration(10 * time.Second), Poll: duration(10 * time.Second),
		said: map[string]claims{},
	}
	if strings.TrimSpace(text) == "" {
		return errors.New(`there is no plugin.config: want at least jsonencode({ tenants = ["diku"] })`)
	}
	if err := config.Read(text, s); err != nil {
		return err
	}
	return s.check()
}

func (s *settings) check() error {
	var wrong config.Wrong
	if s.Tenants == nil {
		wrong.Say(`tenants is missing: for which is the module enabled? [] stands for none`)
	}
	for i, t := range s.Tenants {
		if !isTenant(t) {
			wrong.Say("tenants: %q is no tenant: want a letter, then letters, digits and _, all small", t)
		}
		if slices.Contains(s.Tenants[:i], t) {
			wrong.Say("tenants: %q is there twice", t)
		}
	}
	for _, t := range slices.Sorted(maps.Keys(s.Tokens)) {
		if !slices.Contains(s.Tenants, t) {
			wrong.Say("tokens: %q is none of the tenants", t)
		}
	}
	if !slices.Contains(otherTenants, s.OtherTenants) {
		wrong.Say("other_tenants: want one of %q, not %q", otherTenants, s.OtherTenants)
	}
	if !slices.Contains(interfaces, s.Interface) {
		wrong.Say("interface: want one of %q, not %q", interfaces, s.Interface)
	}
	for _, name := range slices.Sorted(maps.Keys(s.Modules)) {
		if v := s.Modules[name].Interface; v != "" && !slices.Contains(interfaces, v) {
			wrong.Say("modules: %s: interface: want one of %q, not %q", name, interfaces, v)
		}
	}
	if !strings.HasPrefix(s.Path, "/") {
		wrong.Say("path: want a path such as /_/tenant, not %q", s.Path)
	}
	if s.Health != "any" && !strings.HasPrefix(s.Health, "/") {
		wrong.Say(`health: want a path such as /admin/health, or "any", not %q`, s.Health)
	}
	if u, err := url.Parse(strings.ReplaceAll(s.URL, "{port}", "1")); s.URL != "" && (err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https") {
		wrong.Say("url: want an origin such as http://modgate:9130 or http://modgate:{port}, not %q", s.URL)
	}
	if s.Poll == 0 {
		wrong.Say("poll: want more than 0")
	}
	return wrong.Err()
}

// interfaceOf returns the version of a version's tenant interface.
func (s *settings) interfaceOf(module, version string) string {
	return cmp.Or(s.Modules[module+"-"+version].Interface, s.Modules[module].Interface, s.Interface)
}

// id returns FOLIO's id of a version of a module.
func (s *settings) id(module, version string) string {
	return cmp.Or(s.Modules[module+"-"+version].ID, cmp.Or(s.Modules[module].ID, module)+"-"+version)
}

// okapiURL returns where the module finds Okapi: its egress, as it sees it.
func (s *settings) okapiURL(egress string) string {
	if s.URL == "" {
		return egress
	}
	at := strings.LastIndexByte(egress, ':')
	return strings.ReplaceAll(s.URL, "{port}", egress[at+1:])
}

// isTenant reports whether t can be a tenant's id.
func isTenant(t string) bool {
	for i := range len(t) {
		letter := t[i] >= 'a' && t[i] <= 'z'
		if !letter && (i == 0 || t[i] != '_' && (t[i] < '0' || t[i] > '9')) {
			return false
		}
	}
	return t != "" && len(t) <= 63
}
