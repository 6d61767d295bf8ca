package config

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// A Setting is one value that the language sets: the row of the table from
// which the reader, the check of bounds and the language's reference follow.
type Setting struct {
	Name     string   // as written; a dot stands between block and attribute
	Value    any      // pointer into what the settings were asked of; see below
	Form     Form     // of a *string, or of a *[]string's elements; Program of the first only
	Words    []string // what an enumeration admits, the default first
	Min, Max int64    // nanoseconds, bytes, characters or a count; both zero: no bounds
	Required bool     // there is no default
	Effect   Effect   // of a change in a reload
	Doc      string   // one sentence without its full stop
}

// Effect is what a reload does about a setting that was changed. The zero
// value is AtOnce.
type Effect uint8

// The effects. What is under way ends as it began, whatever they are.
const (
	AtOnce       Effect = iota
	AtStart             // nothing: it takes effect with the gateway's next start
	ProcessAgain        // its process is stopped and started again
	ProcessNext         // it takes effect when its process starts again, for whatever reason
	Anew                // its processes are registered anew
	Registering         // it counts when a process of the module registers next
)

var effectTexts = [...]string{
	AtOnce: "at once", AtStart: "with the gateway's next start", ProcessAgain: "it is stopped and started again",
	ProcessNext: "with its process' next start", Anew: "its processes are registered anew", Registering: "when a process of it registers next",
}

// String says what the reload leads to.
func (e Effect) String() string { return effectTexts[e] }

// of gives all settings one effect.
func (e Effect) of(settings []Setting) []Setting {
	for i := range settings {
		settings[i].Effect = e
	}
	return settings
}

// take gives s, which waits for the next start, the value of another reading.
func (s Setting) take(other Setting) {
	switch v := s.Value.(type) {
	case *string:
		*v = *other.Value.(*string)
	case *time.Duration:
		*v = *other.Value.(*time.Duration)
	default:
		panic(fmt.Sprintf("setting %s waits for the next start and has a %T", s.Name, v)) // the table is wrong
	}
}

// The types of Value: *bool, *int, *string, *[]string, *map[string]string,
// *time.Duration, *Bytes, *Secret, *fallback.Bounds, *[]message.Route; of an enumeration, one
// that is an encoding.TextUnmarshaler.

// Form says how a text is read. The zero value is Text.
type Form uint8

// The forms.
const (
	Text    Form = iota
	Path         // of a file or folder, relative to the file that names it
	Program      // a Path if it has a slash, else looked up in PATH
	Address      // host:port
)

// Lengths for bounds, in nanoseconds.
const (
	ms     = int64(time.Millisecond)
	second = int64(time.Second)
	minute = int64(time.Minute)
	hour   = int64(time.Hour)
	day    = 24 * hour
)

// Bytes is a size.
type Bytes int64

// The units of Bytes.
const (
	KiB Bytes = 1 << (10 * (iota + 1))
	MiB
	GiB
	TiB
)

var byteUnits = []struct {
	name string
	size Bytes
}{{"TiB", TiB}, {"GiB", GiB}, {"MiB", MiB}, {"KiB", KiB}, {"B", 1}}

// ParseBytes reads a size such as "64MiB" or "512 B".
func ParseBytes(s string) (Bytes, error) {
	for _, u := range byteUnits {
		digits, ok := strings.CutSuffix(s, u.name)
		if !ok {
			continue
		}
		n, err := strconv.ParseInt(strings.TrimSpace(digits), 10, 64)
		if err != nil || n < 0 || n > int64(1<<62/u.size) {
			break
		}
		return Bytes(n) * u.size, nil
	}
	return 0, fmt.Errorf("size %q: want a whole number of B, KiB, MiB, GiB or TiB, such as \"64MiB\"", s)
}

// String writes b in the largest unit that divides it.
func (b Bytes) String() string {
	for _, u := range byteUnits {
		if b != 0 && b%u.size == 0 {
			return fmt.Sprintf("%d%s", b/u.size, u.name)
		}
	}
	return "0B"
}

// Secret is a text that never shows: not in a log, not in JSON, not by %v.
// Compare it in constant time.
type Secret string

// Bounds of a Secret's length: long enough not to be guessed.
const (
	minSecret = 16
	maxSecret = 1024
)

const redacted = "[secret]"

// String returns a placeholder.
func (s Secret) String() string { return redacted }

// GoString returns a placeholder.
func (s Secret) GoString() string { return redacted }

// MarshalText writes a placeholder.
func (s Secret) MarshalText() ([]byte, error) { return []byte(redacted), nil }
