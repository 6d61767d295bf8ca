// Package foliotest is a module as FOLIO has 150 of them, unmodified: it knows
// Okapi's headers and tenant interface, and nothing of modgate. It stands in
// for one where an adapter for such modules is to be tried out.
//
// It decides what a module does that was written for Okapi: what it demands of
// a request, how it updates its data tenant by tenant, and how it asks other
// modules. It refuses what such a module cannot digest, so that a gateway which
// lets it through is found out: requests without Okapi's headers, and requests
// for data that is not, or is no longer, as the module knows it.
package foliotest

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
)

// Headers that Okapi gives a request.
const (
	URLHeader       = "X-Okapi-Url"
	TenantHeader    = "X-Okapi-Tenant"
	TokenHeader     = "X-Okapi-Token"
	RequestIDHeader = "X-Okapi-Request-Id"
)

// Module is one process of a module.
type Module struct {
	ID     string // product and version: "mod-loans-2.0.0"
	Path   string // what it serves is below it: "/loans"
	Tenant string // version of its tenant interface: "1.0", "1.1", "1.2" or "2.0"
	Data   *Data  // of all versions
	Token  bool   // it wants a token with each request

	// Migrate is what an update of a tenant's data takes beside writing the
	// version down; nil: nothing.
	Migrate func(*Job) error
	// Client sends what the module asks others; nil: http.DefaultClient.
	Client *http.Client

	health atomic.Int64 // status; 0: 200

	mu     sync.Mutex
	jobs   map[string]*Job // of the tenant interface 2.0; guarded by mu, as below
	killed chan struct{}   // closed when the process is; nil before the first job
	made   int             // jobs
	told   []Told
}

// Health sets the status with which GET /admin/health is answered.
func (m *Module) Health(status int) { m.health.Store(int64(status)) }

// ServeHTTP is the module.
func (m *Module) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch path := r.URL.Path; {
	case path == "/admin/health":
		m.answerHealth(w)
	case path == "/_/tenant" || strings.HasPrefix(path, "/_/tenant/"):
		m.tenant(w, r)
	case path == m.Path || strings.HasPrefix(path, m.Path+"/"):
		m.thing(w, r)
	default:
		http.Error(w, "no such path", http.StatusNotFound)
	}
}

func (m *Module) answerHealth(w http.ResponseWriter) {
	status := int(m.health.Load())
	if status == 0 {
		status = http.StatusOK
	}
	w.WriteHeader(status)
	if status == http.StatusOK {
		fmt.Fprint(w, `"OK"`)
	}
}

// demands answers a request that lacks what a module has from Okapi, and
// reports whether it has it all.
func (m *Module) demands(w http.ResponseWriter, r *http.Request) bool {
	names := []string{TenantHeader, URLHeader, RequestIDHeader}
	if m.Token {
		names = append(names, TokenHeader)
	}
	for _, name := range names {
		switch values := r.Header.Values(name); {
		case len(values) == 0 || values[0] == "":
			http.Error(w, name+" is missing", http.StatusBadRequest)
			return false
		case len(values) > 1:
			http.Error(w, name+" is there twice: "+strings.Join(values, " and "), http.StatusBadRequest)
			return false
		}
	}
	if r.Header.Get("Authorization") != "" || r.Header.Get("X-Okapi-Module-Id") != "" {
		http.Error(w, "a header that is for Okapi only", http.StatusBadRequest)
		return false
	}
	return true
}

// thing answers for a thing of the module's. With ?ask=/path, it asks Okapi for
// that first, and says what came of it.
func (m *Module) thing(w http.ResponseWriter, r *http.Request) {
	if !m.demands(w, r) {
		return
	}
	if err := m.Data.serves(r.Header.Get(TenantHeader), m.ID, r.Header.Get(RequestIDHeader)); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	fmt.Fprintf(w, "%s %s", m.ID, r.URL.Path)
	if ask := r.URL.Query().Get("ask"); ask != "" {
		body, err := m.ask(r.Header, ask)
		if err != nil {
			body = "fails: " + err.Error()
		}
		fmt.Fprintf(w, " asks: %s", body)
	}
}
