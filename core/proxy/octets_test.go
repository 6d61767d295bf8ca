package proxy

import (
	"bytes"
	"testing"
)

// Eight octets at a time, or one by one: every octet is text or is none,
// wherever it stands (RFC 9110 5.5).
func TestTextHasNoControlCharacters(t *testing.T) {
	for length := range 20 {
		for at := range length {
			for c := range 256 {
				s := bytes.Repeat([]byte("\t~ \xff"), 5)[:length]
				s[at] = byte(c)
				want := length
				if c < ' ' && c != '\t' || c == 0x7f {
					want = at
				}
				if got := textLength(s); got != want {
					t.Fatalf("of %q %d octets are text, want %d", s, got, want)
				}
			}
		}
	}
}
