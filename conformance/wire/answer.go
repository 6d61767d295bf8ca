// Package wire is the suite's own reading of what a core writes: answers with
// their problems (RFC 9457), structured fields (RFC 9651), and streams of
// notices. It shares nothing with any core, on purpose.
//
// It decides how bytes are read, and never whether they are right.
package wire

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Answer is what came of a request: an answer, or the error that kept it from
// coming.
type Answer struct {
	Status int
	Header http.Header
	Body   []byte
	Close  int           // code with which a WebSocket ended; 0: none
	Took   time.Duration // from the first octet sent to the last one read
	Err    error
}

// FromHeader names the instance that answered; the suite's upstreams set it.
const FromHeader = "Conformance-From"

// Field returns a part of the answer by the name that checks use.
func (a Answer) Field(name string) (value string, found bool) {
	switch name {
	case "status":
		return strconv.Itoa(a.Status), a.Status != 0
	case "close":
		return strconv.Itoa(a.Close), a.Close != 0
	case "in":
		return a.Took.String(), true
	case "body":
		return string(a.Body), true
	case "from":
		return Header(a.Header, "@"+FromHeader)
	case "error":
		if a.Err == nil {
			return "", false
		}
		return a.Err.Error(), true
	}
	if strings.HasPrefix(name, "@") {
		return Header(a.Header, name)
	}
	return JSON(a.Body, name)
}

// String writes the answer for people: its head, and what fits of its body.
func (a Answer) String() string {
	if a.Err != nil {
		return fmt.Sprintf("no answer after %v: %v", a.Took.Round(time.Millisecond), a.Err)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%d after %v", a.Status, a.Took.Round(time.Millisecond))
	for _, name := range []string{"Retry-After", "Modgate-Status", "Proxy-Status", FromHeader, "Location", "Content-Type"} {
		if v := a.Header.Get(name); v != "" {
			fmt.Fprintf(&b, " | %s: %s", name, v)
		}
	}
	body := strings.TrimSpace(string(a.Body))
	if len(body) > 600 {
		body = body[:600] + "..."
	}
	return b.String() + " | " + body
}

// Header returns a header, "@Name", or a parameter of one that is a
// structured field, "@Name;parameter"; "@Name;" is its bare item.
func Header(h http.Header, name string) (value string, found bool) {
	name, parameter, structured := strings.Cut(strings.TrimPrefix(name, "@"), ";")
	values := h.Values(name)
	if len(values) == 0 {
		return "", false
	}
	if !structured {
		return strings.Join(values, ", "), true
	}
	item, err := ParseItem(strings.Join(values, ", "))
	if err != nil {
		return err.Error(), true // fits no check
	}
	if parameter == "" {
		return item.Bare, true
	}
	value, found = item.Parameters[parameter]
	return value, found
}

// JSON returns a member by its path: names and indices with dots between
// them, and [key] for the element of a list whose id, version, module,
// instance, name, pointer or subject is the key. Objects and lists come as
// JSON, and a name of "length" after a list as how many it has.
func JSON(body []byte, path string) (value string, found bool) {
	var v any
	if json.Unmarshal(body, &v) != nil {
		return "", false
	}
	for path != "" {
		var step string
		if path[0] == '[' {
			end := strings.IndexByte(path, ']')
			if end < 0 {
				return "", false
			}
			step, path = path[1:end], path[end+1:]
			v, found = element(v, step)
		} else {
			end := strings.IndexAny(path, ".[")
			if end < 0 {
				end = len(path)
			}
			step, path = path[:end], path[end:]
			v, found = member(v, step)
		}
		path = strings.TrimPrefix(path, ".")
		if !found {
			return "", false
		}
	}
	return text(v), v != nil
}

func member(v any, name string) (any, bool) {
	switch v := v.(type) {
	case map[string]any:
		m, found := v[name]
		return m, found
	case []any:
		if name == "length" {
			return float64(len(v)), true
		}
		if i, err := strconv.Atoi(name); err == nil && i >= 0 && i < len(v) {
			return v[i], true
		}
	}
	return nil, false
}

// keys are the members that tell elements of a list apart.
var keys = []string{"id", "version", "module", "instance", "name", "pointer", "subject"}

func element(v any, key string) (any, bool) {
	list, _ := v.([]any)
	for _, e := range list {
		object, _ := e.(map[string]any)
		for _, k := range keys {
			if s, is := object[k].(string); is && s == key {
				return e, true
			}
		}
	}
	return nil, false
}

func text(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case nil:
		return "null"
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	}
	b, _ := json.Marshal(v) // it was JSON
	return string(b)
}

// ReadAnswer reads one answer, an informational one too.
func ReadAnswer(r io.Reader) (Answer, error) {
	resp, err := http.ReadResponse(bufio.NewReader(r), nil)
	if err != nil {
		return Answer{}, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	return Answer{Status: resp.StatusCode, Header: resp.Header, Body: body}, err
}
