// Package module names the things that depend on each other: modules, their
// versions, the interfaces they provide and the ranges they require.
//
// It decides how versions order (V5) and when a version satisfies a range
// (D6). It never looks at what is running.
package module

import (
	"cmp"
	"errors"
	"fmt"
	"strings"

	"github.com/Masterminds/semver/v3"
)

// ErrName is returned by CheckName for a text that is not a module name.
var ErrName = errors.New("a module name is 1 to 64 of A-Z a-z 0-9 . _ - and starts with a letter or digit")

// ErrInterface is returned by CheckInterface for a text that is not an
// interface's id.
var ErrInterface = errors.New("an interface's id is 1 to 64 of A-Z a-z 0-9 . _ - / and starts with a letter or digit")

// ErrInstance is returned by CheckInstance for a text that is not an
// instance id (lifecycle.md 3.3).
var ErrInstance = errors.New("an instance id is 1 to 64 of A-Z a-z 0-9 . _ -")

// CheckName reports whether s may name a module.
func CheckName(s string) error {
	if !isWord(s) || strings.IndexByte("._-", s[0]) >= 0 {
		return ErrName
	}
	return nil
}

// CheckInterface reports whether s may be an interface's id: a module's name
// may, and so may names with slashes, as some of FOLIO's have.
func CheckInterface(s string) error {
	if CheckName(strings.ReplaceAll(s, "/", "-")) != nil {
		return ErrInterface
	}
	return nil
}

// CheckInstance reports whether s may be an instance id.
func CheckInstance(s string) error {
	if !isWord(s) {
		return ErrInstance
	}
	return nil
}

func isWord(s string) bool {
	if s == "" || len(s) > 64 {
		return false
	}
	for i := range len(s) {
		c := s[i]
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '.', c == '_', c == '-':
		default:
			return false
		}
	}
	return true
}

// Version is a module's semantic version. The zero Version is below all
// others and prints as "". Versions compare by semver 2.0.0 precedence, so
// build metadata does not order (V5); compare with Compare, not with ==.
type Version struct {
	text string // as given
	sem  *semver.Version
}

// ParseVersion reads a strict semantic version, MAJOR.MINOR.PATCH with
// optional pre-release and build metadata.
func ParseVersion(s string) (Version, error) {
	v, err := semver.StrictNewVersion(s)
	if err != nil {
		return Version{}, fmt.Errorf("version %q: want MAJOR.MINOR.PATCH, such as 1.4.0 or 2.0.0-rc.1: %w", s, err)
	}
	return Version{text: s, sem: v}, nil
}

// MustVersion is ParseVersion for constants; it panics on a bad one.
func MustVersion(s string) Version {
	v, err := ParseVersion(s)
	if err != nil {
		panic(err)
	}
	return v
}

// Compare orders versions by precedence: -1, 0 or +1.
func (v Version) Compare(w Version) int {
	switch {
	case v.sem == nil || w.sem == nil:
		return cmp.Compare(boolInt(v.sem != nil), boolInt(w.sem != nil))
	default:
		return v.sem.Compare(w.sem)
	}
}

func boolInt(b bool) int {
	if b {
		return 1
	}
	return 0
}

// Equal reports whether v and w are one version (V5).
func (v Version) Equal(w Version) bool { return v.Compare(w) == 0 }

// Less reports whether v is lower than w.
func (v Version) Less(w Version) bool { return v.Compare(w) < 0 }

// IsZero reports whether v is no version.
func (v Version) IsZero() bool { return v.sem == nil }

func (v Version) String() string { return v.text }

// MarshalText writes the version as it was given.
func (v Version) MarshalText() ([]byte, error) { return []byte(v.text), nil }

// UnmarshalText reads what MarshalText wrote; empty text is the zero Version.
func (v *Version) UnmarshalText(b []byte) error {
	if len(b) == 0 {
		*v = Version{}
		return nil
	}
	w, err := ParseVersion(string(b))
	if err == nil {
		*v = w
	}
	return err
}
