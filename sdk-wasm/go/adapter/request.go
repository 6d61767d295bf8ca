package adapter

import "strings"

// Request is one on its way to the module, or, in Encode and HealthRequest, one
// that the gateway is about to send. In OnResponse and Reply it can be read and
// not be edited.
type Request struct {
	Gateway
	Header  Fields
	Trailer Fields // edited with the feature Trailers
	Body    Body

	// ResponseHeader are fields that are added to the module's answer.
	ResponseHeader Fields

	target string // "" if it is not known
	kept   any
}

// Method returns the method.
func (r *Request) Method() string {
	t := &r.g.texts
	buf := t.room()
	n := int(r.g.host.GetMethod(buf))
	if n > len(buf) {
		return t.read(r.g.host.GetMethod)
	}
	method := buf[:n]
	switch string(method) { // no text is used up for these
	case "GET":
		return "GET"
	case "HEAD":
		return "HEAD"
	case "POST":
		return "POST"
	case "PUT":
		return "PUT"
	case "PATCH":
		return "PATCH"
	case "DELETE":
		return "DELETE"
	case "OPTIONS":
		return "OPTIONS"
	}
	return t.copy(method)
}

// SetMethod changes the method.
func (r *Request) SetMethod(method string) { r.g.host.SetMethod(method) }

// Target returns the path and query as they are sent, percent-encoded.
func (r *Request) Target() string {
	if r.target == "" {
		t := &r.g.texts
		buf := t.room()
		n := int(r.g.host.GetURI(buf))
		if n > len(buf) {
			t.more(n)
			r.g.host.GetURI(t.free)
		}
		r.target = t.cut(n)
	}
	return r.target
}

// SetTarget changes the path and query. What cannot be in a target is
// percent-encoded; one that does not begin with a slash is a fault of the
// adapter's.
func (r *Request) SetTarget(target string) {
	r.g.host.SetURI(target)
	r.target = ""
}

// Path returns the target up to its query.
func (r *Request) Path() string {
	path, _, _ := strings.Cut(r.Target(), "?")
	return path
}

// SetPath changes the path, and leaves the query.
func (r *Request) SetPath(path string) {
	if _, query, ok := strings.Cut(r.Target(), "?"); ok {
		path += "?" + query
	}
	r.SetTarget(path)
}

// Query returns what follows the question mark, as it is sent; net/url's
// ParseQuery takes it apart.
func (r *Request) Query() string {
	_, query, _ := strings.Cut(r.Target(), "?")
	return query
}

// SetQuery changes the query, and leaves the path. An empty one is removed.
func (r *Request) SetQuery(query string) {
	path := r.Path()
	if query != "" {
		path += "?" + query
	}
	r.SetTarget(path)
}

// Protocol returns what the client spoke, such as "HTTP/1.1".
func (r *Request) Protocol() string { return r.g.texts.read(r.g.host.GetProtocolVersion) }

// Source returns the client's address with its port, "" if there is none.
func (r *Request) Source() string { return r.g.texts.read(r.g.host.GetSourceAddr) }

// Enable enables features for this request only, and returns those that are.
// It is for OnRequest.
func (r *Request) Enable(f Features) Features {
	return Features(r.g.host.EnableFeatures(uint32(f)))
}

// Answer makes the answer here: the module does not see the request. It is for
// OnRequest and Decode.
func (r *Request) Answer(status int) *Response {
	if r.g.hook != onRequest && r.g.hook != onMessage {
		panic("adapter: Answer is for OnRequest and Decode")
	}
	r.g.answered, r.g.left = true, true
	r.g.response.SetStatus(status)
	return &r.g.response
}

// Keep leaves a value for OnResponse, which finds it with Kept.
func (r *Request) Keep(value any) {
	if r.g.hook != onRequest {
		panic("adapter: Keep is for OnRequest")
	}
	r.kept, r.g.left = value, true
}

// Kept returns what OnRequest has left, nil if nothing.
func (r *Request) Kept() any { return r.kept }

// SetTag leaves a number for Reply, HealthResponse or OnResponse, which find it
// with Tag. Unlike what Keep leaves it is there also if another instance runs
// the second hook.
func (r *Request) SetTag(tag uint32) { r.g.tag, r.g.left = tag, true }

// Tag returns what SetTag has left, 0 if nothing.
func (r *Request) Tag() uint32 { return r.g.tag }

// Response is an answer.
type Response struct {
	Gateway
	Header  Fields
	Trailer Fields // edited with the feature Trailers
	Body    Body

	Request *Request
	Failed  bool // there is no answer: the module was not reached, or gave none. What is edited is lost.
}

// Status returns the status.
func (r *Response) Status() int { return int(r.g.host.GetStatusCode()) }

// SetStatus changes the status, 200 to 999.
func (r *Response) SetStatus(status int) { r.g.host.SetStatusCode(uint32(status)) }
