package main

import (
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"strings"

	"github.com/modgate/modgate/sdk-wasm/go/adapter"
	"github.com/modgate/modgate/sdk-wasm/go/adapter/config"
)

// settings are plugin.config, in JSON.
type settings struct {
	Strip    string `json:"strip_prefix"` // of the path; one that does not begin so is not rewritten
	Add      string `json:"add_prefix"`   // in its place
	Request  edits  `json:"request"`
	Response edits  `json:"response"`
}

// edits are what becomes of fields.
type edits struct {
	Set    map[string]string   `json:"set"`
	Add    map[string]anything `json:"add"`
	Remove []string            `json:"remove"`
	Rename map[string]string   `json:"rename"`

	sets, adds, renames []change // in the order of their names
}

// anything is a value, or several.
type anything []string

func (a *anything) UnmarshalJSON(b []byte) error {
	var one string
	if json.Unmarshal(b, &one) == nil {
		*a = anything{one}
		return nil
	}
	return json.Unmarshal(b, (*[]string)(a))
}

// change is a name with its value, or its new name.
type change struct {
	name, value string
	parts       []part // of a value with properties in it; nil: it has none
}

// part is a piece of a value: a text, or a property.
type part struct{ text, property string }

// text returns the value, with properties filled in; of what the gateway does
// not know nothing.
func (c *change) text(g adapter.Gateway) string {
	if c.parts == nil {
		return c.value
	}
	var b strings.Builder
	for _, p := range c.parts {
		b.WriteString(p.text)
		if p.property != "" {
			value, _ := g.Property(p.property)
			b.WriteString(value)
		}
	}
	return b.String()
}

// properties are those that a value may name, in braces.
var properties = []string{
	"caller.module", "gateway.version", "module.egress", "module.endpoint", "module.instance", "module.name", "module.version", "request.id",
	"route.name", "traceparent",
}

// owned are fields that an edit cannot change, in small letters: they frame the
// message, belong to a connection, or are the gateway's own.
var owned = []string{
	"connection", "content-length", "expect", "forwarded", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade", "via",
}

// read reads the settings, and says all that is wrong with them.
func (s *settings) read(text string) error {
	*s = settings{}
	if strings.TrimSpace(text) == "" {
		return errors.New("there is no plugin.config: nothing would be rewritten")
	}
	if err := config.Read(text, s); err != nil {
		return err
	}
	var wrong config.Wrong
	checkPrefix("strip_prefix", s.Strip, &wrong)
	checkPrefix("add_prefix", s.Add, &wrong)
	if s.Strip != "" && s.Strip == s.Add {
		wrong.Say("strip_prefix and add_prefix are both %q: nothing would be rewritten", s.Strip)
	}
	s.Request.read("request", &wrong)
	s.Response.read("response", &wrong)
	return wrong.Err()
}

func checkPrefix(name, prefix string, wrong *config.Wrong) {
	switch {
	case prefix == "":
	case prefix[0] != '/' || strings.HasSuffix(prefix, "/"):
		wrong.Say("%s: want segments such as /api/v1, without a slash at the end, not %q", name, prefix)
	case strings.ContainsAny(prefix, "?# {}") || strings.Contains(prefix, "//"):
		wrong.Say("%s: %q is no path: what cannot be in one is percent-encoded", name, prefix)
	}
}

// read puts the edits in order, and says what is wrong with them.
func (e *edits) read(where string, wrong *config.Wrong) {
	done := map[string]string{} // what is done to a field, by its name in small letters
	take := func(what, name string) {
		low := strings.ToLower(name)
		switch before := done[low]; {
		case !isToken(name):
			wrong.Say("%s.%s: %q is not the name of a header", where, what, name)
		case slices.Contains(owned, low) || strings.HasPrefix(low, "modgate-") || strings.HasPrefix(low, "x-forwarded-"):
			wrong.Say("%s.%s: %s is the gateway's own", where, what, name)
		case before != "" && (before != "set" || what != "add"):
			wrong.Say("%s: %s stands under %s and under %s", where, name, before, what)
		}
		done[low] = what
	}
	for _, name := range slices.Sorted(maps.Keys(e.Rename)) {
		take("rename", name)
		if to := e.Rename[name]; !isToken(to) || slices.Contains(owned, strings.ToLower(to)) || strings.EqualFold(to, name) {
			wrong.Say("%s.rename: %s cannot become %q", where, name, to)
		}
		e.renames = append(e.renames, change{name: name, value: e.Rename[name]})
	}
	for _, name := range e.Remove {
		take("remove", name)
	}
	for _, name := range slices.Sorted(maps.Keys(e.Set)) {
		take("set", name)
		e.sets = append(e.sets, changeTo(where+".set", name, e.Set[name], wrong))
	}
	for _, name := range slices.Sorted(maps.Keys(e.Add)) {
		take("add", name)
		for _, value := range e.Add[name] {
			e.adds = append(e.adds, changeTo(where+".add", name, value, wrong))
		}
	}
}

// changeTo takes a value apart: "{request.id}" stands for that property.
func changeTo(where, name, value string, wrong *config.Wrong) change {
	c := change{name: name, value: value}
	if strings.IndexFunc(value, func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f }) >= 0 {
		wrong.Say("%s: %s: a value has no control characters", where, name)
	}
	for rest := value; rest != ""; {
		text, after, found := strings.Cut(rest, "{")
		property, next, closed := strings.Cut(after, "}")
		switch {
		case !found:
			c.parts = append(c.parts, part{text: text})
			rest = ""
			continue
		case !closed || !slices.Contains(properties, property):
			wrong.Say("%s: %s: {%s} is no property: want one of %s", where, name, property, strings.Join(properties, ", "))
			return c
		}
		c.parts, rest = append(c.parts, part{text, property}), next
	}
	if len(c.parts) == 1 && c.parts[0].property == "" {
		c.parts = nil
	}
	return c
}

// isToken reports whether s can name a field (RFC 9110 5.6.2).
func isToken(s string) bool {
	for _, r := range s {
		if r <= ' ' || r >= 0x7f || strings.ContainsRune(`"(),/:;<=>?@[\]{}`, r) {
			return false
		}
	}
	return s != ""
}
