//go:build !wasip1

package adaptertest

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/modgate/modgate/sdk-wasm/go/adapter"
	"github.com/modgate/modgate/sdk-wasm/go/adapter/internal/abi"
)

// host is a Host as its guest sees it: the functions of the ABI.
type host Host

func put(buf []byte, text string) uint32 {
	if len(text) <= len(buf) {
		copy(buf, text)
	}
	return uint32(len(text))
}

func found(buf []byte, text string, ok bool) int32 {
	if !ok {
		return abi.ErrorAbsent
	}
	return int32(put(buf, text))
}

func (h *host) exchange() *Exchange {
	if h.call.x == nil {
		panic(Misuse("there is no request while the adapter begins"))
	}
	return h.call.x
}

// request returns the exchange if its request may still be edited.
func (h *host) request(what string) *Exchange {
	x := h.exchange()
	if p := h.call.phase; p == afterNext || p == replying || p == judging {
		panic(Misuse("it is too late to change " + what + ": the request was sent"))
	}
	return x
}

func (h *host) needs(feature uint32, name, what string) {
	if h.call.features&feature == 0 {
		panic(Misuse("it must enable the feature " + name + " to " + what))
	}
}

func (h *host) EnableFeatures(features uint32) uint32 {
	features &= abi.FeatureBufferRequest | abi.FeatureBufferResponse | abi.FeatureTrailers
	switch h.call.phase {
	case starting:
		h.features |= features
		h.call.features = h.features
	case afterNext:
	default:
		h.call.features |= features
	}
	return h.call.features
}

func (h *host) GetConfig(buf []byte) uint32 { return put(buf, h.o.Config) }

func (h *host) LogEnabled(level int32) uint32 {
	if level >= int32(adapter.Debug) && level <= int32(adapter.Error) {
		return 1
	}
	return 0
}

func (h *host) Log(level int32, message string) {
	if h.LogEnabled(level) == 1 {
		h.Lines = append(h.Lines, []string{"debug", "info", "warn", "error"}[level+1]+": "+strings.Clone(message))
	}
}

func (h *host) GetMethod(buf []byte) uint32 { return put(buf, h.exchange().Method) }

func (h *host) SetMethod(method string) {
	x := h.request("the method")
	if !isToken(method) || method == http.MethodConnect {
		panic(Misuse("the method must be a token, and not CONNECT"))
	}
	x.Method = strings.Clone(method)
}

func (h *host) GetURI(buf []byte) uint32 { return put(buf, h.exchange().Target) }

func (h *host) SetURI(uri string) {
	x := h.request("the URI")
	if uri == "" {
		uri = "/"
	}
	if uri[0] != '/' {
		panic(Misuse("the URI must be a path, with a query or without"))
	}
	x.Target = target(uri)
}

func (h *host) GetProtocolVersion(buf []byte) uint32 { return put(buf, h.exchange().Protocol) }
func (h *host) GetSourceAddr(buf []byte) uint32      { return put(buf, h.exchange().Source) }

func (h *host) fields(kind uint32) http.Header {
	x := h.exchange()
	switch kind {
	case abi.KindRequestHeader:
		return x.Header
	case abi.KindRequestTrailer:
		return x.Trailer
	case abi.KindResponseHeader:
		return x.answer().Header
	case abi.KindResponseTrailer:
		return x.answer().Trailer
	}
	panic(Misuse("there is no kind of header " + strconv.Itoa(int(kind))))
}

// editable returns fields that may be changed.
func (h *host) editable(kind uint32, name string) http.Header {
	f := h.fields(kind)
	switch kind {
	case abi.KindRequestHeader:
		h.request("a request header")
	case abi.KindRequestTrailer:
		h.request("a request trailer")
		h.needs(abi.FeatureTrailers, "trailers", "change a request trailer")
	case abi.KindResponseTrailer:
		h.needs(abi.FeatureTrailers, "trailers", "change a response trailer")
	}
	if !isToken(name) {
		panic(Misuse("the name of a header is no token"))
	}
	return f
}

