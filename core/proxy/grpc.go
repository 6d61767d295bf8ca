package proxy

import (
	"encoding/base64"
	"encoding/binary"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/modgate/modgate/core/message"
)

// A gRPC client reads no problem+json: the gateway's own answers to it are a
// status of gRPC's, in a head without a body ("Trailers-Only"), with the same
// words as details: google.rpc.RetryInfo and google.rpc.ErrorInfo. How long to
// wait, or not to try again, is also said so that clients with a retry policy
// keep to it (grpc-retry-pushback-ms).

// Codes of gRPC.
const (
	grpcInvalidArgument  = 3
	grpcDeadlineExceeded = 4
	grpcExhausted        = 8
	grpcUnimplemented    = 12
	grpcInternal         = 13
	grpcUnavailable      = 14
	grpcUnauthenticated  = 16
)

// grpcCode is the code for an answer that HTTP knows by this status.
func grpcCode(status int) int {
	switch status {
	case http.StatusBadRequest, http.StatusExpectationFailed:
		return grpcInvalidArgument
	case http.StatusUnauthorized:
		return grpcUnauthenticated
	case http.StatusNotFound, http.StatusMethodNotAllowed, http.StatusNotImplemented:
		return grpcUnimplemented
	case http.StatusRequestEntityTooLarge, http.StatusRequestHeaderFieldsTooLarge:
		return grpcExhausted
	case http.StatusGatewayTimeout:
		return grpcDeadlineExceeded
	case http.StatusInternalServerError:
		return grpcInternal
	default:
		return grpcUnavailable
	}
}

// wantsGRPC reports whether the client is to be answered in gRPC's words.
func (x *exchange) wantsGRPC() bool { return x.head.grpc && x.client.stream != nil }

// grpcBody puts a, whose fields are in the response already, into gRPC's
// words.
func (x *exchange) grpcBody(a answer) {
	h := &x.ctx.Response.Header
	code := grpcCode(a.Status)
	h.SetStatusCode(http.StatusOK)
	h.SetContentType("application/grpc")
	text := a.Title
	if a.Detail != "" {
		text += ": " + a.Detail
	}
	h.Set("Grpc-Status", strconv.Itoa(code))
	h.Set("Grpc-Message", grpcMessage(text))
	h.Set("Grpc-Status-Details-Bin", base64.RawStdEncoding.EncodeToString(x.grpcDetails(code, text, a)))
	switch {
	case a.retryAfter > 0:
		h.Set("Grpc-Retry-Pushback-Ms", strconv.FormatInt(a.retryAfter.Milliseconds(), 10))
	case code == grpcUnavailable && a.word == "missing":
		h.Set("Grpc-Retry-Pushback-Ms", "-1") // do not try again
	}
}

// grpcMessage writes a text as a Grpc-Message has it: percent-encoded where it
// is not printable ASCII.
func grpcMessage(s string) string {
	const digits = "0123456789ABCDEF"
	var b strings.Builder
	for i := range len(s) {
		if c := s[i]; c >= ' ' && c <= '~' && c != '%' {
			b.WriteByte(c)
		} else {
			b.WriteByte('%')
			b.WriteByte(digits[c>>4])
			b.WriteByte(digits[c&15])
		}
	}
	return b.String()
}

// grpcDetails writes a google.rpc.Status.
func (x *exchange) grpcDetails(code int, text string, a answer) []byte {
	b := appendNumber(nil, 1, uint64(code))
	b = appendText(b, 2, text)
	if a.retryAfter > 0 {
		b = appendDetail(b, "google.rpc.RetryInfo", retryInfo(a.retryAfter))
	}
	return appendDetail(b, "google.rpc.ErrorInfo", x.errorInfo(a))
}

// retryInfo writes a google.rpc.RetryInfo: when to try again.
func retryInfo(after time.Duration) []byte {
	var d []byte // a google.protobuf.Duration
	d = appendNumber(d, 1, uint64(after/time.Second))
	d = appendNumber(d, 2, uint64(after%time.Second))
	return appendText(nil, 1, d)
}

// errorInfo writes a google.rpc.ErrorInfo: the problem's type as the reason,
// of the domain modgate, and what else it says.
func (x *exchange) errorInfo(a answer) []byte {
	b := appendText(nil, 1, strings.ToUpper(strings.ReplaceAll(strings.TrimPrefix(string(a.Type), "urn:modgate:"), "-", "_")))
	b = appendText(b, 2, "modgate")
	for _, kv := range [][2]string{
		{"module", a.Module}, {"reason", reasonText(a.Reason)}, {"required", a.Required}, {"found", a.Found}, {"request_id", string(x.id)},
	} {
		if kv[1] != "" {
			entry := appendText(appendText(nil, 1, kv[0]), 2, kv[1])
			b = appendText(b, 3, entry)
		}
	}
	return b
}

func reasonText(r message.Reason) string {
	if r == message.NoReason {
		return ""
	}
	return r.String()
}

// appendDetail writes a message into the details, as a google.protobuf.Any.
func appendDetail(b []byte, name string, value []byte) []byte {
	detail := appendText(nil, 1, "type.googleapis.com/"+name)
	return appendText(b, 3, appendText(detail, 2, value))
}

// appendText writes a field of protocol buffers that has a length: a text,
// octets, or a message.
func appendText[T string | []byte](b []byte, field byte, s T) []byte {
	b = binary.AppendUvarint(append(b, field<<3|2), uint64(len(s)))
	return append(b, s...)
}

// appendNumber writes a field of protocol buffers that is a whole number.
func appendNumber(b []byte, field byte, n uint64) []byte {
	return binary.AppendUvarint(append(b, field<<3), n)
}
