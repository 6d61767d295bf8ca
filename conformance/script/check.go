package script

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// Macros are whole answers, each a row of the specification's tables.
var macros = map[string]string{
	"DELAY":        "503, `Retry-After`, `Proxy-Status` and `Modgate-Status` of DELAY, `urn:modgate:delay`, `ttl` (3.2)",
	"MISSING":      "503 without `Retry-After`, `Proxy-Status` and `Modgate-Status` of MISSING, `urn:modgate:missing` (3.2)",
	"UNKNOWN":      "404, `Proxy-Status: modgate; error=destination_not_found`, `urn:modgate:unknown` (3.2)",
	"OVERFLOW":     "503, `Retry-After`, `Proxy-Status` with `connection_limit_reached`, `urn:modgate:overflow` (3.2)",
	"RESUMED":      "200 of the upstream, with `Modgate-Status: resume` and `waited` (3.2)",
	"PASSED":       "200 of the upstream, without `Modgate-Status`: the request was not parked",
	"PENDING":      "202, `notice` delay, `ttl`, `Retry-After`, no `outcome` (3.3)",
	"INVALID":      "400, `urn:modgate:invalid`, with `errors` (3.3)",
	"UNAUTHORIZED": "401, `urn:modgate:token-required` (3.3)",
	"FENCED":       "409, `urn:modgate:fenced` (3.3)",
	"REFUSED":      "409, `urn:modgate:refused` (3.3)",
	"CONFLICT":     "409, `urn:modgate:conflict` (3.3)",
}

var checkForm = regexp.MustCompile(`(?s)^(@?[A-Za-z][A-Za-z0-9_.;\[\]/+-]*?)(:=|!=|<=|>=|!~|=|<|>|~|\?|!)(.*)$`)

// parseChecks reads what follows the arrow.
func (s *Step) parseChecks(words []string) error {
	for i, w := range words {
		if _, known := macros[w]; known {
			if i != 0 {
				return fmt.Errorf("%s stands first after the arrow", w)
			}
			s.Macro = w
			continue
		}
		if status, err := strconv.Atoi(w); err == nil {
			if status < 100 || status > 599 {
				return fmt.Errorf("%d is no status", status)
			}
			s.Checks = append(s.Checks, Check{"status", Equal, w})
			continue
		}
		c, err := ParseCheck(w)
		if err != nil {
			return err
		}
		s.Checks = append(s.Checks, c)
	}
	return nil
}

// ParseCheck reads one check.
func ParseCheck(w string) (Check, error) {
	m := checkForm.FindStringSubmatch(w)
	if m == nil {
		return Check{}, fmt.Errorf("%q is no check: want a status, %s, or FIELD and one of = != < <= > >= ~ !~ ? ! :=", w, "a word such as DELAY")
	}
	c := Check{m[1], Op(m[2]), m[3]}
	switch c.Op {
	case Present, Absent:
		if c.Value != "" {
			return Check{}, fmt.Errorf("%q: nothing stands after %s", w, c.Op)
		}
	case Save:
		if !isName(c.Value) {
			return Check{}, fmt.Errorf("%q: want the name of a variable", w)
		}
	case Less, AtMost, More, AtLeast:
		if c.Value == "" {
			return Check{}, fmt.Errorf("%q: want something to compare with", w)
		}
	case Equal, NotEqual, Contains, ContainsNo:
	}
	if strings.Count(c.Field, "[") != strings.Count(c.Field, "]") {
		return Check{}, fmt.Errorf("%q: a bracket has no partner", w)
	}
	return c, nil
}
