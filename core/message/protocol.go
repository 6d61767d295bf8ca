package message

import "errors"

// Protocol is what an instance speaks on its upstream. The zero value is
// HTTP1.
type Protocol uint8

// The protocols. Of HTTP/2 H2C is in clear text, with prior knowledge, and H2
// under TLS: gRPC needs one of them.
const (
	HTTP1 Protocol = iota
	H2C
	H2
)

var protocolNames = [...]string{"http/1.1", "h2c", "h2"}

// ProtocolNames are the words for protocols, the default first.
func ProtocolNames() []string { return protocolNames[:] }

func (p Protocol) String() string { return protocolNames[p] }

// MarshalText writes "http/1.1", "h2c" or "h2".
func (p Protocol) MarshalText() ([]byte, error) { return []byte(p.String()), nil }

// UnmarshalText reads what MarshalText writes.
func (p *Protocol) UnmarshalText(b []byte) error {
	return parse(p, protocolNames[:], b, `protocol: want "http/1.1", "h2c" or "h2"`)
}

// checkProtocol wants TLS of an upstream that speaks H2, and none of one that
// speaks H2C.
func checkProtocol(p Protocol, upstream string) error {
	switch {
	case p == H2C && !hasScheme(upstream, "http"):
		return errors.New(`"h2c" is in clear text: want an upstream that begins with http://, or "h2"`)
	case p == H2 && !hasScheme(upstream, "https"):
		return errors.New(`"h2" is under TLS: want an upstream that begins with https://, or "h2c"`)
	default:
		return nil
	}
}

func hasScheme(origin, scheme string) bool {
	n := len(scheme)
	return len(origin) > n && origin[:n] == scheme && origin[n] == ':'
}
