package okapi

import (
	"fmt"
	"slices"
	"strings"
)

// What modules have that stay as they are, behind the adapter okapi.

const adapterHead = `
# The modules stay as they are, behind the adapter okapi: gateway.plugins is to
# name the folder in which okapi.wasm is.

variable "tenants" {
  type        = list(string)
  description = "for which the modules are enabled, in the order in which they are updated"
}

variable "egress" {
  type        = map(string)
  default     = {}
  description = "where only that module finds the gateway, by FOLIO's module id; of those not named here a port of this machine"
}
`

// firstEgress is the port of the first egress, unless the variable says
// something else.
const firstEgress = 19001

const tenantInterface = "_tenant"

// tenantVersions are those that the adapter speaks.
var tenantVersions = []string{"1.0", "1.1", "1.2", "2.0"}

// adapterHead writes what all modules share: one text for the adapter, so that
// they share its instances.
func (w *writer) adapterHead(names []string) {
	w.out.WriteString(adapterHead)
	w.out.WriteString("\nlocals {\nokapi = jsonencode({\ntenants = var.tenants\nmodules = {\n")
	for _, name := range names {
		for _, d := range w.products[name] {
			var of []string
			if kind := d.tenant(); kind != "2.0" && d.serves() {
				of = append(of, "interface = "+quote(kind))
			}
			if id := name + "-" + d.version.String(); id != d.ID && d.serves() {
				of = append(of, "id = "+quote(d.ID))
			}
			if of != nil {
				fmt.Fprintf(&w.out, "%s = { %s }\n", quote(name+"-"+d.version.String()), strings.Join(of, ", "))
			}
		}
	}
	w.out.WriteString("}\n})\n}\n")
}

// adapted writes what a module has beside its versions.
func (w *writer) adapted(ds []*Descriptor) string {
	if !w.Adapter || !slices.ContainsFunc(ds, (*Descriptor).serves) {
		return ""
	}
	return `update = "on-takeover"
adapter = "okapi"
run_header = "X-Okapi-Request-Id"

plugin {
config = local.okapi
}

probe {
type = "http"
}

`
}

// serves reports whether there is a process behind d: parts of the user
// interface have none.
func (d *Descriptor) serves() bool {
	return slices.ContainsFunc(d.Provides, func(p provided) bool { return len(p.Handlers) > 0 })
}

// tenant returns the version of the tenant interface, as the adapter says it.
func (d *Descriptor) tenant() string {
	for _, p := range d.Provides {
		if p.ID == tenantInterface && slices.Contains(tenantVersions, p.version()) {
			return p.version()
		}
	}
	return "none"
}

// version is the interface's as Okapi reads it.
func (p provided) version() string {
	version, _, _ := strings.Cut(p.Version, " ")
	return version
}
