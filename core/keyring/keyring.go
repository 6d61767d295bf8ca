// Package keyring holds the certificates, private keys and authorities of the
// gateway's TLS connections: it reads them from files, and again when those
// change, so that a certificate that was renewed is shown without a restart.
//
// It decides which certificate a client is shown and whom a connection
// trusts. It never decides who may do what: a verified certificate is only
// handed on.
package keyring

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"sync/atomic"
	"time"
)

// Files are what a Ring is read from, all of them PEM.
type Files struct {
	// Certificates are chains, the leaf first. A client that names a server
	// (SNI) is shown the first that fits, any other the first of all.
	Certificates []string

	// Keys belong to Certificates, in the same order; none: each stands in
	// its certificate's file.
	Keys []string

	// Authorities sign the certificates of the other end; empty: of servers
	// the system's do, of clients none.
	Authorities string
}

// Server says how a Ring serves.
type Server struct {
	Protocols  []string // by ALPN, the liked best first
	MinVersion uint16   // 0: TLS 1.2
	Clients    tls.ClientAuthType
}

// Ring is what was read. Open makes one; it may be used by many.
type Ring struct {
	files  Files
	server Server
	held   atomic.Pointer[held]
}

// held is one reading; it never changes.
type held struct {
	texts          [][]byte // of the files, in the order of Files.all
	server, client *tls.Config
	expiry         time.Time // the first of the certificates'; zero: there is none
}

// Open reads the files. The error says which of them is wrong.
func Open(f Files, s Server) (*Ring, error) {
	if len(f.Keys) > 0 && len(f.Keys) != len(f.Certificates) {
		return nil, fmt.Errorf("%d certificates have %d keys: want one key for each", len(f.Certificates), len(f.Keys))
	}
	r := &Ring{files: f, server: s}
	_, err := r.Refresh()
	return r, err
}

// Refresh reads the files again and reports whether something else holds now.
// After an error the last good reading does.
func (r *Ring) Refresh() (changed bool, err error) {
	texts, err := r.files.read()
	if err != nil {
		return false, err
	}
	old := r.held.Load()
	if old != nil && equal(old.texts, texts) {
		return false, nil
	}
	next, err := r.files.parse(texts)
	if err != nil {
		return false, err
	}
	next.server.NextProtos, next.server.MinVersion = r.server.Protocols, r.server.MinVersion
	next.server.ClientAuth = r.server.Clients
	r.held.Store(next)
	return true, nil
}

// Expiry returns when the first of the certificates expires, zero if there is
// none.
func (r *Ring) Expiry() time.Time { return r.held.Load().expiry }

// ServerConfig returns a configuration for a listener that follows every
// Refresh. Sessions are resumed across them.
func (r *Ring) ServerConfig() *tls.Config {
	return &tls.Config{
		NextProtos: r.server.Protocols, MinVersion: r.server.MinVersion,
		GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) { return r.held.Load().server, nil },
	}
}

// ClientConfig returns the configuration of this moment for connections that
// are made. It must not be changed, and is the same as long as the files are.
func (r *Ring) ClientConfig() *tls.Config { return r.held.Load().client }

// all returns every file: certificates, keys, authorities.
func (f Files) all() []string {
	out := append(append([]string(nil), f.Certificates...), f.Keys...)
	if f.Authorities != "" {
		out = append(out, f.Authorities)
	}
	return out
}

// read returns the files' texts. All errors are reported, not the first.
func (f Files) read() (texts [][]byte, err error) {
	var errs []error
	for _, name := range f.all() {
		b, err := os.ReadFile(name)
		errs = append(errs, err)
		texts = append(texts, b)
	}
	return texts, errors.Join(errs...)
}

func equal(a, b [][]byte) bool {
	for i := range a {
		if !bytes.Equal(a[i], b[i]) {
			return false
		}
	}
	return true
}

// parse makes configurations of what was read.
func (f Files) parse(texts [][]byte) (*held, error) {
	h := &held{texts: texts, server: &tls.Config{}, client: &tls.Config{ClientSessionCache: tls.NewLRUClientSessionCache(0)}}
	for i, name := range f.Certificates {
		key, keyName := texts[i], name
		if len(f.Keys) > 0 {
			key, keyName = texts[len(f.Certificates)+i], f.Keys[i]
		}
		c, err := tls.X509KeyPair(texts[i], key)
		if err != nil {
			return nil, fmt.Errorf("certificate %s with the key of %s: %w", name, keyName, err)
		}
		h.server.Certificates = append(h.server.Certificates, c)
		if h.expiry.IsZero() || c.Leaf.NotAfter.Before(h.expiry) {
			h.expiry = c.Leaf.NotAfter
		}
	}
	h.client.Certificates = h.server.Certificates
	if f.Authorities != "" {
		pool := x509.NewCertPool()
		if !pool.AppendCertsFromPEM(texts[len(texts)-1]) {
			return nil, fmt.Errorf("authorities %s: no certificate in PEM is in it", f.Authorities)
		}
		h.server.ClientCAs, h.client.RootCAs = pool, pool
	}
	return h, nil
}
