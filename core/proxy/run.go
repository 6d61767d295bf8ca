package proxy

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"hash"
	"sync"
)

// A run is the chain of instances through which a piece of work has come, as
// the header Modgate-Run carries it (U11, 3.1):
//
//	v1.<base64url hops>.<base64url mac>
//
// hops are module@version/instance, joined by a space. The mac is that of the
// last hop: HMAC-SHA256(run key, mac of the hop before | hop), cut to 16
// bytes; before the first hop stands nothing.
//
// The gateway appends a hop without verifying what it appends to. That is
// safe because a run is honoured only with the token of its last hop, and
// verifying starts from the first one: whoever forges a beginning gets a mac
// that can never verify, and harms only their own request.
type run struct {
	signers *sync.Pool // of hash.Hash, keyed
	mac     hash.Hash  // of signers; nil until there is something to sign

	value   []byte // the incoming run, as it came; empty if none is honoured
	caller  string // who brought it
	decoded bool   // or there was nothing to decode

	hops  []byte // decoded; empty if none is honoured
	sum   []byte // the mac, as given
	text  []byte // scratch of appended
	macs  [sha256.Size]byte
	first [macSize]byte // scratch of appended: mac of the origin
	count int           // of hops

	own bool // verified found that it is the gateway's
}

const (
	runPrefix  = "v1."
	macSize    = 16
	maxHops    = 16
	hopDivider = ' '

	shortestFull = 127 // as base64 has 16 hops like m@v/i
)

var runEncoding = base64.RawURLEncoding.Strict()

// newSigners returns the pool of those who sign with key.
func newSigners(key []byte) *sync.Pool {
	return &sync.Pool{New: func() any { return hmac.New(sha256.New, key) }}
}

// rest gives back what is of no use while the request waits.
func (r *run) rest() {
	if r.mac != nil {
		r.signers.Put(r.mac)
		r.mac = nil
	}
}

// read takes an incoming run that caller brings, without looking at it: that is
// left to who needs to know more. value is kept.
func (r *run) read(value []byte, caller string) {
	r.forget()
	r.value, r.caller, r.decoded = value, caller, false
}

// decode looks at the incoming run without verifying its mac. One whose last
// hop is not who brings it is as none.
func (r *run) decode() {
	if r.decoded {
		return
	}
	r.decoded = true
	rest, ok := bytes.CutPrefix(r.value, []byte(runPrefix))
	hops, mac, dot := bytes.Cut(rest, []byte("."))
	if !ok || !dot || len(hops) == 0 {
		r.forget()
		return
	}
	var err1, err2 error
	r.hops, err1 = runEncoding.AppendDecode(r.hops[:0], hops)
	r.sum, err2 = runEncoding.AppendDecode(r.sum[:0], mac)
	r.count = 1 + bytes.Count(r.hops, []byte{hopDivider})
	if err1 != nil || err2 != nil || len(r.sum) != macSize || !endsIn(r.hops, r.caller) || r.count > maxHops {
		r.forget()
	}
}

// forget makes the incoming run none.
func (r *run) forget() {
	r.value, r.caller, r.decoded = nil, "", true
	r.hops, r.sum, r.count, r.own = r.hops[:0], r.sum[:0], 0, false
}

// endsIn reports whether hop is the last of hops.
func endsIn(hops []byte, hop string) bool {
	n := len(hops) - len(hop)
	return n >= 0 && string(hops[n:]) == hop && (n == 0 || hops[n-1] == hopDivider)
}

// full reports that no hop can be added.
func (r *run) full() bool {
	if len(r.value) < shortestFull {
		return false
	}
	r.decode()
	return r.count >= maxHops
}

// verified reports whether the incoming run is the gateway's own. If not, it
// counts as absent from now on.
func (r *run) verified() bool {
	r.decode()
	if r.count == 0 || r.own {
		return r.own
	}
	var sum []byte
	for hop := range bytes.SplitSeq(r.hops, []byte{hopDivider}) {
		sum = r.sign(sum, hop)
	}
	if !hmac.Equal(sum, r.sum) {
		r.forget()
		return false
	}
	r.own = true
	return true
}

// sign returns the mac of hop after a hop of mac before, valid until the
// next sign.
func (r *run) sign(before, hop []byte) []byte {
	if r.mac == nil {
		r.mac = r.signers.Get().(hash.Hash)
	}
	r.mac.Reset()
	r.mac.Write(before)
	r.mac.Write(hop)
	return r.mac.Sum(r.macs[:0])[:macSize]
}

// appended appends to dst the run with one hop more. Where there is no run,
// one begins with the hop origin, if that is not empty.
func (r *run) appended(dst []byte, origin, hop string) []byte {
	r.decode()
	sum := r.sum
	r.text = append(r.text[:0], r.hops...)
	if len(r.text) == 0 && origin != "" {
		r.text = append(r.text, origin...)
		r.first = [macSize]byte(r.sign(nil, r.text))
		sum = r.first[:]
	}
	if len(r.text) > 0 {
		r.text = append(r.text, hopDivider)
	}
	start := len(r.text)
	r.text = append(r.text, hop...)

	dst = append(dst, runPrefix...)
	dst = runEncoding.AppendEncode(dst, r.text)
	dst = append(dst, '.')
	return runEncoding.AppendEncode(dst, r.sign(sum, r.text[start:]))
}

// find returns the hop of module that came last, for which accept is true.
// The run must be verified.
func (r *run) find(module string, accept func(version, instance []byte) bool) bool {
	r.decode()
	rest := r.hops
	for len(rest) > 0 {
		hop := rest
		if n := bytes.LastIndexByte(rest, hopDivider); n >= 0 {
			rest, hop = rest[:n], rest[n+1:]
		} else {
			rest = nil
		}
		name, at, _ := bytes.Cut(hop, []byte("@"))
		version, instance, _ := bytes.Cut(at, []byte("/"))
		if string(name) == module && accept(version, instance) {
			return true
		}
	}
	return false
}
