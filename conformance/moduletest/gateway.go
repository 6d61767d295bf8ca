// Package moduletest plays the gateway against a module: it starts the
// module's command, speaks the protocol with it, and says which promises of
// the protocol the module keeps.
//
// It decides what a module must do. It never looks into the module's data.
package moduletest

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
)

// registration is what the module said of itself.
type registration struct {
	Module   string
	Version  string
	Instance string
	Upstream string
	Routes   []struct {
		Methods []string
		Path    string
	}
	Requires []struct{ ID string }
	Lease    string
}

// announcement is what the module announced, and when.
type announcement struct {
	Type string
	Seq  uint64
	at   time.Time
}

// call is a request that the module sent to the data listener.
type call struct {
	path   string
	header http.Header
}

const (
	joinSecret = "conformance-join-secret"
	token      = "conformance-instance-token"
	lease      = 3 * time.Second
)

// gateway is a control listener and a data listener that do as a trial says.
type gateway struct {
	control, data string // addresses

	mu            sync.Mutex // guards all below
	servers       []*http.Server
	registrations []registration
	announcements []announcement
	renewals      []time.Time
	streams       int
	alerts        int
	calls         []call
	wrong         []string // requests that no gateway would accept
	phase         string
	epoch         uint64
	holdUpdate    bool          // UPDATE is pending
	holdLeave     bool          // DISCONNECT is not answered
	fenced        bool          // renewals are 409
	reply         int           // to calls: 0 is DELAY, 404 and so on
	missing       bool          // to calls: MISSING instead of DELAY
	event         chan string   // taken by the stream that is open
	down          chan struct{} // closed when streams must end
}

func newGateway() (*gateway, error) {
	g := &gateway{phase: "starting", epoch: 7, event: make(chan string), down: make(chan struct{})}
	var err error
	if g.control, err = g.listen("127.0.0.1:0", g.controlHandler()); err == nil {
		g.data, err = g.listen("127.0.0.1:0", http.HandlerFunc(g.called))
	}
	return g, err
}

func (g *gateway) listen(address string, h http.Handler) (string, error) {
	l, err := net.Listen("tcp", address)
	if err != nil {
		return "", err
	}
	s := &http.Server{Handler: h}
	g.mu.Lock()
	g.servers = append(g.servers, s)
	g.mu.Unlock()
	go s.Serve(l) //nolint:errcheck // it ends by Close
	return l.Addr().String(), nil
}

func (g *gateway) controlHandler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /v1/instances", g.register)
	mux.HandleFunc("PUT /v1/instances/{id}/lease", g.owned(g.renew))
	mux.HandleFunc("POST /v1/instances/{id}/announcements", g.owned(g.announce))
	mux.HandleFunc("GET /v1/instances/{id}/notices", g.owned(g.notices))
	mux.HandleFunc("POST /v1/alerts", g.owned(func(w http.ResponseWriter, _ *http.Request) {
		g.mu.Lock()
		g.alerts++
		g.mu.Unlock()
		w.WriteHeader(http.StatusAccepted)
	}))
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		g.fault("the control API has no %s %s", r.Method, r.URL.Path)
		problem(w, http.StatusNotFound, "unknown", nil)
	})
	return mux
}

func (g *gateway) fault(format string, args ...any) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.wrong = append(g.wrong, fmt.Sprintf(format, args...))
}

func write(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(v) //nolint:errcheck // the module is gone
}

func problem(w http.ResponseWriter, status int, word string, more map[string]any) {
	v := map[string]any{"type": "urn:modgate:" + word, "title": word, "status": status}
	for name, value := range more {
		v[name] = value
	}
	b, _ := json.Marshal(v) // texts and numbers
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(status)
	w.Write(b) //nolint:errcheck // the module is gone
}

func (g *gateway) register(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get("Authorization") != "Bearer "+joinSecret {
		g.fault("a registration bears %q, not the join secret", r.Header.Get("Authorization"))
		problem(w, http.StatusUnauthorized, "token-required", nil)
		return
	}
	var reg registration
	if err := json.NewDecoder(r.Body).Decode(&reg); err != nil {
		g.fault("a registration is not JSON: %v", err)
		problem(w, http.StatusBadRequest, "invalid", nil)
		return
	}
	if reg.Instance == "" {
		reg.Instance = "made-by-the-gateway"
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.registrations = append(g.registrations, reg)
	g.phase = "starting"
	requirements := []map[string]any{}
	for _, q := range reg.Requires {
		requirements = append(requirements, map[string]any{"id": q.ID, "state": "met", "module": q.ID, "found": "1.0.0"})
	}
	write(w, http.StatusCreated, map[string]any{
		"instance": reg.Instance, "token": token, "webhook_secret": "whsec_Y29uZm9ybWFuY2U=", "epoch": g.epoch,
		"lease": lease.String(), "state": g.state(), "requirements": requirements,
	})
}

// state is the module's; the caller holds mu.
func (g *gateway) state() map[string]any {
	name := ""
	if n := len(g.registrations); n > 0 {
		name = g.registrations[n-1].Module
	}
	state := map[string]any{"module": name, "state": "delayed", "phase": g.phase, "turn": len(g.announcements) + 1}
	if g.phase == "serving" {
		state["state"] = "ready"
	}
	return state
}

// owned admits calls with the instance's token and id.
func (g *gateway) owned(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer "+token {
			g.fault("%s %s bears no token of the instance", r.Method, r.URL.Path)
			problem(w, http.StatusUnauthorized, "token-required", nil)
			return
		}
		g.mu.Lock()
		n := len(g.registrations)
		id := ""
		if n > 0 {
			id = g.registrations[n-1].Instance
		}
		g.mu.Unlock()
		if given := r.PathValue("id"); given != "" && given != id {
			g.fault("%s %s is about another instance than %s", r.Method, r.URL.Path, id)
			problem(w, http.StatusNotFound, "unknown", nil)
			return
		}
		next(w, r)
	}
}

