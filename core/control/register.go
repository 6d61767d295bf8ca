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

// Joining is a registration with the secret that opens it (I1).
type Joining struct {
	message.Registration
	Secret string
	Resume uint64 // the number of a RESUME that comes with it, unless it inherits a grant (U10); 0: none does
}

// Register makes a process known (3.3). The errors are *InvalidError,
// *ConflictError, ErrUnauthorized, or that the record could not be saved.
func (c *Control) Register(reg message.Registration, secret string) (message.Registered, error) {
	e, err := c.enter(Joining{Registration: reg, Secret: secret})
	if err == nil {
		err = c.yielded(reg.Module, e.yield)
	}
	if err != nil {
		return message.Registered{}, err
	}
	r, err := c.apply(reg.Module, e.event)
	if err != nil {
		return message.Registered{}, err
	}
	return c.registered(e, r), nil
}

// RegisterAll is Register for processes of as many modules in one step, and
// Announce for those that resume at once: what comes of it is what would if they
// did so one after the other. It leaves out, with nil for an answer, who cannot
// be registered, and who has something to do with another one's routes:
// Register says why, or sees to it.
func (c *Control) RegisterAll(all []Joining) []*message.Registered {
	answers := make([]*message.Registered, len(all))
	var moves []move
	var places []int
	entered := make([]entering, len(all))
	table := c.o.Live.Load().Table
	for i, j := range all {
		e, err := c.enter(j)
		if err != nil || e.yield != nil || e.event.Replaces != nil {
			continue
		}
		with, err := table.With(c.entry(j.Module).route, allotment{live: j.Routes}.entries())
		if err != nil {
			continue // it has a route of another's: of one before it, perhaps
		}
		table, entered[i] = with, e
		m := move{j.Module, []lifecycle.Event{e.event}}
		if j.Resume > 0 && !c.holds(j.Module, e.Instance) {
			m.events = append(m.events, lifecycle.Announced{Instance: e.Instance, Announcement: message.Announcement{Type: message.Resume, Seq: j.Resume}})
		}
		moves, places = append(moves, m), append(places, i)
	}
	for n, s := range c.applyAll(moves) {
		if s.stands {
			r := c.registered(entered[places[n]], &s.next)
			answers[places[n]] = &r
		}
	}
	return answers
}

// holds reports whether the instance was granted an UPDATE.
func (c *Control) holds(name, instance string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.modules[name].record.Grant.Instance == instance
}

// entering is a registration on its way.
type entering struct {
	message.Registration // with an instance's id
	token                string
	event                lifecycle.Registered
	yield                []string // modules that have to yield before (V10)
}

// enter turns a registration into its event, unless it is invalid, or its id or
// a route belongs to another module.
func (c *Control) enter(j Joining) (entering, error) {
	e := entering{Registration: j.Registration, token: randomText(32)}
	if faults := e.Check(); faults != nil {
		return e, &InvalidError{faults}
	}
	if e.Instance == "" {
		e.Instance = newInstanceID(e.Module)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.mayJoin(e.Module, j.Secret) {
		return e, ErrUnauthorized
	}
	if p := c.instances[e.Instance]; p != nil && p.module != e.Module {
		return e, &ConflictError{fmt.Sprintf("instance %q belongs to module %s: choose another id", e.Instance, p.module)}
	}
	settings := c.config.Module(e.Module)
	if err := checkWebhook(e.Registration, settings.WebhookHosts); err != nil {
		return e, err
	}
	replaces, err := c.heir(e.Registration, j.Secret)
	if err != nil {
		return e, err
	}
	if e.yield, err = c.room(e.Module, e.Routes, replaces); err != nil {
		return e, c.unheard(err, e.Registration, replaces)
	}
	lease := settings.Lease
	if e.Lease > 0 {
		lease = settings.LeaseBounds.Clamp(time.Duration(e.Lease))
	}
	hash := sha256.Sum256([]byte(e.token))
	e.event = lifecycle.Registered{
		Version: e.Version, Routes: e.Routes, Provides: e.Provides, Requires: e.Requires, Replaces: replaces,
		Instance: lifecycle.Instance{
			ID: e.Instance, Upstream: strings.TrimSuffix(e.Upstream, "/"), Protocol: e.Protocol, Webhook: e.Webhook,
			Lease: lease, OnDelay: e.OnDelay, Token: hash[:],
		},
	}
	return e, nil
}

// registered answers a registration that led to r.
func (c *Control) registered(e entering, r *lifecycle.Record) message.Registered {
	_, in := r.Find(e.Instance)
	return message.Registered{
		Instance: e.Instance, Token: e.token, WebhookSecret: c.webhookSecret(sha256.Sum256([]byte(e.token))), Epoch: r.WriteEpoch(in),
		Lease: message.Duration(e.event.Instance.Lease), State: r.State(c.now(), e.Instance), Requirements: c.baseline(e.Registration),
	}
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
