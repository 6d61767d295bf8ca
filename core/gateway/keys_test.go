package gateway

import (
	"context"
	"crypto/tls"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/modgate/modgate/core/config"
	"github.com/modgate/modgate/core/keyring/keyringtest"
	"github.com/modgate/modgate/core/message"
)

// secureConfig is the tests' configuration with TLS on all three sides.
func secureConfig(t *testing.T, ca *keyringtest.Authority, expiry time.Time) (cfg *config.Config, dir string) {
	cfg, dir = testConfig(child{t.TempDir(), anyPort, anyPort}), t.TempDir()
	cert, key := ca.Issue(dir, expiry, "127.0.0.1")
	cfg.Gateway.TLS = config.TLS{
		Certificates: []string{cert}, Keys: []string{key}, MinVersion: config.TLS13,
		ClientAuthorities: ca.File(), ClientCertificates: config.OptionalClientCertificates,
	}
	cfg.Gateway.Upstreams = config.Upstreams{Authorities: ca.File(), Certificate: cert, Key: key}
	return cfg, dir
}

// get sends a request under TLS and returns the answer's body with the
// serial number of the gateway's certificate.
func get(t *testing.T, url string, client *tls.Config) (body, serial string) {
	t.Helper()
	transport := &http.Transport{TLSClientConfig: client}
	defer transport.CloseIdleConnections()
	resp, err := (&http.Client{Transport: transport, Timeout: 10 * time.Second}).Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(b), resp.TLS.PeerCertificates[0].SerialNumber.String()
}

// From client to module all is under TLS, both ends show their certificates,
// and one that was renewed is shown at the next reload; a broken file changes
// nothing, and the administrator is told.
func TestTLSFromClientToModule(t *testing.T) {
	ca := keyringtest.New(t)
	cfg, dir := secureConfig(t, ca, time.Now().AddDate(1, 0, 0))
	r := startWith(t, cfg)
	r.o.Reload = func() (*config.Config, any) { next := *cfg; return &next, nil }

	module := serveTLS(t, ca, func(w http.ResponseWriter, req *http.Request) {
		_, _ = io.WriteString(w, req.TLS.PeerCertificates[0].Subject.CommonName+" "+req.Header.Get("X-Forwarded-Proto"))
	})
	r.register("loans", "1.0.0", module).say(message.Resume)

	url := strings.Replace(r.data, "http:", "https:", 1) + "/loans"
	client := &tls.Config{RootCAs: ca.Pool()}
	body, first := get(t, url, client)
	if body != "127.0.0.1 https" {
		t.Errorf("the module saw %q, want the gateway's certificate and https", body)
	}

	cert, _ := ca.Issue(dir, time.Now().AddDate(0, 0, 3), "127.0.0.1")
	if wrong, changed, err := r.Reload(context.Background()); wrong != nil || !changed || err != nil {
		t.Errorf("reload = %v, %v, %v; want it changed", wrong, changed, err)
	}
	_, second := get(t, url, client)
	if first == second {
		t.Error("the renewed certificate is not shown")
	}
	r.warnOfExpiry(time.Now())
	if !r.incident("expiry/the data listener") {
		t.Error("nobody was told of a certificate that expires in three days")
	}

	if err := os.WriteFile(cert, []byte("half a file"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, _, err := r.Reload(context.Background()); err == nil || !strings.Contains(err.Error(), cert) {
		t.Errorf("reload with a broken file = %v, want an error that names it", err)
	}
	if _, third := get(t, url, client); third != second {
		t.Error("after a broken file another certificate is shown")
	}
	if !r.incident("certificates/the data listener") {
		t.Error("nobody was told of the broken file")
	}
}

// incident reports whether there is one of that key.
func (r *running) incident(key string) bool {
	for _, i := range r.alerts.Open() {
		if i.Key == key {
			return true
		}
	}
	return false
}

// serveTLS serves h as 127.0.0.1 to those who show a certificate.
func serveTLS(t *testing.T, ca *keyringtest.Authority, h http.HandlerFunc) string {
	t.Helper()
	ln, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{
		Certificates: []tls.Certificate{ca.Certificate("127.0.0.1")}, ClientCAs: ca.Pool(), ClientAuth: tls.RequireAndVerifyClientCert,
	})
	if err != nil {
		t.Fatal(err)
	}
	s := &http.Server{Handler: h, ReadHeaderTimeout: 10 * time.Second}
	go func() { _ = s.Serve(ln) }()
	t.Cleanup(func() { s.Close() })
	return "https://" + ln.Addr().String()
}
