package proxy

import (
	"bufio"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/modgate/modgate/core/keyring/keyringtest"
	"github.com/modgate/modgate/core/message"
)

// secure serves under TLS as gw.test and returns what clients are to use.
func secure(t *testing.T, adjust ...func(*tls.Config)) (*gate, *tls.Config) {
	t.Helper()
	ca := keyringtest.New(t)
	server := &tls.Config{Certificates: []tls.Certificate{ca.Certificate("gw.test")}, ClientCAs: ca.Pool()}
	for _, f := range adjust {
		f(server)
	}
	client := &tls.Config{ServerName: "gw.test", RootCAs: ca.Pool(), Certificates: []tls.Certificate{ca.Certificate("client.test")}}
	return start(t, func(o *Options) { o.ServerTLS = server }), client
}

// over sends requests under TLS.
func over(t *testing.T, config *tls.Config) *http.Client {
	transport := &http.Transport{TLSClientConfig: config}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport, Timeout: time.Minute}
}

// headers answers with the fields that it got.
func headers(names ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		for _, n := range names {
			_, _ = io.WriteString(w, n+"="+strings.Join(r.Header[n], "|")+"\n")
		}
	}
}

func TestRequestsOverTLS(t *testing.T) {
	g, config := secure(t)
	g.ready(g.module("m"), instance("a", "m", "1.0.0", upstreamOf(t, headers("X-Forwarded-Proto", "Client-Cert"))))
	client := over(t, config)
	for range 2 {
		req, err := http.NewRequest("GET", "https://"+g.address+"/m", nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Client-Cert", ":Zm9yZ2Vk:")
		resp, err := client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		b, _ := io.ReadAll(resp.Body)
		resp.Body.Close()
		if string(b) != "X-Forwarded-Proto=https\nClient-Cert=\n" {
			t.Errorf("upstream got %q, want https, and no certificate that the client only claims", b)
		}
	}
}

func TestVerifiedClientCertificateIsPassedOn(t *testing.T) {
	g, config := secure(t, func(c *tls.Config) { c.ClientAuth = tls.RequireAndVerifyClientCert })
	g.ready(g.module("m"), instance("a", "m", "1.0.0", upstreamOf(t, headers("Client-Cert"))))
	resp, err := over(t, config).Get("https://" + g.address + "/m")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, _ := io.ReadAll(resp.Body)
	want := "Client-Cert=" + string(appendCertificate(nil, config.Certificates[0].Certificate[0])) + "\n"
	if string(b) != want {
		t.Errorf("upstream got %q, want %q", b, want)
	}

	none := config.Clone()
	none.Certificates = nil
	if resp, err := over(t, none).Get("https://" + g.address + "/m"); err == nil {
		resp.Body.Close()
		t.Errorf("a client without a certificate got %d, want none", resp.StatusCode)
	}
}

func TestClearTextWhereTLSIsWantedIsAnswered(t *testing.T) {
	g, _ := secure(t)
	_, r := g.raw("GET /m HTTP/1.1\r\nHost: x\r\n\r\n")
	resp, err := http.ReadResponse(r, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if b, _ := io.ReadAll(resp.Body); resp.StatusCode != 400 || !strings.Contains(string(b), "wants https") {
		t.Errorf("answer = %d %s", resp.StatusCode, b)
	}
}

func TestHandshakeThatDoesNotComeIsCut(t *testing.T) {
	ca := keyringtest.New(t)
	g := start(t, func(o *Options) {
		o.ServerTLS = &tls.Config{Certificates: []tls.Certificate{ca.Certificate("gw.test")}}
		o.Limits.ReadHead = 50 * time.Millisecond
	})
	c, _ := g.raw("\x16\x03\x01")
	if n, err := c.Read(make([]byte, 1)); err == nil {
		t.Errorf("read %d bytes, want the connection closed", n)
	}
}

// A client that leaves while its request is parked is noticed under TLS too
// (A6).
func TestLeavingUnderTLSFreesThePlace(t *testing.T) {
	g, config := secure(t)
	m := g.module("m")
	g.away(m, message.ReasonUpdating, time.Minute)
	c, err := tls.Dial("tcp", g.address, config)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(c, "GET /m HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	eventually(t, "parked", func() bool { return g.room.Parked("m").Parked == 1 })
	c.Close()
	eventually(t, "freed", func() bool { return g.room.Parked("m").Parked == 0 })
}

// An upgraded connection is relayed under TLS, and its end is seen at the
// other.
func TestTunnelUnderTLS(t *testing.T) {
	g, config := secure(t)
	up := echo(t)
	g.ready(g.module("m"), instance("a", "m", "1.0.0", up))
	c, err := tls.Dial("tcp", g.address, config)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(10 * time.Second))
	_, _ = io.WriteString(c, "GET /m HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\nhello")
	r := bufio.NewReader(c)
	resp, err := http.ReadResponse(r, nil)
	if err != nil || resp.StatusCode != http.StatusSwitchingProtocols {
		t.Fatalf("answer = %v, %v; want 101", resp, err)
	}
	if err := c.CloseWrite(); err != nil {
		t.Fatal(err)
	}
	if b, err := io.ReadAll(r); err != nil || string(b) != "hello" {
		t.Errorf("echo = %q, %v; want hello", b, err)
	}
}

// echo is an upstream that switches protocols and sends back what it gets.
func echo(t *testing.T) string {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	t.Cleanup(func() { ln.Close(); <-done })
	go func() {
		defer close(done)
		c, err := ln.Accept()
		if err != nil {
			return
		}
		defer c.Close()
		r := bufio.NewReader(c)
		if _, err := http.ReadRequest(r); err != nil {
			return
		}
		_, _ = io.WriteString(c, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n")
		_, _ = io.Copy(c, r)
	}()
	return "http://" + ln.Addr().String()
}
