package plugins

import (
	"bytes"
	"testing"
)

// Eight octets at a time are judged as one at a time, wherever a wrong one
// stands.
func TestTextIsJudgedAsOctetByOctet(t *testing.T) {
	for n := range 20 {
		for at := range n {
			for c := range 256 {
				b := bytes.Repeat([]byte("v"), n)
				b[at] = byte(c)
				if got, want := isText(b), isTextSlowly(b); got != want {
					t.Fatalf("%q: %v, want %v", b, got, want)
				}
				b[n-1-at] = 0xff
				if got, want := isText(b), isTextSlowly(b); got != want {
					t.Fatalf("%q: %v, want %v", b, got, want)
				}
			}
		}
	}
}
