package module

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/Masterminds/semver/v3"
)

// Interface is a contract that a module version provides: an id and a
// version of its own, "X.Y" or a semantic version.
type Interface struct {
	ID      string `json:"id"`
	Version string `json:"version"`
}

// Kind says what a requirement's id names.
type Kind uint8

// The kinds of requirement. AnyKind is the default: an interface of that id,
// which a module's own name is too (glossary: interface).
const (
	AnyKind Kind = iota
	ModuleKind
	InterfaceKind
)

var kindNames = [...]string{"", "module", "interface"}

func (k Kind) String() string { return kindNames[k] }

// MarshalText writes "", "module" or "interface".
func (k Kind) MarshalText() ([]byte, error) { return []byte(k.String()), nil }

// UnmarshalText reads what MarshalText writes.
func (k *Kind) UnmarshalText(b []byte) error {
	for i, n := range kindNames {
		if n == string(b) {
			*k = Kind(i)
			return nil
		}
	}
	return fmt.Errorf("kind %q: want \"module\" or \"interface\"", b)
}

// Scheme says how a range is read (D6).
type Scheme uint8

// The schemes of ranges.
const (
	Semver Scheme = iota // Masterminds' ranges, pre-releases included
	FOLIO                // "X.Y": same major, at least the minor; a space means "or"
)

var schemeNames = [...]string{"", "folio"}

func (s Scheme) String() string { return schemeNames[s] }

// MarshalText writes "" for Semver, "folio" for FOLIO.
func (s Scheme) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText reads what MarshalText writes, and "semver".
func (s *Scheme) UnmarshalText(b []byte) error {
	switch string(b) {
	case "", "semver":
		*s = Semver
	case "folio":
		*s = FOLIO
	default:
		return fmt.Errorf("scheme %q: want \"semver\" or \"folio\"", b)
	}
	return nil
}

// Requirement is what a module version needs: an interface or module, in a
// range of versions.
type Requirement struct {
	ID       string `json:"id"`
	Kind     Kind   `json:"kind,omitempty"`
	Range    string `json:"range,omitempty"` // empty: any version
	Scheme   Scheme `json:"scheme,omitempty"`
	Optional bool   `json:"optional,omitempty"`
}

// Range is a parsed range of versions. The zero Range admits every version.
type Range struct {
	bare   *semver.Version     // the least; the next major is above it
	semver *semver.Constraints // used when bare is nil
	folio  []folioVersion      // alternatives; used when both are
}

type folioVersion struct{ major, minor, patch uint64 }

// ParseRange reads s under scheme. A bare version X.Y[.Z] means
// ">= X.Y.Z, < (X+1).0.0-0", for 0.x too; a bare X means X.0.0. Empty and
// "*" admit every version (D6).
func ParseRange(s string, scheme Scheme) (Range, error) {
	s = strings.TrimSpace(s)
	switch {
	case s == "" || s == "*":
		return Range{}, nil
	case scheme == FOLIO:
		return parseFOLIO(s)
	}
	if least, ok := bare(s); ok {
		return Range{bare: least}, nil
	}
	c, err := semver.NewConstraint(s)
	if err != nil {
		return Range{}, fmt.Errorf("range %q: want a version such as 1.4, or a range such as \">= 1.4, < 3\": %w", s, err)
	}
	c.IncludePrerelease = true
	return Range{semver: c}, nil
}

// IsVersion reports whether s is a version that a range of Semver may be about:
// a semantic one, or one that lacks its last numbers.
func IsVersion(s string) bool {
	_, err := loose(s)
	return err == nil
}

// bare reads a bare version, which nearly every range is, without the regular
// expressions of NewConstraint.
func bare(s string) (*semver.Version, bool) {
	v, err := semver.StrictNewVersion(padded(s))
	return v, err == nil && v.Prerelease() == "" && v.Metadata() == ""
}

// padded gives s three numbers, if it has fewer.
func padded(s string) string {
	for n := strings.Count(s, "."); n < 2; n++ {
		s += ".0"
	}
	return s
}

// loose reads a semantic version, or one that lacks its last numbers, if it
// can without regular expressions.
func loose(s string) (*semver.Version, error) {
	if v, err := semver.StrictNewVersion(padded(s)); err == nil {
		return v, nil
	}
	return semver.NewVersion(s)
}

func parseFOLIO(s string) (Range, error) {
	var r Range
	for alt := range strings.FieldsSeq(s) {
		v, ok := parseFOLIOVersion(alt)
		if !ok {
			return Range{}, fmt.Errorf("range %q: a FOLIO interface version is X.Y or X.Y.Z, alternatives separated by spaces", s)
		}
		r.folio = append(r.folio, v)
	}
	return r, nil
}

func parseFOLIOVersion(s string) (folioVersion, bool) {
	parts := strings.Split(s, ".")
	if len(parts) < 2 || len(parts) > 3 {
		return folioVersion{}, false
	}
	var n [3]uint64
	for i, p := range parts {
		v, err := strconv.ParseUint(p, 10, 32)
		if err != nil {
			return folioVersion{}, false
		}
		n[i] = v
	}
	return folioVersion{n[0], n[1], n[2]}, true
}

// Admits reports whether version lies in r. A text that is no version of r's
// scheme is admitted only by the range that admits everything.
func (r Range) Admits(version string) bool {
	if r.bare != nil || r.semver != nil {
		v, err := loose(version)
		switch {
		case err != nil:
			return false
		case r.bare != nil:
			return v.Major() == r.bare.Major() && !v.LessThan(r.bare)
		default:
			return r.semver.Check(v)
		}
	}
	if r.folio == nil {
		return true
	}
	v, ok := parseFOLIOVersion(version)
	if !ok {
		return false
	}
	for _, want := range r.folio {
		if v.major == want.major && (v.minor > want.minor || v.minor == want.minor && v.patch >= want.patch) {
			return true
		}
	}
	return false
}
