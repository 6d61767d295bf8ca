// Package faulty makes broken cores: it stands before a good one and changes
// what is said, one lie at a time. Each is caught by a case; so it is known
// that the suite finds faults.
//
// It decides how a core could be broken. It is never part of a core.
package faulty

import (
	"bytes"
	"encoding/json"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strconv"
	"strings"
	"sync"

	"github.com/modgate/modgate/conformance/driver"
)

// Variant is a broken core: what is done to its messages, and which case
// must fail by it. Hooks that are nil leave all as it is.
type Variant struct {
	Name, Means string
	Rule        string // that is broken
	Case        string // that must fail

	data     hook                // requests of clients and modules
	control  hook                // calls of the control API
	upstream hook                // requests of the core to modules
	event    func(string) string // an event of a stream of notices, as text
}

// hook changes a request before it goes on, and what comes back. Either may
// be nil.
type hook struct {
	request  func(*front, *http.Request) *http.Response // an answer keeps the request from going on
	response func(*front, *http.Response)
}

// front is what stands before one core.
type front struct {
	Variant
	ports  *driver.Ports
	target map[bool]string // addresses of the core, by "is control"

	mu        sync.Mutex
	servers   []*http.Server
	instances map[string]instance // guarded by mu, as updating
	updating  map[string]string   // upstream of who asked last, by module
	seq       int
}

// instance is what the front has seen of a registration.
type instance struct{ module, upstream string }

// Open puts the variant before a core. It has the form of suite.Front.
func (v Variant) Open(data, control string, ports *driver.Ports) (frontData, frontControl string, closing func(), err error) {
	f := &front{
		Variant: v, ports: ports, target: map[bool]string{false: data, true: control},
		instances: map[string]instance{}, updating: map[string]string{},
	}
	frontData, err = f.listen(f.proxy("http://"+data, v.data))
	if err == nil {
		calls := v.control
		inner := calls.request
		calls.request = func(f *front, r *http.Request) *http.Response {
			f.watch(r)
			if inner == nil {
				return nil
			}
			return inner(f, r)
		}
		frontControl, err = f.listen(f.proxy("http://"+control, calls))
	}
	return frontData, frontControl, f.close, err
}

// listen serves a handler at an address of its own.
func (f *front) listen(h http.Handler) (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	s := &http.Server{Handler: h}
	f.mu.Lock()
	f.servers = append(f.servers, s)
	f.mu.Unlock()
	go s.Serve(l) //nolint:errcheck // it ends by Close
	return l.Addr().String(), nil
}

func (f *front) close() {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, s := range f.servers {
		s.Close() //nolint:errcheck // it closes all the same
	}
}

// proxy passes requests to an origin, through a hook.
func (f *front) proxy(origin string, h hook) http.Handler {
	to, _ := url.Parse(origin) // an address of ours
	pass := &httputil.ReverseProxy{
		FlushInterval: -1,
		ErrorLog:      log.New(io.Discard, "", 0), // cores die in some cases
		Rewrite: func(r *httputil.ProxyRequest) {
			r.Out.URL.Scheme, r.Out.URL.Host = to.Scheme, to.Host
			r.Out.Host = r.In.Host
		},
		ModifyResponse: func(r *http.Response) error {
			if f.event != nil && strings.HasPrefix(r.Header.Get("Content-Type"), "text/event-stream") {
				r.Body = f.rewriteEvents(r.Body)
			}
			if h.response != nil {
				h.response(f, r)
			}
			return nil
		},
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if h.request != nil {
			if answer := h.request(f, r); answer != nil {
				for name, values := range answer.Header {
					w.Header()[name] = values
				}
				w.WriteHeader(answer.StatusCode)
				io.Copy(w, answer.Body) //nolint:errcheck // the caller is gone
				return
			}
		}
		pass.ServeHTTP(w, r)
	})
}

// watch notes who registers and who asks for the data, and puts the upstream
// hook before an instance.
func (f *front) watch(r *http.Request) {
	if r.Method != http.MethodPost {
		return
	}
	var body map[string]any
	if json.Unmarshal(readBody(r), &body) != nil {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if r.URL.Path == "/v1/instances" {
		module, _ := body["module"].(string)
		id, _ := body["instance"].(string)
		upstream, _ := body["upstream"].(string)
		f.instances[id] = instance{module, upstream}
		if f.Variant.upstream.request != nil && upstream != "" {
			f.mu.Unlock()
			address, err := f.listen(f.proxy(upstream, f.Variant.upstream))
			f.mu.Lock()
			if err == nil {
				body["upstream"] = "http://" + address
				setBody(r, body)
			}
		}
		return
	}
	if id, is := strings.CutSuffix(strings.TrimPrefix(r.URL.Path, "/v1/instances/"), "/announcements"); is && body["type"] == "update" {
		in := f.instances[id]
		f.updating[in.module] = in.upstream
	}
}

// readBody reads a request's body and leaves it there.
func readBody(r *http.Request) []byte {
	b, _ := io.ReadAll(r.Body) // what was cut off is no JSON
	r.Body = io.NopCloser(bytes.NewReader(b))
	return b
}

func setBody(r *http.Request, v any) {
	b, _ := json.Marshal(v) // it was JSON
	r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(b)), int64(len(b))
	r.Header.Set("Content-Length", strconv.Itoa(len(b)))
}

// answer makes an answer of its own.
func answer(status int, body string) *http.Response {
	return &http.Response{
		StatusCode: status, Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(strings.NewReader(body)),
	}
}

// rewrite changes an answer's JSON.
func rewrite(r *http.Response, change func(map[string]any)) {
	b, _ := io.ReadAll(r.Body) // what was cut off is no JSON
	var v map[string]any
	if json.Unmarshal(b, &v) == nil {
		change(v)
		b, _ = json.Marshal(v) // it was JSON
	}
	replaceBody(r, b)
}

func replaceBody(r *http.Response, b []byte) {
	r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(b)), int64(len(b))
	r.Header.Set("Content-Length", strconv.Itoa(len(b)))
}

// rewriteEvents changes each event of a stream as it comes.
func (f *front) rewriteEvents(from io.ReadCloser) io.ReadCloser {
	r, w := io.Pipe()
	go func() {
		defer from.Close()
		var text []byte
		buf := make([]byte, 4096)
		for {
			n, err := from.Read(buf)
			text = append(text, buf[:n]...)
			for {
				event, rest, whole := bytes.Cut(text, []byte("\n\n"))
				if !whole {
					break
				}
				text = rest
				if _, err := io.WriteString(w, f.event(string(event)+"\n\n")); err != nil {
					return
				}
			}
			if err != nil {
				w.CloseWithError(err)
				return
			}
		}
	}()
	return r
}
