package config

import (
	"encoding"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/modgate/modgate/core/fallback"
	"github.com/modgate/modgate/core/message"
)

// Text writes the setting's value as the language does.
func (s Setting) Text() string {
	switch v := s.Value.(type) {
	case *bool:
		return strconv.FormatBool(*v)
	case *int:
		return strconv.Itoa(*v)
	case *string:
		return strconv.Quote(*v)
	case *Secret:
		return v.String()
	case *Bytes:
		return strconv.Quote(v.String())
	case *time.Duration:
		return strconv.Quote(text(*v))
	case *fallback.Bounds:
		return fmt.Sprintf("[%q, %q]", text(v.Min), text(v.Max))
	case *[]string:
		return list(*v)
	case *[]message.Route:
		routes := make([]string, len(*v))
		for i, r := range *v {
			routes[i] = routeText(r)
		}
		return list(routes)
	case *map[string]string:
		return object(*v)
	case encoding.TextMarshaler:
		word, _ := v.MarshalText() // of an enumeration: cannot fail
		return strconv.Quote(string(word))
	default:
		panic(fmt.Sprintf("setting %s has a %T", s.Name, v)) // the table is wrong
	}
}

func list(items []string) string {
	quoted := make([]string, len(items))
	for i, s := range items {
		quoted[i] = strconv.Quote(s)
	}
	return "[" + strings.Join(quoted, ", ") + "]"
}

func object(m map[string]string) string {
	var pairs []string
	for _, k := range slices.Sorted(maps.Keys(m)) {
		pairs = append(pairs, fmt.Sprintf("%s = %q", k, m[k]))
	}
	return "{" + strings.Join(pairs, ", ") + "}"
}

// text writes d without the zeros that time.Duration adds.
func text(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = s[:len(s)-2]
	}
	if strings.HasSuffix(s, "h0m") {
		s = s[:len(s)-2]
	}
	return s
}

// numbers returns what of the setting has bounds: nothing of a text or an
// unset secret.
func (s Setting) numbers() []int64 {
	switch v := s.Value.(type) {
	case *int:
		return []int64{int64(*v)}
	case *Bytes:
		return []int64{int64(*v)}
	case *time.Duration:
		return []int64{int64(*v)}
	case *fallback.Bounds:
		return []int64{int64(v.Min), int64(v.Max)}
	case *Secret:
		if *v != "" {
			return []int64{int64(len(*v))}
		}
	}
	return nil
}

// Bound writes n, Min or Max, in the unit that the language has for it.
func (s Setting) Bound(n int64) string {
	switch s.Value.(type) {
	case *Bytes:
		return Bytes(n).String()
	case *time.Duration, *fallback.Bounds:
		return text(time.Duration(n))
	case *Secret:
		return strconv.FormatInt(n, 10) + " bytes"
	default:
		return strconv.FormatInt(n, 10)
	}
}
