package control

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/modgate/modgate/core/lifecycle"
	"github.com/modgate/modgate/core/message"
)

// ErrUnauthorized is returned when a secret or token does not open what is
// asked for (I1).
var ErrUnauthorized = errors.New("the secret or token is not valid here")

// InvalidError says what is wrong with a registration.
type InvalidError struct{ Faults []message.Fault }

func (e *InvalidError) Error() string {
	var b strings.Builder
	for i, f := range e.Faults {
		if i > 0 {
			b.WriteString("; ")
		}
		fmt.Fprintf(&b, "%s: %s", f.Pointer, f.Detail)
	}
	return b.String()
}

// ConflictError says that something belongs to another module: an instance
// id, or a route (V9).
type ConflictError struct{ Detail string }

func (e *ConflictError) Error() string { return e.Detail }

// MayJoin reports whether secret opens registration of the module: the
// module's own join secret if it has one, else the general one (I1).
func (c *Control) MayJoin(moduleName, secret string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.mayJoin(moduleName, secret)
}

// mayJoin is MayJoin for who holds mu.
func (c *Control) mayJoin(moduleName, secret string) bool {
	want := c.config.Module(moduleName).JoinSecret
	if want == "" {
		want = c.config.Gateway.JoinSecret
	}
	a, b := sha256.Sum256([]byte(want)), sha256.Sum256([]byte(secret)) // or their lengths would show
	return want != "" && subtle.ConstantTimeCompare(a[:], b[:]) == 1
}

// Register makes a process known (3.3). The errors are *InvalidError,
// *ConflictError, ErrUnauthorized, or that the record could not be saved.
func (c *Control) Register(reg message.Registration, secret string) (message.Registered, error) {
	if faults := reg.Check(); faults != nil {
		return message.Registered{}, &InvalidError{faults}
	}
	if !c.MayJoin(reg.Module, secret) {
		return message.Registered{}, ErrUnauthorized
	}
	if reg.Instance == "" {
		reg.Instance = newInstanceID(reg.Module)
	}
	token := randomText(32)
	hash := sha256.Sum256([]byte(token))
	ev, yield, err := c.claim(reg, secret, hash)
	if err == nil {
		err = c.yielded(reg.Module, yield)
	}
	if err != nil {
		return message.Registered{}, err
	}
	r, err := c.apply(reg.Module, ev)
	if err != nil {
		return message.Registered{}, err
	}
	_, in := r.Find(reg.Instance)
	return message.Registered{
		Instance: reg.Instance, Token: token, WebhookSecret: c.webhookSecret(hash), Epoch: r.WriteEpoch(in),
		Lease: message.Duration(ev.Instance.Lease), State: r.State(c.now(), reg.Instance), Requirements: c.baseline(reg),
	}, nil
}

// claim turns a registration into its event, unless its id or a route
// belongs to another module. It returns who has to yield first (V10).
func (c *Control) claim(reg message.Registration, secret string, hash [32]byte) (_ lifecycle.Registered, yield []string, _ error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if p := c.instances[reg.Instance]; p != nil && p.module != reg.Module {
		return lifecycle.Registered{}, nil, &ConflictError{fmt.Sprintf("instance %q belongs to module %s: choose another id", reg.Instance, p.module)}
	}
	settings := c.config.Module(reg.Module)
	if err := checkWebhook(reg, settings.WebhookHosts); err != nil {
		return lifecycle.Registered{}, nil, err
	}
	replaces, err := c.heir(reg, secret)
	if err != nil {
		return lifecycle.Registered{}, nil, err
	}
	if yield, err = c.room(reg.Module, reg.Routes, replaces); err != nil {
		return lifecycle.Registered{}, nil, c.unheard(err, reg, replaces)
	}
	lease := settings.Lease
	if reg.Lease > 0 {
		lease = settings.LeaseBounds.Clamp(time.Duration(reg.Lease))
	}
	return lifecycle.Registered{
		Version: reg.Version, Routes: reg.Routes, Provides: reg.Provides, Requires: reg.Requires, Replaces: replaces,
		Instance: lifecycle.Instance{
			ID: reg.Instance, Upstream: strings.TrimSuffix(reg.Upstream, "/"), Protocol: reg.Protocol, Webhook: reg.Webhook,
			Lease: lease, OnDelay: reg.OnDelay, Token: hash[:],
		},
	}, yield, nil
}

// baseline is what the registration's answer tells about the requirements:
// its notices go on from there (D1, N1).
func (c *Control) baseline(reg message.Registration) []message.Requirement {
	c.mu.Lock()
	defer c.mu.Unlock()
	if p := c.instances[reg.Instance]; p != nil {
		p.told = c.view.Baseline(reg.Requires)
		c.queue.mark(reg.Instance)
	}
	return c.view.Report(reg.Requires)
}

// randomText returns n random bytes in base64url.
func randomText(n int) string {
	b := make([]byte, n)
	rand.Read(b) // never fails
	return base64.RawURLEncoding.EncodeToString(b)
}

func newInstanceID(moduleName string) string {
	return moduleName[:min(len(moduleName), 48)] + "-" + randomText(6)
}
