package main

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/modgate/modgate/sdk-wasm/go/adapter"
)

// An update goes through the tenants, one after the other. Of each it is at one
// of these steps.
const (
	begin  = "begin"  // POST: the tenant's data is to become this version's
	ask    = "ask"    // GET: what has become of the job?
	forget = "forget" // DELETE: the job is complete
)

// What is remembered from one step to the next.
const (
	stepMemory   = "step"
	tenantMemory = "tenant"
	jobMemory    = "job"
	sinceMemory  = "since" // when the tenant's first POST was sent, Unix time in ms
	triesMemory  = "tries" // answers in a row with which nothing could be begun
)

// encode turns a grant, and each question for what has become of it, into the
// next call of the tenant interface. Other events mean nothing to the module.
func (s *settings) encode(e *adapter.Event, r *adapter.Request) adapter.Encoding {
	module, version := property(r.Gateway, "module.name"), property(r.Gateway, "module.version")
	kind := s.interfaceOf(module, version)
	if !e.Granted() && e.Type != adapter.Poll || kind == "none" || len(s.Tenants) == 0 {
		return adapter.Nothing
	}
	step, tenant, job, since := begin, s.Tenants[0], "", r.Now().UnixMilli()
	tries := 0
	if e.Type == adapter.Poll {
		step, tenant, job = attribute(e, stepMemory), attribute(e, tenantMemory), attribute(e, jobMemory)
		if was, err := strconv.ParseInt(attribute(e, sinceMemory), 10, 64); err == nil {
			since = was
		}
		tries, _ = strconv.Atoi(attribute(e, triesMemory)) // none: 0
	}
	r.SetTag(progress{tries, time.Duration(r.Now().UnixMilli()-since) * time.Millisecond}.tag())
	switch step {
	case ask:
		r.SetMethod("GET")
		r.SetTarget(s.Path + "/" + url.PathEscape(job) + s.wait())
		r.Body.SetString("")
		r.Header.Remove("Content-Type")
	case forget:
		r.SetMethod("DELETE")
		r.SetTarget(s.Path + "/" + url.PathEscape(job))
		r.Body.SetString("")
		r.Header.Remove("Content-Type")
	default:
		r.SetMethod("POST")
		r.SetTarget(s.Path)
		r.Header.Set("Content-Type", "application/json")
		r.Body.SetString(s.attributes(kind, s.id(module, version), s.served(module, property(r.Gateway, "module.served"))))
	}
	r.Header.Set("Accept", "*/*")
	r.Header.Set(tenantHeader, tenant)
	setOrRemove(&r.Header, tokenHeader, cmp.Or(s.Tokens[tenant], s.Token))
	r.Header.Set(requestIDHeader, requestID("", s.Path))
	setOrRemove(&r.Header, urlToHeader, property(r.Gateway, "module.endpoint"))
	s.common(r)
	return adapter.Edited
}

func attribute(e *adapter.Event, name string) string {
	text, _ := e.Attribute(name)
	return text
}

// served returns the id of the version that served last, "" if none did.
func (s *settings) served(module, version string) string {
	if version == "" {
		return ""
	}
	return s.id(module, version)
}

// wait is how long the module may hold back its answer about a job.
func (s *settings) wait() string {
	if s.Wait == 0 {
		return ""
	}
	return "?wait=" + strconv.FormatInt(time.Duration(s.Wait).Milliseconds(), 10)
}

// attributes writes the body of POST, as that version of the interface knows
// it.
func (s *settings) attributes(kind, to, from string) string {
	type parameter struct {
		Key   string `json:"key"`
		Value string `json:"value"`
	}
	a := struct {
		To         string      `json:"module_to"`
		From       string      `json:"module_from,omitempty"`
		Purge      *bool       `json:"purge,omitempty"`
		Parameters []parameter `json:"parameters,omitempty"`
	}{To: to, From: from}
	if kind == "2.0" {
		a.Purge = new(bool)
	}
	if kind == "1.2" || kind == "2.0" {
		for _, key := range slices.Sorted(maps.Keys(s.Parameters)) {
			a.Parameters = append(a.Parameters, parameter{key, s.Parameters[key]})
		}
	}
	text, _ := json.Marshal(a) // of texts: cannot fail
	return string(text)
}

// How long is waited before the next call, and how often something may go
// wrong in a row.
const (
	soon     = 50 * time.Millisecond
	firstAsk = 300 * time.Millisecond // as Okapi does, and a quarter longer each time
	again    = 3 * time.Second
	maxTries = 20
)

