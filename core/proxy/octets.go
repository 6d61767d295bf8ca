package proxy

import (
	"bytes"
	"encoding/binary"
	"iter"
	"math/bits"
)

// octetSet says of each octet whether it is one of the set.
type octetSet [256]bool

func octets(s string) (set octetSet) {
	for i := range len(s) {
		set[s[i]] = true
	}
	return set
}

func (o *octetSet) has(c byte) bool { return o[c] }

// all reports whether s has octets of the set only.
func (o *octetSet) all(s []byte) bool {
	for _, c := range s {
		if !o[c] {
			return false
		}
	}
	return true
}

const alphanumeric = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

var (
	tokenOctets = octets(alphanumeric + "!#$%&'*+-.^_`|~")
	hostOctets  = octets(alphanumeric + "-._~!$&'()*+;=")
	idOctets    = octets(alphanumeric + "-._~:+/=@")
)

// isToken reports whether s is a token of RFC 9110 5.6.2.
func isToken(s []byte) bool { return len(s) > 0 && tokenOctets.all(s) }

// decimal reads a number as the gateway itself would write it.
func decimal(s []byte) (n int64, ok bool) {
	if len(s) == 0 || len(s) > 18 || s[0] == '0' && len(s) > 1 {
		return 0, false
	}
	for _, c := range s {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = n*10 + int64(c-'0')
	}
	return n, true
}

// isText reports whether s can be a field's value (RFC 9110 5.5): no control
// character but the tab.
func isText(s []byte) bool { return textLength(s) == len(s) }

// textLength returns the length of the text that s begins with.
func textLength(s []byte) int {
	const ones, tops = 0x0101010101010101, 0x8080808080808080
	i := 0
	for len(s)-i >= 8 {
		w := binary.LittleEndian.Uint64(s[i:])
		x := w ^ ones*0x7f
		low, del := (w-ones*' ')&^w, (x-ones)&^x // the lowest top bit that is set is that of a control character, or a DEL
		stop := (low | del) & tops
		if stop == 0 {
			i += 8
			continue
		}
		if i += bits.TrailingZeros64(stop) / 8; s[i] != '\t' {
			return i
		}
		i++
	}
	for i < len(s) && (s[i] >= ' ' || s[i] == '\t') && s[i] != 0x7f {
		i++
	}
	return i
}

// lower appends s in lower case.
func lower(dst, s []byte) []byte {
	for _, c := range s {
		if 'A' <= c && c <= 'Z' {
			c |= 0x20
		}
		dst = append(dst, c)
	}
	return dst
}

func equalFold(s []byte, lowerCase string) bool {
	if len(s) != len(lowerCase) {
		return false
	}
	for i, c := range s {
		if 'A' <= c && c <= 'Z' {
			c |= 0x20
		}
		if c != lowerCase[i] {
			return false
		}
	}
	return true
}

func cutPrefixFold(s []byte, lowerCase string) ([]byte, bool) {
	if len(s) < len(lowerCase) || !equalFold(s[:len(lowerCase)], lowerCase) {
		return s, false
	}
	return s[len(lowerCase):], true
}

// trim returns s without the white space around it.
func trim(s []byte) []byte {
	for len(s) > 0 && (s[0] == ' ' || s[0] == '\t') {
		s = s[1:]
	}
	for len(s) > 0 && (s[len(s)-1] == ' ' || s[len(s)-1] == '\t') {
		s = s[:len(s)-1]
	}
	return s
}

// list yields the members of a comma-separated field value.
func list(value []byte) iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		for len(value) > 0 {
			var member []byte
			if n := bytes.IndexByte(value, ','); n >= 0 {
				member, value = value[:n], value[n+1:]
			} else {
				member, value = value, nil
			}
			if member = trim(member); len(member) > 0 && !yield(member) {
				return
			}
		}
	}
}

func listHas(value []byte, lowerCase string) bool {
	for member := range list(value) {
		if equalFold(member, lowerCase) {
			return true
		}
	}
	return false
}

// checkFold refuses a name that some parser could take for one of the two
// that frame a body: Transfer_Encoding, Content.Length and their like.
func checkFold(name []byte) error {
	if folds(name, "contentlength") || folds(name, "transferencoding") {
		return errFolded
	}
	return nil
}

// folds reports whether the letters of name are those of letters.
func folds(name []byte, letters string) bool {
	at := 0
	for _, c := range name {
		c |= 0x20
		if c < 'a' || c > 'z' {
			continue
		}
		if at == len(letters) || c != letters[at] {
			return false
		}
		at++
	}
	return at == len(letters)
}
