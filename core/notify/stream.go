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

	d := delivery{post: p, box: b, out: newEvents(ctx, w)}
	defer d.out.release()
	if err = d.begin(lastEventID, snapshot); err == nil {
		err = d.follow(ctx, s.more)
	}
	return fmt.Errorf("stream notices to %s: %w", instance, err)
}

// delivery is what a stream has told so far.
type delivery struct {
	post *Post
	box  *box
	out  *events
	at   uint64 // number up to which the reader knows everything
}

// begin brings the reader up to date.
func (d *delivery) begin(lastEventID string, snapshot func() []message.Notice) error {
	d.post.mu.Lock()
	number, known := d.box.known(lastEventID)
	var covered []letter // by the snapshot, which is taken later
	if !known {
		covered = d.box.after(d.box.base)
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
func (d *delivery) snapshot(unmet []message.Notice, covered []letter) error {
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
	for _, l := range covered {
		named := slices.ContainsFunc(unmet, func(n message.Notice) bool { return n.Subject == l.Subject })
		if l.Kind == message.NoticeResume && !named {
			d.post.o.Told(l.Notice)
		}
	}
	return nil
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
	d.post.mu.Lock()
	letters := d.box.after(d.at)
	d.post.mu.Unlock()
	if len(letters) == 0 {
		return nil
	}
	for _, l := range letters {
		d.out.notice(l.number, l.Notice)
	}
	if err := d.out.flush(); err != nil {
		return err
	}
	for _, l := range letters {
		d.post.o.Told(l.Notice)
	}
	d.at = letters[len(letters)-1].number
	return nil
}
