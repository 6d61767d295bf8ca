package api

import (
	"encoding"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"mime"
	"net/http"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/modgate/modgate/core/message"
)

const (
	maxBody   = 256 << 10        // bytes that a call may send (3.3)
	bodyLimit = 10 * time.Second // in which it must have sent them
)

// read decodes the body, one JSON object, into v, a pointer to a struct. It
// answers itself, and returns false, when the body is too large or not what
// is wanted.
func read(w http.ResponseWriter, r *http.Request, v any) bool {
	if !isJSON(r.Header) {
		w.Header().Set("Accept", "application/json")
		fail(w, http.StatusUnsupportedMediaType, message.Problem{Type: message.ProblemMediaType, Title: "Wrong content", Detail: "want application/json"})
		return false
	}
	control := http.NewResponseController(w)
	_ = control.SetReadDeadline(time.Now().Add(bodyLimit)) // where there are no deadlines, nobody is slow
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	_ = control.SetReadDeadline(time.Time{})
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		fail(w, http.StatusRequestEntityTooLarge, message.Problem{
			Type: message.ProblemTooLarge, Title: "Too large", Detail: fmt.Sprintf("a body is at most %d bytes", maxBody),
		})
		return false
	case err != nil:
		invalid(w, []message.Fault{{Detail: "read the body: " + err.Error()}})
		return false
	}
	if faults := decode(body, v); faults != nil {
		invalid(w, faults)
		return false
	}
	return true
}

// isJSON reports whether a body says that it is JSON, or nothing.
func isJSON(h http.Header) bool {
	kind := h.Get("Content-Type")
	if kind == "" {
		return true
	}
	kind, _, err := mime.ParseMediaType(kind)
	return err == nil && kind == "application/json"
}

// decode reads body into v, or returns all that is wrong with it: unlike
// encoding/json alone, which stops at the first fault and, where a type reads
// itself from text, does not say at which member.
func decode(body []byte, v any) []message.Fault {
	if !json.Valid(body) {
		return []message.Fault{{Detail: notJSON(body)}}
	}
	if faults := misfits(body, reflect.TypeOf(v).Elem(), ""); faults != nil {
		return faults
	}
	if err := json.Unmarshal(body, v); err != nil {
		return []message.Fault{{Detail: err.Error()}}
	}
	return nil
}

func notJSON(body []byte) string {
	if len(body) == 0 {
		return "the body is empty: want a JSON object"
	}
	var any json.RawMessage
	err := json.Unmarshal(body, &any)
	var syntax *json.SyntaxError
	if errors.As(err, &syntax) {
		return fmt.Sprintf("not JSON: %v, at byte %d", err, syntax.Offset)
	}
	return fmt.Sprintf("not JSON: %v", err)
}

// misfits returns what in raw, which is JSON, a value of type t does not
// take; at is the JSON pointer (RFC 6901) to raw. null is as good as absent.
func misfits(raw json.RawMessage, t reflect.Type, at string) []message.Fault {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch {
	case string(raw) == "null" && at != "":
		return nil
	case reflect.PointerTo(t).Implements(reflect.TypeFor[encoding.TextUnmarshaler]()):
		return leaf(raw, t, at)
	case t.Kind() == reflect.Struct:
		return members(raw, t, at)
	case t.Kind() == reflect.Slice:
		return elements(raw, t.Elem(), at)
	default:
		return leaf(raw, t, at)
	}
}

func members(raw json.RawMessage, t reflect.Type, at string) (faults []message.Fault) {
	var object map[string]json.RawMessage
	if json.Unmarshal(raw, &object) != nil || object == nil {
		return []message.Fault{{Pointer: at, Detail: "want an object"}}
	}
	known := fields(t)
	for _, name := range slices.Sorted(maps.Keys(object)) {
		pointer := at + "/" + escape.Replace(name)
		if field, ok := known[name]; ok {
			faults = append(faults, misfits(object[name], field, pointer)...)
		} else {
			faults = append(faults, message.Fault{
				Pointer: pointer, Detail: "no such member: want " + strings.Join(slices.Sorted(maps.Keys(known)), ", "),
			})
		}
	}
	return faults
}

// escape writes a member's name as a token of a JSON pointer.
var escape = strings.NewReplacer("~", "~0", "/", "~1")

// fields returns the types of a struct's members, by the names that JSON has
// for them.
func fields(t reflect.Type) map[string]reflect.Type {
	out := map[string]reflect.Type{}
	for _, f := range reflect.VisibleFields(t) {
		if name, _, _ := strings.Cut(f.Tag.Get("json"), ","); name != "" && name != "-" {
			out[name] = f.Type
		}
	}
	return out
}

func elements(raw json.RawMessage, t reflect.Type, at string) (faults []message.Fault) {
	var list []json.RawMessage
	if json.Unmarshal(raw, &list) != nil {
		return []message.Fault{{Pointer: at, Detail: "want a list"}}
	}
	for i, element := range list {
		faults = append(faults, misfits(element, t, at+"/"+strconv.Itoa(i))...)
	}
	return faults
}

// leaf returns what is wrong with a value that has no parts.
func leaf(raw json.RawMessage, t reflect.Type, at string) []message.Fault {
	err := json.Unmarshal(raw, reflect.New(t).Interface())
	var kind *json.UnmarshalTypeError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &kind):
		return []message.Fault{{Pointer: at, Detail: "want " + wanted(t)}}
	default: // the type's own words
		return []message.Fault{{Pointer: at, Detail: err.Error()}}
	}
}

// wanted says what JSON has for t, in the words of who writes it.
func wanted(t reflect.Type) string {
	switch k := t.Kind(); {
	case reflect.PointerTo(t).Implements(reflect.TypeFor[encoding.TextUnmarshaler]()), k == reflect.String:
		return "a string"
	case k == reflect.Bool:
		return "true or false"
	case reflect.Uint <= k && k <= reflect.Uint64:
		return "a whole number, not negative"
	default:
		return "another type"
	}
}