func values(f http.Header, name string) (all []string) {
	if name == "" {
		panic(Misuse("a header has no name"))
	}
	for _, key := range slices.Sorted(maps.Keys(f)) {
		if strings.EqualFold(key, name) {
			all = append(all, f[key]...)
		}
	}
	return all
}

// list returns how many texts there are, with the length of all.
func list(buf []byte, all []string) uint64 {
	var text strings.Builder
	for _, one := range all {
		text.WriteString(one + "\x00")
	}
	return uint64(len(all))<<32 | uint64(put(buf, text.String()))
}

func (h *host) GetHeaderNames(kind uint32, buf []byte) uint64 {
	var all []string
	for key := range h.fields(kind) {
		all = append(all, strings.ToLower(key))
	}
	slices.Sort(all)
	return list(buf, slices.Compact(all))
}

func (h *host) GetHeaderValues(kind uint32, name string, buf []byte) uint64 {
	return list(buf, values(h.fields(kind), name))
}

func (h *host) SetHeaderValue(kind uint32, name, value string) {
	h.RemoveHeader(kind, name)
	h.AddHeaderValue(kind, name, value)
}

func (h *host) AddHeaderValue(kind uint32, name, value string) {
	h.editable(kind, name).Add(strings.Clone(name), visible(value))
}

func (h *host) RemoveHeader(kind uint32, name string) {
	f := h.editable(kind, name)
	maps.DeleteFunc(f, func(key string, _ []string) bool { return strings.EqualFold(key, name) })
}

func (h *host) ReadBody(kind uint32, buf []byte) uint64 {
	x := h.exchange()
	if len(buf) == 0 {
		panic(Misuse("it reads a body into no room at all"))
	}
	body := x.Body
	switch kind {
	case abi.BodyRequest:
	case abi.BodyResponse:
		if h.call.phase == afterNext {
			h.needs(abi.FeatureBufferResponse, "buffer_response", "read an answer's body")
		}
		body = x.answer().Body
	default:
		panic(Misuse("there is no kind of body " + strconv.Itoa(int(kind))))
	}
	n := copy(buf, body[h.call.read[kind]:])
	h.call.read[kind] += n
	result := uint64(n)
	if h.call.read[kind] == len(body) {
		result |= 1 << 32
	}
	return result
}

func (h *host) WriteBody(kind uint32, body []byte) {
	switch kind {
	case abi.BodyRequest:
		h.request("the request's body")
	case abi.BodyResponse:
		if h.call.phase == afterNext {
			h.needs(abi.FeatureBufferResponse, "buffer_response", "write an answer's body")
		}
	default:
		panic(Misuse("there is no kind of body " + strconv.Itoa(int(kind))))
	}
	if h.call.written[kind] == nil {
		h.call.written[kind] = new(string)
	}
	*h.call.written[kind] += string(body)
}

func (h *host) GetStatusCode() uint32 {
	if a := h.exchange().Answer; a != nil && a.Status != 0 {
		return uint32(a.Status)
	}
	return http.StatusOK
}

func (h *host) SetStatusCode(status uint32) {
	if status < 200 || status > 999 {
		panic(Misuse(fmt.Sprintf("the status %d is none of an answer", status)))
	}
	h.exchange().answer().Status = int(status)
}

func (h *host) Features(want uint32) uint32 {
	granted := uint32(abi.ExtensionJSONEvents | abi.ExtensionAttributes | abi.ExtensionProperties)
	if !h.o.Unshared {
		granted |= abi.ExtensionShared
	}
	return want & granted
}

func (h *host) GetEvent(buf []byte) int32 {
	if h.call.event == nil {
		return abi.ErrorAbsent
	}
	return int32(put(buf, h.call.event.json()))
}

func (h *host) GetAttr(name string, buf []byte) int32 {
	text, ok := h.call.draft[name]
	if !ok && h.call.event != nil {
		text, ok = h.call.event.attribute(name)
	}
	return found(buf, text, ok)
}

