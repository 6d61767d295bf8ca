package play

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/modgate/modgate/conformance/driver"
	"github.com/modgate/modgate/conformance/wire"
)

// upstream is the HTTP server of an instance.
type upstream struct {
	id      string
	address string

	mu     sync.Mutex
	server *http.Server // nil while it refuses connections
	status int
	header http.Header
	body   string
	after  time.Duration
	gate   chan struct{} // closed by release; nil: nothing is held
	hands  []*request    // in its hands, the oldest first
	served int
	latest *request
	early  []*request // the first ones
	lives  bool       // what it answers does not end by itself
	secret string     // of its webhook
}

// remembered is how many of the first requests are kept.
const remembered = 1000

// request is a request that arrived at an upstream.
type request struct {
	method, path string
	header       http.Header
	body         string
	after        time.Duration // the upstream's first one
	secret       string        // with which it should be signed
	at           time.Time
}

// Field implements fields.
func (r *request) Field(name string) (string, bool) {
	switch name {
	case "method":
		return r.method, true
	case "path":
		return r.path, true
	case "body":
		return r.body, true
	case "after":
		return r.after.String(), true
	case "signed":
		return wire.Signed(r.secret, r.header, r.body), true
	}
	if name[0] == '@' {
		return wire.Header(r.header, name)
	}
	return "", false
}

func (r *request) String() string {
	return fmt.Sprintf("%s %s %v %q", r.method, r.path, r.header, r.body)
}

func newUpstream(id string, ports *driver.Ports) (*upstream, error) {
	for {
		address, err := ports.Take()
		if err != nil {
			return nil, err
		}
		u := &upstream{id: id, address: address, status: http.StatusOK, body: id}
		if err := u.accept(); err == nil {
			return u, nil
		}
	}
}

func (u *upstream) origin() string { return "http://" + u.address }

// accept opens the address.
func (u *upstream) accept() error {
	listener, err := net.Listen("tcp", u.address)
	for end := time.Now().Add(time.Second); err != nil && time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		listener, err = net.Listen("tcp", u.address) // a process being forked may still have the former one
	}
	if err != nil {
		return err
	}
	server := &http.Server{Handler: u, ReadHeaderTimeout: time.Minute}
	u.mu.Lock()
	u.server = server
	u.mu.Unlock()
	go server.Serve(listener) //nolint:errcheck // it ends by Close, which waits for no handler
	return nil
}

// close refuses connections, and cuts those that are there.
func (u *upstream) close() {
	u.mu.Lock()
	server := u.server
	u.server = nil
	u.mu.Unlock()
	if server != nil {
		server.Close() //nolint:errcheck // it closes all the same
	}
}

// ServeHTTP answers as the case says.
func (u *upstream) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return // the core cut it off
	}
	req := &request{method: r.Method, path: r.URL.RequestURI(), header: r.Header, body: string(body), at: time.Now()}
	if r.Host != "" {
		req.header.Set("Host", r.Host)
	}
	u.mu.Lock()
	u.served++
	u.latest, req.secret = req, u.secret
	if u.served <= remembered {
		u.early = append(u.early, req)
	}
	req.after = req.at.Sub(u.early[0].at)
	u.hands = append(u.hands, req)
	gate, after, lives := u.gate, u.after, u.lives
	u.mu.Unlock()
	defer u.drop(req)
	if gate != nil {
		select {
		case <-gate:
		case <-r.Context().Done():
			return
		}
	}
	select {
	case <-time.After(after):
	case <-r.Context().Done():
		return
	}
	if lives {
		u.live(w, r)
		return
	}
	u.mu.Lock()
	status, text := u.status, u.body
	for name, values := range u.header {
		w.Header()[name] = values
	}
	u.mu.Unlock()
	w.Header().Set(wire.FromHeader, u.id)
	w.Header().Set("Content-Length", strconv.Itoa(len(text)))
	w.WriteHeader(status)
	io.WriteString(w, text) //nolint:errcheck // the core is gone
}

// drop forgets a request that is answered.
func (u *upstream) drop(r *request) {
	u.mu.Lock()
	defer u.mu.Unlock()
	for i, h := range u.hands {
		if h == r {
			u.hands = append(u.hands[:i:i], u.hands[i+1:]...)
			return
		}
	}
}

func (u *upstream) hold() {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.gate == nil {
		u.gate = make(chan struct{})
	}
}

func (u *upstream) release() {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.gate != nil {
		close(u.gate)
		u.gate = nil
	}
}

// inHand returns how many requests it has, and the oldest of them.
func (u *upstream) inHand() (n int, oldest *request) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if len(u.hands) > 0 {
		oldest = u.hands[0]
	}
	return len(u.hands), oldest
}

func (u *upstream) count() (served int, latest *request) {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.served, u.latest
}

// nth returns the nth request since the start, nil if there is none yet.
func (u *upstream) nth(n int) *request {
	u.mu.Lock()
	defer u.mu.Unlock()
	if n < 1 || n > len(u.early) {
		return nil
	}
	return u.early[n-1]
}

// live answers with what does not end by itself: a WebSocket that says what is
// said to it, or an event stream.
func (u *upstream) live(w http.ResponseWriter, r *http.Request) {
	if wire.IsWebSocket(r.Header) {
		wire.ServeWebSocket(w, r) //nolint:errcheck // the core ended it
		return
	}
	w.Header().Set(wire.FromHeader, u.id)
	w.Header().Set("Content-Type", wire.EventStream)
	io.WriteString(w, "data: "+u.id+"\n\n") //nolint:errcheck // the core is gone
	http.NewResponseController(w).Flush()   //nolint:errcheck // the core is gone
	<-r.Context().Done()
}
