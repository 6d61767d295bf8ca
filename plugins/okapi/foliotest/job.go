package foliotest

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"
)

// Job is an update of a tenant's data.
type Job struct {
	ID         string
	Tenant     string
	Attributes Attributes

	module *Module
	header http.Header // of the call that made it begin
	killed chan struct{}
	done   chan struct{}

	mu  sync.Mutex
	err error // guarded by mu
}

func (m *Module) newJob(h http.Header, tenant string, a Attributes) *Job {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.jobs == nil {
		m.jobs = map[string]*Job{}
	}
	if m.killed == nil {
		m.killed = make(chan struct{})
	}
	m.made++
	j := &Job{
		ID: fmt.Sprintf("%s-%d", m.ID, m.made), Tenant: tenant, Attributes: a, module: m, header: h.Clone(),
		killed: m.killed, done: make(chan struct{}),
	}
	j.header.Set(RequestIDHeader, "job-"+j.ID)
	return j
}

// Ask asks Okapi for a path, while the data is the job's.
func (j *Job) Ask(path string) (string, error) { return j.module.ask(j.header, path) }

// Work takes that long, or until the process is killed, which is an error.
func (j *Job) Work(d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-j.killed:
		return errors.New("killed")
	}
}

// Kill ends the process: its jobs end where they are, and the next process
// knows nothing of them. What is to be answered meanwhile is up to the caller.
func (m *Module) Kill() {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.killed != nil {
		close(m.killed)
	}
	m.killed, m.jobs = nil, nil
}

// begin takes the tenant's data, whatever has become of it.
func (j *Job) begin() error {
	return j.module.Data.change(j.Tenant, func(s *schema) error {
		s.Migrating, s.Run = j.module.ID, j.header.Get(RequestIDHeader)
		return nil
	})
}

// run restructures the data that begin took.
func (j *Job) run() (err error) {
	defer func() {
		j.mu.Lock()
		j.err = err
		j.mu.Unlock()
		close(j.done)
	}()
	m := j.module
	if m.Migrate != nil {
		if err := m.Migrate(j); err != nil {
			return err
		}
	}
	return m.Data.change(j.Tenant, func(s *schema) error {
		if s.Run != j.header.Get(RequestIDHeader) {
			return fmt.Errorf("another job has begun")
		}
		*s = schema{Module: m.ID}
		return nil
	})
}

// write writes the job as GET /_/tenant/{id} answers it.
func (j *Job) write(w io.Writer) {
	out := struct {
		ID         string     `json:"id"`
		Tenant     string     `json:"tenant"`
		Attributes Attributes `json:"tenantAttributes"`
		Complete   bool       `json:"complete"`
		Error      string     `json:"error,omitempty"`
		Messages   []string   `json:"messages,omitempty"`
	}{ID: j.ID, Tenant: j.Tenant, Attributes: j.Attributes}
	select {
	case <-j.done:
		out.Complete = true
		j.mu.Lock()
		if j.err != nil {
			out.Error, out.Messages = j.err.Error(), []string{"of tenant " + j.Tenant}
		}
		j.mu.Unlock()
	default:
	}
	_ = json.NewEncoder(w).Encode(out) // who reads it may be gone
}
