package proxy

import (
	"fmt"
	"io"
	"net"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

// recorder is an upstream that answers every request, and keeps what came.
// It knows HTTP by itself: a stupid parser, which takes nothing but what there
// is no doubt about.
type recorder struct {
	url  string
	open atomic.Int64 // connections

	mu  sync.Mutex
	all []captured // guarded by mu
}

// captured is a request as the recorder got it.
type captured struct {
	head    string // as it came, to the empty line
	line    string
	names   []string // in lower case
	values  []string
	chunked bool
	body    string
	dirt    string // what is wrong with it; "": nothing
}

func record(t testing.TB) *recorder {
	t.Helper()
	r := new(recorder)
	r.url = accepting(t, func(c net.Conn) {
		r.open.Add(1)
		defer r.open.Add(-1)
		r.serve(c)
	})
	return r
}

func (r *recorder) serve(c net.Conn) {
	defer c.Close()
	var came []byte
	buf := make([]byte, 64<<10)
	for {
		n, err := c.Read(buf)
		if err != nil {
			return
		}
		came = append(came, buf[:n]...)
		for len(came) > 0 {
			m, rest, ok := cutMessage(came)
			if !ok {
				break
			}
			came = rest
			r.mu.Lock()
			r.all = append(r.all, m)
			r.mu.Unlock()
			if m.dirt != "" {
				return
			}
			answer := "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n"
			if !strings.HasPrefix(m.line, "HEAD ") {
				answer += "ok"
			}
			if _, err := io.WriteString(c, answer); err != nil {
				return
			}
		}
	}
}

func (r *recorder) forget() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.all = nil
}

// seen returns what came since forget, none of which may be dirty.
func (r *recorder) seen(t testing.TB, id string) []captured {
	t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, m := range r.all {
		if m.dirt != "" {
			t.Errorf("%s: the upstream got a dirty request, %s: %q", id, m.dirt, m.head)
		}
	}
	return slices.Clone(r.all)
}

var (
	requestLine = regexp.MustCompile(`^[!#$%&'*+\-.^_` + "`" + `|~0-9A-Za-z]+ (/[!-~]*|\*) HTTP/1\.1$`)
	fieldLine   = regexp.MustCompile(`^([!#$%&'*+\-.^_` + "`" + `|~0-9A-Za-z]+):[ \t]*([\t -~\x80-\xff]*?)[ \t]*$`)
	lengthValue = regexp.MustCompile(`^(0|[1-9][0-9]*)$`)
	sizeLine    = regexp.MustCompile(`^[0-9a-f]+$`)
	notLetters  = regexp.MustCompile(`[^a-z]`)
)

// cutMessage takes the first request from came; false: it is not whole.
func cutMessage(came []byte) (m captured, rest []byte, ok bool) {
	head, body, ok := strings.Cut(string(came), "\r\n\r\n")
	if !ok {
		return m, came, false
	}
	m.head = head
	lines := strings.Split(head, "\r\n")
	m.line = lines[0]
	if !requestLine.MatchString(m.line) {
		m.dirt = "in its request line"
		return m, nil, true
	}
	for _, l := range lines[1:] {
		f := fieldLine.FindStringSubmatch(latin1(l))
		if f == nil {
			m.dirt = fmt.Sprintf("in the line %q", l)
			return m, nil, true
		}
		m.names, m.values = append(m.names, strings.ToLower(f[1])), append(m.values, f[2])
	}
	if m.dirt = m.framing(); m.dirt != "" {
		return m, nil, true
	}
	rest, ok = m.cutBody(body)
	return m, rest, ok
}

// latin1 makes each octet a rune, so that a pattern sees octets.
func latin1(s string) string {
	runes := make([]rune, len(s))
	for i := range len(s) {
		runes[i] = rune(s[i])
	}
	return string(runes)
}

// framing says what is wrong with the fields that frame and route.
func (m *captured) framing() string {
	hosts, lengths, codings := m.get("host"), m.get("content-length"), m.get("transfer-encoding")
	for _, n := range m.names {
		switch letters := notLetters.ReplaceAllString(n, ""); {
		case n != "content-length" && letters == "contentlength", n != "transfer-encoding" && letters == "transferencoding":
			return "by the field " + n
		}
	}
	switch {
	case len(hosts) != 1:
		return fmt.Sprintf("by %d Host fields", len(hosts))
	case len(lengths)+len(codings) > 1:
		return "by more than one field that frames it"
	case len(lengths) == 1 && !lengthValue.MatchString(lengths[0]):
		return "by its length"
	case len(codings) == 1 && codings[0] != "chunked":
		return "by its coding"
	}
	m.chunked = len(codings) == 1
	return ""
}

func (m *captured) get(name string) (values []string) {
	for i, n := range m.names {
		if n == name {
			values = append(values, m.values[i])
		}
	}
	return values
}

// cutBody takes the body from text.
func (m *captured) cutBody(text string) (rest []byte, ok bool) {
	if !m.chunked {
		n := 0
		if lengths := m.get("content-length"); len(lengths) == 1 {
			n, _ = strconv.Atoi(lengths[0])
		}
		if len(text) < n {
			return nil, false
		}
		m.body = text[:n]
		return []byte(text[n:]), true
	}
	for {
		line, after, ok := strings.Cut(text, "\r\n")
		if !ok {
			return nil, false
		}
		size, err := strconv.ParseInt(line, 16, 64)
		if !sizeLine.MatchString(line) || err != nil {
			m.dirt = fmt.Sprintf("by the chunk size %q", line)
			return nil, true
		}
		if size == 0 {
			return m.cutTrailers(after)
		}
		if int64(len(after)) < size+2 {
			return nil, false
		}
		if after[size:size+2] != "\r\n" {
			m.dirt = "by the end of a chunk"
			return nil, true
		}
		m.body += after[:size]
		text = after[size+2:]
	}
}

func (m *captured) cutTrailers(text string) (rest []byte, ok bool) {
	for {
		line, after, ok := strings.Cut(text, "\r\n")
		if !ok {
			return nil, false
		}
		if line == "" {
			return []byte(after), true
		}
		if !fieldLine.MatchString(latin1(line)) {
			m.dirt = fmt.Sprintf("by the trailer %q", line)
			return nil, true
		}
		text = after
	}
}
