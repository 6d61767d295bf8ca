package control

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strings"

	"github.com/modgate/modgate/core/message"
)

// Webhook is where an instance wants its notices while it has no open stream
// (3.4).
type Webhook struct {
	Instance string
	Module   string
	URL      string
	Key      []byte // of the signature
}

// webhookKey derives the key of the instance's signature. It changes with the
// token and survives restarts (G6).
func (c *Control) webhookKey(token [32]byte) []byte {
	mac := hmac.New(sha256.New, c.o.RunKey)
	mac.Write([]byte("webhook\x00"))
	mac.Write(token[:])
	return mac.Sum(nil)
}

// webhookSecret is that key in the form of Standard Webhooks.
func (c *Control) webhookSecret(token [32]byte) string {
	return "whsec_" + base64.StdEncoding.EncodeToString(c.webhookKey(token))
}

// checkWebhook admits a webhook at the upstream's host, at whatever port, or
// at one of the hosts that operators allow: else who may register could make
// the gateway send anywhere (3.4).
func checkWebhook(reg message.Registration, hosts []string) error {
	if reg.Webhook == "" {
		return nil
	}
	hook, err := url.Parse(reg.Webhook)
	if err != nil {
		return err // reg was checked
	}
	upstream, err := url.Parse(reg.Upstream)
	if err != nil {
		return err // likewise
	}
	own := strings.EqualFold(hook.Hostname(), upstream.Hostname())
	if own || slices.ContainsFunc(hosts, func(h string) bool { return isAt(hook, h) }) {
		return nil
	}
	return &InvalidError{[]message.Fault{{
		Pointer: "/webhook",
		Detail: fmt.Sprintf("want the upstream's host, %s, or one of webhook_hosts in the configuration of module %s, not %s",
			upstream.Hostname(), reg.Module, hook.Host),
	}}}
}

// isAt reports whether the URL's host is the allowed one: a name or an
// address, and if it has a port, at that port only.
func isAt(u *url.URL, allowed string) bool {
	host, port, err := net.SplitHostPort(allowed)
	if err != nil { // no port
		host, port = strings.Trim(allowed, "[]"), ""
	}
	at := u.Port()
	if at == "" {
		at = map[string]string{"http": "80", "https": "443"}[u.Scheme]
	}
	return strings.EqualFold(u.Hostname(), host) && (port == "" || port == at)
}

// Owed returns what the instance must be told now, one notice per subject
// (N1). Another answer is due once Told was called.
func (c *Control) Owed(instance string) []message.Notice {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.owed(instance)
}
