package notify

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/modgate/modgate/core/message"
)

const (
	heartbeat  = 15 * time.Second // between comments (3.4)
	writeLimit = 15 * time.Second // after which a reader that takes nothing is given up
)

// Stream writes the instance's notices to w as they come, until ctx ends, the
// reader is gone or takes nothing, or Stream is called again for the
// instance; it returns which. After a known lastEventID it begins with what
// followed, else with a snapshot: the notices that snapshot returns, one per
// subject that is not met, and then the event "synced". A snapshot's events
// have no id, since who got half of one knows nothing.
//
// The caller has written the head; w must be able to Flush and to
// SetWriteDeadline, as those of net/http are.
func (p *Post) Stream(ctx context.Context, w http.ResponseWriter, instance, lastEventID string, snapshot func() []message.Notice) error {
	ctx, end := context.WithCancelCause(ctx)
	defer end(nil)
	s := &stream{end: end, more: make(chan struct{}, 1), left: make(chan struct{})}
	b, err := p.enter(instance, s)
	if err != nil {
		return err
	}
	defer p.leave(b, s)

	d := delivery{post: p, box: b, instance: instance, out: newEvents(ctx, w)}
	defer d.out.release()
	if err = d.begin(lastEventID, snapshot); err == nil {
		err = d.follow(ctx, s.more)
	}
	return fmt.Errorf("stream notices to %s: %w", instance, err)
}

// delivery is what a stream has told so far.
type delivery struct {
	post     *Post
	box      *box
	instance string
	out      *events
	at       uint64 // number up to which the reader knows everything
}

// begin brings the reader up to date.
func (d *delivery) begin(lastEventID string, snapshot func() []message.Notice) error {
	d.post.mu.Lock()
	number, known := d.box.known(lastEventID)
	var covered []message.Notice // by the snapshot, which is taken later
	if !known {
		covered = d.box.calm.clear()
		for _, l := range d.box.after(d.box.base) {
			covered = append(covered, l.Notice)
		}
		d.box.last++
		number = d.box.last
	}
	d.post.mu.Unlock()

	d.at = number
	d.out.hello()
	if known {
		return d.out.flush()
	}
	return d.snapshot(snapshot(), covered)
}

// snapshot writes what is not met. Once "synced" is written the reader knows
// that all else is met: a RESUME that waited is told by that.
func (d *delivery) snapshot(unmet, covered []message.Notice) error {
	d.hear(unmet)
	for _, n := range unmet {
		d.out.notice(0, n)
	}
	d.out.synced(d.at)
	if err := d.out.flush(); err != nil {
		return err
	}
	for _, n := range unmet {
		d.post.o.Told(n)
	}
	for _, c := range covered {
		named := slices.ContainsFunc(unmet, func(n message.Notice) bool { return n.Subject == c.Subject })
		if c.Kind == message.NoticeResume && !named {
			d.post.o.Told(c)
		}
	}
	return nil
}

// pick returns what the reader is to be told now. What was put a while ago is
// not told if it is not owed any more, and what is owed instead, is; what the
// reader heard a moment ago about the same subject is held back, and gets
// another number.
func (d *delivery) pick() (ripe []letter) {
	d.post.mu.Lock()
	letters, owed := d.box.after(d.at), d.post.owed
	d.post.mu.Unlock()
	if len(letters) > 0 && owed != nil {
		letters = still(letters, owed(d.instance))
	}
	d.post.mu.Lock()
	defer d.post.mu.Unlock()
	now := time.Now()
	for _, l := range letters {
		if d.box.calm.admits(l.Notice, now) {
			d.box.calm.heard(l.Subject, now)
			ripe = append(ripe, l)
		} else {
			d.box.drop(l.number)
		}
	}
	d.post.calm(d.instance, d.box, now)
	return ripe
}

// still returns the letters whose subjects are owed, with what is owed. Who
// did not get what was written gets that.
func still(letters []letter, owed []message.Notice) (out []letter) {
	for _, l := range letters {
		i := slices.IndexFunc(owed, func(n message.Notice) bool { return n.Subject == l.Subject })
		if i >= 0 {
			l.Notice = owed[i]
		}
		if i >= 0 || l.written {
			out = append(out, l)
		}
	}
	return out
}

// hear notes that the reader is being told about these.
func (d *delivery) hear(notices []message.Notice) {
	d.post.mu.Lock()
	defer d.post.mu.Unlock()
	for _, n := range notices {
		d.box.calm.heard(n.Subject, time.Now())
	}
}

// follow writes what is put, until it cannot.
func (d *delivery) follow(ctx context.Context, more <-chan struct{}) error {
	beat := time.NewTicker(heartbeat)
	defer beat.Stop()
	for {
		if err := d.news(); err != nil {
			return err
		}
		select {
		case <-more:
		case <-beat.C:
			d.out.comment()
			if err := d.out.flush(); err != nil {
				return err
			}
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// news writes what the reader does not know yet.
func (d *delivery) news() error {
	letters := d.pick()
	if len(letters) == 0 {
		return nil
	}
	for _, l := range letters {
		d.out.notice(l.number, l.Notice)
	}
	if err := d.out.flush(); err != nil {
		return err
	}
	d.post.mu.Lock()
	d.box.wrote(letters)
	d.post.mu.Unlock()
	for _, l := range letters {
		d.post.o.Told(l.Notice)
	}
	d.at = letters[len(letters)-1].number
	return nil
}
