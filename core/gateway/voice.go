package gateway

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/modgate/modgate/core/alert"
	"github.com/modgate/modgate/core/lifecycle"
	"github.com/modgate/modgate/core/message"
	"github.com/modgate/modgate/core/route"
)

// voice speaks for one process.
type voice struct {
	registration message.Registration
	secret       string        // to join with
	caller       *route.Caller // nil until it could be registered
	lease        time.Duration // that it was given last
	leaving      bool          // it is declared no longer
	said         bool          // that it leaves; the answer is awaited
	over         bool          // a higher version took over (V2), or an administrator dropped it
}

// hashOf tells registrations from each other.
func hashOf(r message.Registration) string {
	text, _ := json.Marshal(r) // of texts and numbers: cannot fail
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}

// speak renews v's lease or registers it, and says RESUME if it does not serve.
// Who is out or was dropped comes back only anew: else whoever found it out
// finds it back (L6), and who dropped it meant it (V2, O1). The caller holds
// mu, and may let voices of other modules speak meanwhile.
func (d *declared) speak(v *voice, anew bool) {
	id := v.registration.Instance
	phase, err := d.renew(v)
	if v.caller == nil || err != nil && anew && !v.leaving {
		phase, err = d.register(v)
	}
	if err == nil && !v.leaving && (phase == message.Starting || phase == message.Idle || phase == message.Out && anew) {
		err = d.say(context.Background(), v.caller, message.Resume)
	}
	switch {
	case errors.Is(err, lifecycle.ErrFenced), errors.Is(err, lifecycle.ErrUnknown):
		v.over = true
	case err == nil, errors.Is(err, lifecycle.ErrRefused): // while a higher version serves (V3)
		d.alerts.Clear("declared/" + id)
	default:
		d.alerts.Raise(alert.Alert{
			Key: "declared/" + id, Severity: alert.Critical, Module: v.registration.Module,
			Summary: fmt.Sprintf("%s %s is declared but cannot serve: %v", v.registration.Module, v.registration.Version, err),
		})
	}
}

func (d *declared) renew(v *voice) (message.Phase, error) {
	if v.caller == nil {
		return message.Out, nil
	}
	r, err := d.control.Renew(v.caller)
	if err != nil || r.State.Phase == nil {
		return message.Out, err
	}
	v.lease = time.Duration(r.Lease)
	return *r.State.Phase, nil
}

func (d *declared) register(v *voice) (message.Phase, error) {
	r, err := d.control.Register(v.registration, v.secret)
	if err != nil {
		return message.Out, err
	}
	v.caller = d.control.Bearer(r.Token)
	v.lease = time.Duration(r.Lease)
	return message.Starting, nil
}

// say announces for a caller. The time stands for a number that rises with
// each announcement, over restarts too (U7).
func (d *declared) say(ctx context.Context, who *route.Caller, verb message.Verb) error {
	_, err := d.control.Announce(ctx, who, message.Announcement{Type: verb, Seq: uint64(time.Now().UnixMicro())}, 0)
	return err
}
