package probe

import (
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"

	"github.com/modgate/modgate/core/adapter"
)

// answerLimit is how much of an answer's body the gateway reads for itself.
const answerLimit = 64 << 10 // bytes

// ClientOptions are what a Client works with.
type ClientOptions struct {
	// Dial connects to host:port; nil: net.Dialer does.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
	// TLS is for https upstreams, asked for with each connection; nil: the
	// system's roots.
	TLS func() *tls.Config
}

// Client sends instances what the gateway itself wants to ask or to tell, each
// time on a connection of its own: that it is taken is a part of the answer.
// NewClient makes one; it needs no end.
type Client struct {
	dial func(ctx context.Context, network, address string) (net.Conn, error)
	http http.Transport
}

// NewClient returns a client.
func NewClient(o ClientOptions) *Client {
	if o.Dial == nil {
		o.Dial = new(net.Dialer).DialContext
	}
	c := &Client{dial: o.Dial}
	c.http.DialContext, c.http.MaxResponseHeaderBytes = o.Dial, answerLimit
	c.http.DisableKeepAlives, c.http.DisableCompression = true, true
	if o.TLS != nil {
		c.http.DialTLSContext = func(ctx context.Context, network, address string) (net.Conn, error) {
			return secure(ctx, o, network, address)
		}
	}
	return c
}

// secure connects with TLS.
func secure(ctx context.Context, o ClientOptions, network, address string) (net.Conn, error) {
	cfg := o.TLS()
	if cfg == nil {
		cfg = &tls.Config{}
	} else {
		cfg = cfg.Clone()
	}
	if host, _, err := net.SplitHostPort(address); err == nil && cfg.ServerName == "" {
		cfg.ServerName = host
	}
	conn, err := o.Dial(ctx, network, address)
	if err != nil {
		return nil, err
	}
	shook := tls.Client(conn, cfg)
	if err := shook.HandshakeContext(ctx); err != nil {
		conn.Close() //nolint:errcheck // the first error counts
		return nil, err
	}
	return shook, nil
}

// Connect reports whether the upstream takes a connection.
func (c *Client) Connect(ctx context.Context, upstream string) error {
	conn, err := c.dial(ctx, "tcp", address(upstream))
	if err != nil {
		return err
	}
	return conn.Close()
}

// Do sends the draft's request to the upstream and gives the draft its answer.
// It follows no redirect. An error is that of the connection, or of ctx.
func (c *Client) Do(ctx context.Context, upstream string, d *adapter.Draft) error {
	body, err := d.Body(adapter.Request, answerLimit)
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, string(d.Method()), upstream+string(d.Target()), bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("write the request: %w", err)
	}
	req.Header.Set("User-Agent", "modgate")
	for _, f := range d.Fields(adapter.RequestHeader).All() {
		req.Header.Add(string(f.Name), string(f.Value))
	}
	resp, err := c.http.RoundTrip(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(resp.Body, answerLimit))
	if err != nil {
		return err
	}
	d.Answer(resp.StatusCode, attributesOf(resp.Header), attributesOf(resp.Trailer), answer)
	return nil
}

func attributesOf(h http.Header) []adapter.Attribute {
	var all []adapter.Attribute
	for name, values := range h {
		for _, v := range values {
			all = append(all, adapter.Attribute{Name: name, Value: v})
		}
	}
	return all
}
