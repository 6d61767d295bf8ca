package notify

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/modgate/modgate/core/message"
)

// notice is about subject users of instance a, unless it is changed.
func notice(kind message.Kind, turn uint64) message.Notice {
	return message.Notice{
		Receiver: "a", Subject: "users", Kind: kind, Turn: turn, Time: time.Now(),
		Data: message.NoticeData{Module: "users"},
	}
}

func about(subject string, n message.Notice) message.Notice {
	n.Subject, n.Data.Module = subject, subject
	return n
}

// event is one that was read.
type event struct{ id, kind, data string }

func (e event) String() string {
	if e.kind == "synced" || e.kind == "comment" {
		return e.kind
	}
	var ce struct {
		ID   string
		Data struct{ TTL string }
	}
	if err := json.Unmarshal([]byte(e.data), &ce); err != nil {
		return err.Error()
	}
	kind := strings.TrimSuffix(strings.TrimPrefix(e.kind, "dev.modgate."), ".v1")
	return strings.TrimSpace(kind + " " + ce.ID + " " + ce.Data.TTL)
}

// pipe is the server's end of a connection that holds nothing back: what was
// written was read.
type pipe struct{ net.Conn }

func (pipe) Header() http.Header { return http.Header{} }
func (pipe) WriteHeader(int)     {}
func (pipe) Flush()              {}

// listener is an instance with an open stream.
type listener struct {
	t     *testing.T
	conn  net.Conn   // its end
	leave func()     // ends the request's context
	ended chan error // what Stream returned

	mu     sync.Mutex
	events []event
}

// connect opens a stream from which nobody reads yet.
func connect(t *testing.T, p *Post, lastEventID string, unmet ...message.Notice) *listener {
	t.Helper()
	server, client := net.Pipe()
	ctx, cancel := context.WithCancel(t.Context())
	l := &listener{t: t, conn: client, leave: cancel, ended: make(chan error, 1)}
	go func() {
		l.ended <- p.Stream(ctx, pipe{server}, "a", lastEventID, func() []message.Notice { return unmet })
		server.Close()
	}()
	t.Cleanup(func() { cancel(); client.Close() })
	return l
}

// listen opens a stream and reads from it.
func listen(t *testing.T, p *Post, lastEventID string, unmet ...message.Notice) *listener {
	t.Helper()
	l := connect(t, p, lastEventID, unmet...)
	go l.read()
	return l
}

func (l *listener) read() {
	lines := bufio.NewScanner(l.conn)
	var e event
	for lines.Scan() {
		field, value, _ := strings.Cut(lines.Text(), ": ")
		switch field {
		case "id":
			e.id = value
		case "event":
			e.kind = value
		case "data":
			e.data = value
		case "retry":
			if value != "1000" {
				l.t.Errorf("retry: %s, want 1000 (3.4)", value)
			}
		case "":
			if lines.Text() == ": " {
				e.kind = "comment"
			}
			if e.data != "" || e.kind == "comment" { // without data it is no event
				l.mu.Lock()
				l.events = append(l.events, e)
				l.mu.Unlock()
				e = event{}
			}
		default:
			l.t.Errorf("line %q is none of Server-Sent Events", lines.Text())
		}
	}
}

// got returns the events that came since the last call.
func (l *listener) got() []event {
	synctest.Wait()
	l.mu.Lock()
	defer l.mu.Unlock()
	events := l.events
	l.events = nil
	return events
}

// wants compares the events that came since the last one that was asked for,
// and returns them.
func (l *listener) wants(want ...string) []event {
	l.t.Helper()
	events := l.got()
	if got, want := fmt.Sprint(events), fmt.Sprint(want); got != want {
		l.t.Errorf("got events %s, want %s", got, want)
	}
	return events
}

// log notes what was told.
type log struct {
	mu   sync.Mutex
	told []string
}

func (l *log) note(n message.Notice) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.told = append(l.told, n.Kind.String()+" "+n.ID())
}

func (l *log) wants(t *testing.T, want ...string) {
	t.Helper()
	synctest.Wait()
	l.mu.Lock()
	defer l.mu.Unlock()
	if got, want := fmt.Sprint(l.told), fmt.Sprint(want); got != want {
		t.Errorf("told %s, want %s", got, want)
	}
	l.told = nil
}
