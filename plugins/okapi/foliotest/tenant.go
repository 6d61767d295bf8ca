package foliotest

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Attributes are the body of POST /_/tenant.
type Attributes struct {
	From       string      `json:"module_from,omitempty"`
	To         string      `json:"module_to,omitempty"`
	Purge      *bool       `json:"purge,omitempty"`
	Parameters []Parameter `json:"parameters,omitempty"`
}

// Parameter is a tenant parameter, such as loadReference=true.
type Parameter struct {
	Key   string `json:"key"`
	Value string `json:"value"`
}

// Told is a call of the tenant interface.
type Told struct {
	Tenant, Call, Body string
	Header             http.Header
}

// Told returns the calls of the tenant interface so far.
func (m *Module) Told() []Told {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.told)
}

// Calls returns them without what is in them.
func (m *Module) Calls() (calls []string) {
	for _, t := range m.Told() {
		calls = append(calls, t.Tenant+" "+t.Call)
	}
	return calls
}

// tenant is the tenant interface, in the module's version of it.
func (m *Module) tenant(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	tenant := r.Header.Get(TenantHeader)
	m.mu.Lock()
	m.told = append(m.told, Told{tenant, r.Method + " " + r.URL.Path, string(body), r.Header.Clone()})
	m.mu.Unlock()
	if !m.demands(w, r) {
		return
	}
	id, ofJob := strings.CutPrefix(r.URL.Path, "/_/tenant/")
	switch {
	case r.URL.Path == "/_/tenant" && r.Method == http.MethodPost:
		m.post(w, r, body)
	case r.URL.Path == "/_/tenant" && r.Method == http.MethodDelete && m.Tenant != "2.0":
		m.end(w, tenant, true)
	case id == "disable" && r.Method == http.MethodPost && (m.Tenant == "1.1" || m.Tenant == "1.2"):
		m.end(w, tenant, false)
	case ofJob && m.Tenant == "2.0" && (r.Method == http.MethodGet || r.Method == http.MethodDelete):
		m.job(w, r, id)
	default:
		http.Error(w, "its tenant interface "+m.Tenant+" has no "+r.Method+" "+r.URL.Path, http.StatusNotFound)
	}
}

// post updates a tenant's data. In version 2.0 that is a job of its own.
func (m *Module) post(w http.ResponseWriter, r *http.Request, body []byte) {
	a, err := m.attributes(body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	tenant := r.Header.Get(TenantHeader)
	if a.To == "" {
		m.end(w, tenant, a.Purge != nil && *a.Purge)
		return
	}
	if a.To != m.ID {
		http.Error(w, "this is "+m.ID+", not "+a.To, http.StatusBadRequest)
		return
	}
	j := m.newJob(r.Header, tenant, a)
	if err := j.begin(); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	if m.Tenant != "2.0" || m.Migrate == nil {
		if err := j.run(); err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		w.WriteHeader(map[bool]int{true: http.StatusNoContent, false: http.StatusCreated}[m.Tenant == "2.0"])
		return
	}
	m.mu.Lock()
	m.jobs[j.ID] = j
	m.mu.Unlock()
	go func() { _ = j.run() }() // who asks for the job is told
	w.Header().Set("Location", "/_/tenant/"+j.ID)
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusCreated)
	j.write(w)
}

// attributes reads the body of a POST as strictly as modules do: what their
// version of the interface does not know is an error.
func (m *Module) attributes(body []byte) (a Attributes, err error) {
	d := json.NewDecoder(strings.NewReader(string(body)))
	d.DisallowUnknownFields()
	if err = d.Decode(&a); err != nil {
		return a, fmt.Errorf("tenant attributes: %w", err)
	}
	if a.Purge != nil && m.Tenant != "2.0" {
		return a, fmt.Errorf("tenant attributes: unrecognized field purge")
	}
	if a.Parameters != nil && m.Tenant != "2.0" && m.Tenant != "1.2" {
		return a, fmt.Errorf("tenant attributes: unrecognized field parameters")
	}
	if m.Tenant == "2.0" && a.To == "" && a.From == "" {
		return a, fmt.Errorf("tenant attributes: neither module_to nor module_from")
	}
	return a, nil
}

// end takes the module away from the tenant.
func (m *Module) end(w http.ResponseWriter, tenant string, purge bool) {
	err := m.Data.change(tenant, func(s *schema) error {
		if purge {
			*s = schema{}
		}
		return nil
	})
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

// job answers what has become of a job, or forgets it.
func (m *Module) job(w http.ResponseWriter, r *http.Request, id string) {
	m.mu.Lock()
	j := m.jobs[id]
	if r.Method == http.MethodDelete {
		delete(m.jobs, id)
	}
	m.mu.Unlock()
	if j == nil {
		http.Error(w, "Job not found "+id, http.StatusNotFound)
		return
	}
	if r.Method == http.MethodDelete {
		w.WriteHeader(http.StatusNoContent)
		return
	}
	if ms, err := strconv.Atoi(r.URL.Query().Get("wait")); err == nil && ms > 0 {
		select {
		case <-j.done:
		case <-time.After(time.Duration(ms) * time.Millisecond):
		}
	}
	w.Header().Set("Content-Type", "application/json")
	j.write(w)
}
