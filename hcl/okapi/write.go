package okapi

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/modgate/modgate/core/module"
	"github.com/modgate/modgate/hcl"
)

const head = `# Made of %s by modgate import okapi. What it does not express of a
# module is listed above the module.

variable "upstreams" {
  type        = map(string)
  default     = {}
  description = "where modules are, by FOLIO's module id; of those not named here each is at its own name"
}
`

// Options say how descriptors are said.
type Options struct {
	// Adapter lets the modules stay as they are, behind the adapter okapi
	// (plugins/okapi): it calls their tenant interface, and gives requests
	// Okapi's headers.
	Adapter bool
}

// Write says the descriptors in the language, formatted, and lists what it
// cannot say, which also stands above each module in comments. Modules are in
// the order of their first descriptor, versions ascending. Where a module is
// FOLIO's descriptors do not say: the variable upstreams does.
func Write(ds []Descriptor, o Options) (text []byte, omitted []Omission, err error) {
	var names []string
	versions := map[string][]*Descriptor{}
	for i := range ds {
		d := &ds[i]
		if versions[d.name] == nil {
			names = append(names, d.name)
		}
		versions[d.name] = append(versions[d.name], d)
	}
	w := writer{Options: o, products: versions, egress: firstEgress}
	fmt.Fprintf(&w.out, head, count(len(ds), "module descriptor"))
	if o.Adapter {
		w.adapterHead(names)
	}
	for _, name := range names {
		slices.SortStableFunc(versions[name], func(a, b *Descriptor) int { return a.version.Compare(b.version) })
		w.module(name, versions[name])
	}
	if err := errors.Join(w.errs...); err != nil {
		return nil, nil, err
	}
	return hcl.Format(w.out.Bytes()), w.omitted, nil
}

type writer struct {
	Options
	egress   int // port of the next
	products map[string][]*Descriptor
	out      bytes.Buffer
	omitted  []Omission
	errs     []error
}

// module writes one block, with what is not expressed above it.
func (w *writer) module(name string, ds []*Descriptor) {
	var blocks bytes.Buffer
	w.out.WriteByte('\n')
	for i, d := range ds {
		if i > 0 {
			blocks.WriteByte('\n')
		}
		notes := w.version(&blocks, d)
		fmt.Fprintf(&w.out, "# %s: %s.", d.ID, line(cmp.Or(d.Title, d.name)))
		if len(notes) > 0 {
			w.out.WriteString(" Not expressed:")
		}
		w.out.WriteByte('\n')
		for _, n := range notes {
			n = line(n)
			fmt.Fprintf(&w.out, "#   %s\n", n)
			w.omitted = append(w.omitted, Omission{d.ID, n})
		}
	}
	fmt.Fprintf(&w.out, "module %s {\n%s%s%s}\n", quote(name), w.replaces(name, ds), w.adapted(ds), &blocks)
}

// replaces names the products that any of the module's versions replaces: of
// Okapi a product is what is a module here.
func (w *writer) replaces(name string, ds []*Descriptor) string {
	var names []string
	for _, d := range ds {
		for _, n := range d.Replaces {
			if err := module.CheckName(n); err != nil {
				w.errs = append(w.errs, fmt.Errorf("%s replaces %q: %w", d.ID, n, err))
			} else if q := quote(n); n != name && !slices.Contains(names, q) {
				names = append(names, q)
			}
		}
	}
	if names == nil {
		return ""
	}
	return "replaces = [" + strings.Join(names, ", ") + "]\n\n"
}

// version writes one block and returns what is not expressed.
func (w *writer) version(out *bytes.Buffer, d *Descriptor) (notes []string) {
	needs, changed, err := d.requirements()
	if err != nil {
		w.errs = append(w.errs, err)
	}
	fmt.Fprintf(out, "version %s {\n", quote(d.version.String()))
	fmt.Fprintf(out, "upstreams = [lookup(var.upstreams, %s, %s)]\n", quote(d.ID), quote(d.upstream()))
	if w.Adapter && d.serves() {
		fmt.Fprintf(out, "egress = [lookup(var.egress, %s, \"127.0.0.1:%d\")]\n", quote(d.ID), w.egress)
		w.egress++
	}
	if len(needs) > 0 {
		out.WriteString("scheme = \"folio\"\n")
	}
	r := routes{taken: map[string]string{}}
	for i, p := range slices.DeleteFunc(slices.Clone(d.Provides), func(p provided) bool { return !p.routed() }) {
		version, _, cut := strings.Cut(p.Version, " ")
		if cut {
			r.note(fmt.Sprintf("interface %s %q: Okapi reads it as %q", p.ID, p.Version, version))
		}
		if err := module.CheckInterface(p.ID); err != nil {
			w.errs = append(w.errs, fmt.Errorf("%s provides %s: %w", d.ID, p.ID, err))
		}
		list := r.of(p)
		if i == 0 || len(list) > 0 {
			out.WriteByte('\n')
		}
		writeProvided(out, p.ID, version, list)
	}
	if len(needs) > 0 {
		out.WriteByte('\n')
	}
	for _, q := range needs {
		w.requirement(out, q)
	}
	out.WriteString("}\n")
	return slices.Concat(r.notes, changed, d.omissions(w.Options))
}

func writeProvided(out *bytes.Buffer, id, version string, routes []string) {
	if len(routes) == 0 {
		fmt.Fprintf(out, "provides %s { version = %s }\n", quote(id), quote(version))
		return
	}
	fmt.Fprintf(out, "provides %s {\nversion = %s\nroutes = [\n", quote(id), quote(version))
	for _, r := range routes {
		fmt.Fprintf(out, "%s,\n", quote(r))
	}
	out.WriteString("]\n}\n")
}

func (w *writer) requirement(out *bytes.Buffer, q requirement) {
	fmt.Fprintf(out, "requires %s {", quote(q.id))
	_, product := w.products[q.id]
	if !product && !q.optional {
		fmt.Fprintf(out, " range = %s }\n", quote(q.versions))
		return
	}
	fmt.Fprintf(out, "\nrange = %s\n", quote(q.versions))
	if product {
		out.WriteString("kind = \"interface\"\n") // not the module of that name
	}
	if q.optional {
		out.WriteString("optional = true\n")
	}
	out.WriteString("}\n")
}

// upstream is where the module is unless the operator says otherwise: a host
// of its own name, at the port that its container has.
func (d *Descriptor) upstream() string {
	port := "8081" // that nearly all have
	if ports := slices.Sorted(maps.Keys(d.Launch.Args.Host.Ports)); len(ports) > 0 {
		number, _, _ := strings.Cut(ports[0], "/")
		if _, err := strconv.ParseUint(number, 10, 16); err == nil {
			port = number
		}
	}
	host := strings.Map(func(r rune) rune {
		if r == '.' || r == '_' || r == '+' {
			return '-'
		}
		return unicode.ToLower(r)
	}, d.ID)
	return "http://" + host + ":" + port
}

// quote writes a text of the language.
func quote(s string) string {
	return strings.NewReplacer("${", "$${", "%{", "%%{").Replace(strconv.Quote(s))
}

// line makes a comment's text one line.
func line(s string) string {
	return strings.Join(strings.FieldsFunc(s, func(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) }), " ")
}