// reply says what the module's answer means, and what is to come next.
func (s *settings) reply(r *adapter.Reply) adapter.Verdict {
	at := position{s: s, Reply: r, tenant: r.Request.Header.Get(tenantHeader), progress: progressOf(r.Request.Tag())}
	method, path := r.Request.Method(), r.Request.Path()
	at.job, _ = url.PathUnescape(strings.TrimPrefix(strings.TrimPrefix(path, s.Path), "/")) // encode has escaped it
	switch {
	case method == "DELETE": // whatever comes of it
		return at.next()
	case r.Failed:
		return adapter.Retry // the gateway calls again, and tells the administrator
	case method == "GET":
		return at.asked()
	default:
		return at.begun()
	}
}

// position is how far an update is when an answer comes.
type position struct {
	s *settings
	*adapter.Reply
	tenant, job string
	progress
}

// begun judges the answer to POST.
func (p *position) begun() adapter.Verdict {
	switch status := p.Status(); {
	case status == 408, status == 429, status == 503:
		return p.trouble(begin, "")
	case status/100 != 2:
		return p.fail(fmt.Sprintf("POST %s is answered %d: %s", p.s.Path, status, p.Body.String()))
	}
	job, err := p.read()
	location := p.Header.Get("Location")
	switch {
	case job.ID == "" && location == "": // it was done at once, as in all versions below 2.0
		return p.next()
	case job.Error != "":
		return p.fail(job.text())
	case err != nil && location == "", job.Complete:
		return p.next()
	case job.ID == "":
		job.ID = location[strings.LastIndexByte(location, '/')+1:]
	}
	return p.later(ask, job.ID, firstAsk, 0)
}

// asked judges the answer to GET.
func (p *position) asked() adapter.Verdict {
	status := p.Status()
	if status == 404 { // another process, which knows nothing of the job: begin again
		return p.trouble(begin, "")
	}
	job, err := p.read()
	switch {
	case status != 200, err != nil:
		return p.trouble(ask, p.job)
	case job.Error != "":
		return p.fail(job.text())
	case job.Complete:
		return p.later(forget, p.job, soon, 0)
	case p.s.Timeout > 0 && p.elapsed > time.Duration(p.s.Timeout):
		return p.fail(fmt.Sprintf("its job %s is not complete after %v", p.job, p.elapsed))
	}
	return p.later(ask, p.job, min(firstAsk+p.elapsed/4, time.Duration(p.s.Poll)), 0)
}

// job is the answer of a module that works on its own.
type job struct {
	ID       string
	Complete bool
	Error    string
	Messages []string
}

func (p *position) read() (j job, err error) {
	body := p.Body.Bytes()
	if len(body) == 0 {
		return j, errors.New("there is none")
	}
	err = json.Unmarshal(body, &j)
	return j, err
}

func (j job) text() string { return strings.Join(append([]string{j.Error}, j.Messages...), "; ") }

// next goes on to the next tenant.
func (p *position) next() adapter.Verdict {
	n := slices.Index(p.s.Tenants, p.tenant) + 1
	if n == len(p.s.Tenants) {
		return adapter.Acknowledged
	}
	p.tenant, p.elapsed = p.s.Tenants[n], 0
	return p.later(begin, "", soon, 0)
}

// trouble tries a step again, so often.
func (p *position) trouble(step, job string) adapter.Verdict {
	if p.tries++; p.tries > maxTries {
		return p.fail(fmt.Sprintf("%s %s is answered %d, %d times in a row", p.Request.Method(), p.Request.Path(), p.Status(), p.tries))
	}
	return p.later(step, job, again, p.tries)
}

// later remembers the step that comes next.
func (p *position) later(step, job string, after time.Duration, tries int) adapter.Verdict {
	p.After(after)
	p.Remember(stepMemory, step)
	p.Remember(tenantMemory, p.tenant)
	p.Remember(jobMemory, job)
	p.Remember(sinceMemory, strconv.FormatInt(p.Now().Add(-p.elapsed).UnixMilli(), 10))
	p.Remember(triesMemory, strconv.Itoa(tries))
	return adapter.InProgress
}

// fail gives up, and says why.
func (p *position) fail(why string) adapter.Verdict {
	p.Reason("tenant " + p.tenant + ": " + why)
	return adapter.GiveUp
}

// progress is what of a tenant's update Reply has to know beside the call: it
// fits into a tag.
type progress struct {
	tries   int           // below 256
	elapsed time.Duration // in tenths of a second, up to 19 days
}

const tenth = 100 * time.Millisecond

func (p progress) tag() uint32 {
	return uint32(p.tries)<<24 | uint32(max(0, min(p.elapsed/tenth, 1<<24-1)))
}

func progressOf(tag uint32) progress {
	return progress{int(tag >> 24), time.Duration(tag&(1<<24-1)) * tenth}
}