func (h *host) SetAttr(name, value string) {
	switch {
	case h.call.phase != decoding && h.call.phase != replying:
		panic(Misuse("set_attr is for lifecycle_decode and lifecycle_reply"))
	case name == "" || len(name) > 64 || len(value) > 4<<10:
		panic(Misuse("an attribute has a name of 1 to 64 bytes, and at most 4096 bytes"))
	}
	if h.call.draft == nil {
		h.call.draft = map[string]string{}
	}
	if h.call.draft[strings.Clone(name)] = strings.Clone(value); len(h.call.draft) > 64 {
		panic(Misuse("it sets more than 64 attributes"))
	}
}

func (h *host) Emit(kind uint32) int32 {
	if h.call.phase != decoding {
		panic(Misuse("emit is for lifecycle_decode"))
	}
	a := adapter.Announcement{Type: adapter.AnnouncementType(kind), Reason: h.call.draft["reason"]}
	var err1, err2 error // with a zero before it, what is not set is 0
	a.Seq, err1 = strconv.ParseUint("0"+h.call.draft["seq"], 10, 64)
	a.Expected, err2 = time.ParseDuration("0" + h.call.draft["expected"])
	if err1 != nil || err2 != nil {
		return abi.ErrorInvalid
	}
	result := h.announce(a)
	if result == 0 {
		h.call.draft = nil
	}
	return result
}

func (h *host) EmitEvent(event []byte) int32 {
	if h.call.phase != decoding {
		panic(Misuse("emit_event is for lifecycle_decode"))
	}
	var e struct {
		Type string
		Data struct {
			Seq              uint64
			Expected, Reason string
		}
	}
	if json.Unmarshal(event, &e) != nil {
		return abi.ErrorInvalid
	}
	expected, err := time.ParseDuration("0" + e.Data.Expected)
	if err != nil {
		return abi.ErrorInvalid
	}
	word := strings.TrimSuffix(strings.TrimPrefix(e.Type, "dev.modgate."), ".v1")
	return h.announce(adapter.Announcement{Type: words[word], Seq: e.Data.Seq, Expected: expected, Reason: e.Data.Reason})
}

var words = map[string]adapter.AnnouncementType{
	"update": adapter.Update, "disconnect": adapter.Disconnect, "resume": adapter.Resumed,
}

// announce keeps a, if it is right.
func (h *host) announce(a adapter.Announcement) int32 {
	known := a.Type == adapter.Update || a.Type == adapter.Disconnect || a.Type == adapter.Resumed
	switch {
	case !known || a.Expected < 0 || len(a.Reason) > 1024:
		return abi.ErrorInvalid
	case len(h.call.emitted) == 16:
		return abi.ErrorFull
	}
	h.call.emitted = append(h.call.emitted, a)
	return 0
}

func (h *host) GetProperty(name string, buf []byte) int32 {
	text, ok := h.o.Properties[name]
	return found(buf, text, ok)
}

func (h *host) Now() int64 {
	if h.o.Now.IsZero() {
		return time.Now().UnixNano()
	}
	return h.o.Now.UnixNano()
}

func (h *host) KVGet(key string, buf []byte) int32 {
	kept, ok := h.shared[key]
	if ok && !kept.until.IsZero() && time.Unix(0, h.Now()).After(kept.until) {
		ok = false
	}
	return found(buf, kept.value, ok)
}

func (h *host) KVSet(key, value string, ttl uint32) int32 {
	if delete(h.shared, key); value == "" {
		return 0
	}
	if h.o.Unshared {
		return abi.ErrorFull
	}
	kept := shared{value: strings.Clone(value)}
	if ttl > 0 {
		kept.until = time.Unix(0, h.Now()).Add(time.Duration(ttl) * time.Millisecond)
	}
	h.shared[strings.Clone(key)] = kept
	return 0
}
