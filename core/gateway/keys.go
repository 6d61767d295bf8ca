package gateway

import (
	"crypto/tls"
	"errors"
	"fmt"
	"reflect"
	"time"

	"github.com/modgate/modgate/core/alert"
	"github.com/modgate/modgate/core/config"
	"github.com/modgate/modgate/core/keyring"
)

const (
	keysEvery    = 10 * time.Second    // the files of certificates are looked at
	expiryNotice = 14 * 24 * time.Hour // before a certificate expires the administrator is told
)

// keys are the certificates of the gateway's connections; they never change: a
// reload makes others. A ring, and its configuration, is nil where there is no
// TLS.
type keys struct {
	data, control, upstreams *keyring.Ring

	dataTLS, controlTLS *tls.Config // of the listeners
}

// openKeys reads the certificates and follows their files until close.
func (g *Gateway) openKeys() error {
	k, err := readKeys(&keys{}, config.Gateway{}, g.config.Gateway)
	if err != nil {
		return err
	}
	g.keys.Store(k)
	stop, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		g.followKeys(stop)
	}()
	g.onClose(func() { close(stop); <-done })
	return nil
}

// readKeys returns the keys that is wants, those of before where was wants the
// same.
func readKeys(before *keys, was, is config.Gateway) (*keys, error) {
	k := *before
	var err error
	open := func(f keyring.Files, s keyring.Server) *keyring.Ring {
		r, e := keyring.Open(f, s)
		err = errors.Join(err, e)
		return r
	}
	if !reflect.DeepEqual(was.TLS, is.TLS) {
		k.data, k.dataTLS = nil, nil
		if t := is.TLS; len(t.Certificates) > 0 {
			k.data = open(keyring.Files{Certificates: t.Certificates, Keys: t.Keys, Authorities: t.ClientAuthorities}, keyring.Server{
				Protocols: protocols, MinVersion: tlsVersion(t.MinVersion), Clients: clientAuth(t.ClientCertificates),
			})
			k.dataTLS = k.data.ServerConfig()
		}
	}
	if c := is.Control; c.Certificate != was.Control.Certificate || c.Key != was.Control.Key {
		k.control, k.controlTLS = nil, nil
		if c.Certificate != "" {
			k.control = open(keyring.Files{Certificates: []string{c.Certificate}, Keys: []string{c.Key}}, keyring.Server{Protocols: protocols})
			k.controlTLS = k.control.ServerConfig()
		}
	}
	if files := upstreamFiles(is.Upstreams); k.upstreams == nil || !reflect.DeepEqual(files, upstreamFiles(was.Upstreams)) {
		k.upstreams = open(files, keyring.Server{})
	}
	if err != nil {
		return nil, fmt.Errorf("read certificates: %w", err)
	}
	return &k, nil
}

// protocols are what the listeners speak under TLS.
var protocols = []string{"h2", "http/1.1"}

// upstreamTLS is for connections to https upstreams that are made now.
func (g *Gateway) upstreamTLS() *tls.Config { return g.keys.Load().upstreams.ClientConfig() }

func upstreamFiles(u config.Upstreams) keyring.Files {
	f := keyring.Files{Authorities: u.Authorities}
	if u.Certificate != "" {
		f.Certificates = []string{u.Certificate}
	}
	if u.Key != "" {
		f.Keys = []string{u.Key}
	}
	return f
}

func tlsVersion(v config.TLSVersion) uint16 {
	if v == config.TLS13 {
		return tls.VersionTLS13
	}
	return tls.VersionTLS12
}

func clientAuth(c config.ClientCertificates) tls.ClientAuthType {
	switch c {
	case config.RequiredClientCertificates:
		return tls.RequireAndVerifyClientCert
	case config.OptionalClientCertificates:
		return tls.VerifyClientCertIfGiven
	default:
		return tls.NoClientCert
	}
}

// followKeys looks at the files from time to time, until stop is closed.
func (g *Gateway) followKeys(stop <-chan struct{}) {
	tick := time.NewTicker(keysEvery)
	defer tick.Stop()
	for {
		g.warnOfExpiry(time.Now())
		select {
		case <-stop:
			return
		case <-tick.C:
			_, _ = g.refreshKeys(g.keys.Load()) // raised
		}
	}
}

// refreshKeys reads the files of k again, and reports whether something
// changed. Of those that cannot be read the last good ones stay in force.
func (g *Gateway) refreshKeys(k *keys) (changed bool, err error) {
	for name, r := range k.all() {
		c, e := r.Refresh()
		key := "certificates/" + name
		switch {
		case e != nil:
			g.alerts.Raise(alert.Alert{
				Key: key, Severity: alert.Critical, Summary: "certificates of " + name + " cannot be read; the last good ones stay in force", Detail: e.Error(),
			})
			err = errors.Join(err, e)
			continue
		case c:
			g.log.Info("certificates were read anew", "of", name)
			changed = true
		}
		g.alerts.Clear(key)
	}
	return changed, err
}

// replaceKeys puts k in force, and ends incidents of keys that are gone.
func (g *Gateway) replaceKeys(k *keys) {
	before := g.keys.Swap(k).all()
	for name, r := range before {
		if k.all()[name] != r {
			g.alerts.Clear("certificates/" + name)
			g.alerts.Clear("expiry/" + name)
		}
	}
	g.warnOfExpiry(time.Now())
}

// warnOfExpiry tells of certificates that will not be good for long, and of
// their renewal.
func (g *Gateway) warnOfExpiry(now time.Time) {
	for name, r := range g.keys.Load().all() {
		key, at := "expiry/"+name, r.Expiry()
		if at.IsZero() || at.Sub(now) > expiryNotice {
			g.alerts.Clear(key)
			continue
		}
		g.alerts.Raise(alert.Alert{
			Key: key, Severity: alert.Warning, Summary: "a certificate of " + name + " expires at " + at.UTC().Format(time.RFC3339), Detail: "renew its file: it is read within seconds",
		})
	}
}

// all returns the rings that there are, by what they are for.
func (k *keys) all() map[string]*keyring.Ring {
	out := map[string]*keyring.Ring{"upstreams": k.upstreams}
	if k.data != nil {
		out["the data listener"] = k.data
	}
	if k.control != nil {
		out["the control listener"] = k.control
	}
	return out
}