func (g *gateway) renew(w http.ResponseWriter, _ *http.Request) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.renewals = append(g.renewals, time.Now())
	if g.fenced {
		problem(w, http.StatusConflict, "fenced", map[string]any{"reason": "fenced"})
		return
	}
	write(w, http.StatusOK, map[string]any{"state": g.state(), "epoch": g.epoch, "lease": lease.String()})
}

// phases and outcomes of announcements.
var agreed = map[string][2]string{
	"update": {"updating", "granted"}, "resume": {"serving", "resumed"}, "disconnect": {"out", "disconnected"},
}

func (g *gateway) announce(w http.ResponseWriter, r *http.Request) {
	var a announcement
	if err := json.NewDecoder(r.Body).Decode(&a); err != nil || agreed[a.Type][0] == "" || a.Seq == 0 {
		g.fault("an announcement is not well-formed: %+v, %v", a, err)
		problem(w, http.StatusBadRequest, "invalid", nil)
		return
	}
	a.at = time.Now()
	g.mu.Lock()
	g.announcements = append(g.announcements, a)
	g.mu.Unlock()
	for end := time.Now().Add(20 * time.Second); a.Type == "disconnect" && g.holds(&g.holdLeave) && time.Now().Before(end); {
		select {
		case <-r.Context().Done():
			return
		case <-time.After(10 * time.Millisecond):
		}
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	switch {
	case g.fenced:
		problem(w, http.StatusConflict, "fenced", map[string]any{"reason": "fenced"})
	case a.Type == "update" && g.holdUpdate:
		g.phase = "waiting"
		w.Header().Set("Retry-After", "1")
		write(w, http.StatusAccepted, map[string]any{"notice": "delay", "ttl": "1s", "state": g.state()})
	default:
		if a.Type == "update" && g.phase != "updating" {
			g.epoch++
		}
		g.phase = agreed[a.Type][0]
		write(w, http.StatusOK, map[string]any{"outcome": agreed[a.Type][1], "epoch": g.epoch, "state": g.state()})
	}
}

func (g *gateway) holds(flag *bool) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return *flag
}

func (g *gateway) notices(w http.ResponseWriter, r *http.Request) {
	g.mu.Lock()
	g.streams++
	down := g.down
	g.mu.Unlock()
	w.Header().Set("Content-Type", "text/event-stream")
	io.WriteString(w, "retry: 200\n\nid: 1\nevent: synced\ndata: {}\n\n") //nolint:errcheck // seen at the next write
	flush := http.NewResponseController(w)
	for flush.Flush() == nil {
		select {
		case event := <-g.event:
			io.WriteString(w, event) //nolint:errcheck // seen by Flush
		case <-down:
			return
		case <-r.Context().Done():
			return
		}
	}
}

// called answers what the module sends to others.
func (g *gateway) called(w http.ResponseWriter, r *http.Request) {
	g.mu.Lock()
	g.calls = append(g.calls, call{r.URL.RequestURI(), r.Header.Clone()})
	missing, status := g.missing, g.reply
	g.mu.Unlock()
	module := strings.SplitN(strings.TrimPrefix(r.URL.Path, "/"), "/", 2)[0]
	switch {
	case status != 0:
		problem(w, status, "unknown", nil)
	case missing:
		w.Header().Set("Modgate-Status", "missing;module="+strconv.Quote(module)+";reason=expired")
		w.Header().Set("Proxy-Status", `modgate; error=destination_unavailable; details="missing"`)
		problem(w, http.StatusServiceUnavailable, "missing", map[string]any{"module": module, "reason": "expired"})
	default:
		w.Header().Set("Retry-After", "1")
		w.Header().Set("Modgate-Status", "delay;module="+strconv.Quote(module)+";reason=updating;ttl=1")
		w.Header().Set("Proxy-Status", `modgate; error=destination_unavailable; details="delay"`)
		problem(w, http.StatusServiceUnavailable, "delay", map[string]any{"module": module, "reason": "updating", "ttl": "1s"})
	}
}

// goDown closes both listeners and every connection, as a gateway that dies.
func (g *gateway) goDown() {
	g.mu.Lock()
	servers := g.servers
	g.servers = nil
	close(g.down)
	g.down = make(chan struct{})
	g.mu.Unlock()
	for _, s := range servers {
		s.Close() //nolint:errcheck // it closes all the same
	}
}

// comeUp opens the listeners again, at the same addresses.
func (g *gateway) comeUp() error {
	if _, err := g.listen(g.control, g.controlHandler()); err != nil {
		return err
	}
	_, err := g.listen(g.data, http.HandlerFunc(g.called))
	return err
}

// tell sends a notice to the stream that is open.
func (g *gateway) tell(kind, subject, module string, id int, data string) error {
	g.mu.Lock()
	receiver := g.registrations[len(g.registrations)-1].Instance
	g.mu.Unlock()
	event := fmt.Sprintf("id: %d\nevent: dev.modgate.%s.v1\ndata: {\"specversion\":\"1.0\",\"type\":\"dev.modgate.%s.v1\",\"source\":\"modgate/%s\",\"id\":\"%s/%s/%d\",\"subject\":\"%s\",\"data\":{\"module\":\"%s\"%s}}\n\n",
		id, kind, kind, receiver, subject, module, id, subject, module, data)
	select {
	case g.event <- event:
		return nil
	case <-time.After(5 * time.Second):
		return fmt.Errorf("no stream of notices takes %s", kind)
	}
}
