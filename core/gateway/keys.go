package gateway

import (
	"crypto/tls"
	"errors"
	"fmt"
	"time"

	"github.com/modgate/modgate/core/alert"
	"github.com/modgate/modgate/core/config"
	"github.com/modgate/modgate/core/keyring"
)

const (
	keysEvery    = 10 * time.Second    // the files of certificates are looked at
	expiryNotice = 14 * 24 * time.Hour // before a certificate expires the administrator is told
)

// keys are the certificates of the gateway's connections. A ring is nil where
// there is no TLS.
type keys struct {
	data, control, upstreams *keyring.Ring
	stop                     chan struct{}
	done                     chan struct{} // closed when follow returns
}

// openKeys reads the certificates and follows their files until close.
func (g *Gateway) openKeys() error {
	c := g.config.Gateway
	var err error
	open := func(f keyring.Files, s keyring.Server) *keyring.Ring {
		r, e := keyring.Open(f, s)
		err = errors.Join(err, e)
		return r
	}
	if len(c.TLS.Certificates) > 0 {
		g.keys.data = open(keyring.Files{Certificates: c.TLS.Certificates, Keys: c.TLS.Keys, Authorities: c.TLS.ClientAuthorities}, keyring.Server{
			Protocols: []string{"h2", "http/1.1"}, MinVersion: tlsVersion(c.TLS.MinVersion), Clients: clientAuth(c.TLS.ClientCertificates),
		})
	}
	if c.Control.Certificate != "" {
		g.keys.control = open(keyring.Files{Certificates: []string{c.Control.Certificate}, Keys: []string{c.Control.Key}}, keyring.Server{
			Protocols: []string{"h2", "http/1.1"},
		})
	}
	g.keys.upstreams = open(upstreamFiles(c.Upstreams), keyring.Server{})
	if err != nil {
		return fmt.Errorf("read certificates: %w", err)
	}
	g.keys.stop, g.keys.done = make(chan struct{}), make(chan struct{})
	go g.followKeys()
	g.onClose(func() { close(g.keys.stop); <-g.keys.done })
	return nil
}

// serverTLS is the data listener's configuration; nil: clear text.
func (g *Gateway) serverTLS() *tls.Config {
	if g.keys.data == nil {
		return nil
	}
	return g.keys.data.ServerConfig()
}

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

// followKeys looks at the files from time to time.
func (g *Gateway) followKeys() {
	defer close(g.keys.done)
	tick := time.NewTicker(keysEvery)
	defer tick.Stop()
	for {
		g.warnOfExpiry(time.Now())
		select {
		case <-g.keys.stop:
			return
		case <-tick.C:
			_, _ = g.refreshKeys() // raised
		}
	}
}

// refreshKeys reads the files again, and reports whether something changed.
// Of those that cannot be read the last good ones stay in force.
func (g *Gateway) refreshKeys() (changed bool, err error) {
	for name, r := range g.keys.all() {
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

// warnOfExpiry tells of certificates that will not be good for long, and of
// their renewal.
func (g *Gateway) warnOfExpiry(now time.Time) {
	for name, r := range g.keys.all() {
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
