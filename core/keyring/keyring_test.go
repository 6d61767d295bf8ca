package keyring

import (
	"crypto/tls"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/modgate/modgate/core/keyring/keyringtest"
)

func inAYear() time.Time { return time.Now().AddDate(1, 0, 0) }

// shown returns the names of the certificate that a client is shown which
// asks for server, and its serial number.
func shown(t *testing.T, server *tls.Config, client *tls.Config) (names []string, serial string) {
	t.Helper()
	a, b := net.Pipe()
	defer a.Close()
	defer b.Close()
	ended := make(chan error, 1)
	go func() { ended <- tls.Server(a, server).Handshake() }()
	c := tls.Client(b, client)
	if err := c.Handshake(); err != nil {
		t.Fatalf("handshake: %v", err)
	}
	if err := <-ended; err != nil {
		t.Fatalf("handshake of the server: %v", err)
	}
	leaf := c.ConnectionState().PeerCertificates[0]
	return leaf.DNSNames, leaf.SerialNumber.String()
}

func TestClientIsShownTheCertificateOfTheServerItNames(t *testing.T) {
	ca := keyringtest.New(t)
	oneCert, oneKey := ca.Issue(t.TempDir(), inAYear(), "one.test")
	twoCert, twoKey := ca.Issue(t.TempDir(), inAYear(), "two.test", "*.two.test")
	r, err := Open(Files{Certificates: []string{oneCert, twoCert}, Keys: []string{oneKey, twoKey}}, Server{})
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"one.test": "one.test", "two.test": "two.test", "x.two.test": "two.test", "other.test": "one.test", "": "one.test"} {
		got, _ := shown(t, r.ServerConfig(), &tls.Config{ServerName: name, InsecureSkipVerify: true})
		if got[0] != want {
			t.Errorf("for %q the certificate of %v was shown, want %s", name, got, want)
		}
	}
}

func TestRenewedCertificateIsShown(t *testing.T) {
	ca, dir := keyringtest.New(t), t.TempDir()
	cert, key := ca.Issue(dir, inAYear(), "one.test")
	r, err := Open(Files{Certificates: []string{cert}, Keys: []string{key}}, Server{})
	if err != nil {
		t.Fatal(err)
	}
	config, client := r.ServerConfig(), &tls.Config{ServerName: "one.test", RootCAs: ca.Pool()}
	_, first := shown(t, config, client)
	if changed, err := r.Refresh(); changed || err != nil {
		t.Errorf("refresh of the same files: %v, %v", changed, err)
	}

	until := time.Now().AddDate(0, 1, 0)
	ca.Issue(dir, until, "one.test")
	if changed, err := r.Refresh(); !changed || err != nil {
		t.Fatalf("refresh of a renewed certificate: %v, %v", changed, err)
	}
	_, second := shown(t, config, client)
	if first == second || r.Expiry().Sub(until).Abs() > time.Second {
		t.Errorf("certificate %s, then %s, until %v; want another, until %v", first, second, r.Expiry(), until)
	}

	if err := os.WriteFile(cert, []byte("half a file"), 0o600); err != nil {
		t.Fatal(err)
	}
	if changed, err := r.Refresh(); changed || err == nil || !strings.Contains(err.Error(), cert) {
		t.Errorf("refresh of a broken file: %v, %v; want an error that names it", changed, err)
	}
	if _, third := shown(t, config, client); third != second {
		t.Errorf("after a broken file the certificate %s is shown, want the last good one", third)
	}
}

func TestCertificateAndKeyMayStandInOneFile(t *testing.T) {
	ca := keyringtest.New(t)
	cert, key := ca.Issue(t.TempDir(), inAYear(), "one.test")
	both := filepath.Join(t.TempDir(), "both.pem")
	var text []byte
	for _, name := range []string{key, cert} {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		text = append(text, b...)
	}
	if err := os.WriteFile(both, text, 0o600); err != nil {
		t.Fatal(err)
	}
	r, err := Open(Files{Certificates: []string{both}, Authorities: ca.File()}, Server{})
	if err != nil {
		t.Fatal(err)
	}
	if names, _ := shown(t, r.ServerConfig(), &tls.Config{ServerName: "one.test", RootCAs: r.ClientConfig().RootCAs}); names[0] != "one.test" {
		t.Errorf("the certificate of %v was shown", names)
	}
}

func TestWhatIsWrongIsNamed(t *testing.T) {
	ca := keyringtest.New(t)
	cert, _ := ca.Issue(t.TempDir(), inAYear(), "one.test")
	_, otherKey := ca.Issue(t.TempDir(), inAYear(), "two.test")
	nothing := filepath.Join(t.TempDir(), "nothing.pem")
	for name, tc := range map[string]struct {
		files Files
		want  []string
	}{
		"no file":           {Files{Certificates: []string{nothing}, Keys: []string{"/no/key"}}, []string{nothing, "/no/key"}},
		"another's key":     {Files{Certificates: []string{cert}, Keys: []string{otherKey}}, []string{cert, otherKey}},
		"no key":            {Files{Certificates: []string{cert}}, []string{cert}},
		"fewer keys":        {Files{Certificates: []string{cert, cert}, Keys: []string{otherKey}}, []string{"2 certificates have 1 keys"}},
		"not an authority":  {Files{Authorities: otherKey}, []string{otherKey}},
		"no authority file": {Files{Authorities: nothing}, []string{nothing}},
	} {
		_, err := Open(tc.files, Server{})
		for _, want := range tc.want {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %v; want an error that names %s", name, err, want)
			}
		}
	}
}
