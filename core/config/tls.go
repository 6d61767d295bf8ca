package config

// TLS is the data listener's. Without certificates it speaks clear text.
type TLS struct {
	Certificates       []string // PEM files; the first is shown to clients that name no server (SNI)
	Keys               []string // PEM files, in the same order; empty: in the certificates' files
	MinVersion         TLSVersion
	ClientAuthorities  string // PEM file; who signs the certificates of clients
	ClientCertificates ClientCertificates
}

// settings lists what the language sets of t, by name below "gateway".
func (t *TLS) settings() []Setting {
	return []Setting{
		{Name: "https.certificates", Value: &t.Certificates, Form: Path, Doc: "PEM files of the data listener's certificates, each with those that vouch for it; a client is shown the first for the server that it names, else the first; unset: no TLS"},
		{Name: "https.keys", Value: &t.Keys, Form: Path, Doc: "PEM files of their private keys, in the same order; unset: they stand in the certificates' files"},
		{Name: "https.min_version", Value: &t.MinVersion, Words: tlsVersionNames[:], Doc: "the oldest version of TLS that is spoken"},
		{Name: "https.client_authorities", Value: &t.ClientAuthorities, Form: Path, Doc: "PEM file of the authorities that sign clients' certificates"},
		{Name: "https.client_certificates", Value: &t.ClientCertificates, Words: clientCertificatesNames[:], Doc: "whether clients are asked for a certificate; one that was verified is passed on as Client-Cert (RFC 9440)"},
	}
}

func (t *TLS) check(s scope) {
	switch {
	case len(t.Certificates) == 0 && (len(t.Keys) > 0 || t.ClientAuthorities != "" || t.ClientCertificates != NoClientCertificates):
		s.add("certificates keys client_authorities client_certificates", "TLS without a certificate", "Without https.certificates the data listener speaks clear text; name one, or drop the block.")
	case len(t.Keys) > 0 && len(t.Keys) != len(t.Certificates):
		s.add("keys certificates", "Not a key for each certificate",
			"There are %d keys for %d certificates: name one for each, in the same order, or none if they stand in the certificates' files.", len(t.Keys), len(t.Certificates))
	}
	if t.ClientCertificates != NoClientCertificates && t.ClientAuthorities == "" {
		s.add("client_certificates client_authorities", "Nobody to trust", "Clients' certificates are asked for, but client_authorities does not say who signs them.")
	}
	if t.ClientCertificates == NoClientCertificates && t.ClientAuthorities != "" {
		s.warn("client_authorities client_certificates", "Authorities without effect", "Clients are not asked for a certificate; set client_certificates to \"optional\" or \"required\".")
	}
	s.noEmpty("certificates", t.Certificates)
	s.noEmpty("keys", t.Keys)
}

// noEmpty reports a list of files that has an empty one.
func (s scope) noEmpty(name string, files []string) {
	for i, f := range files {
		if f == "" {
			s.in(element(name, i)).add("", "No file", "The name of the file is empty.")
		}
	}
}

// TLSVersion is a version of TLS. The zero value is TLS12.
type TLSVersion uint8

// The versions.
const (
	TLS12 TLSVersion = iota
	TLS13
)

var tlsVersionNames = [...]string{"1.2", "1.3"}

func (v TLSVersion) String() string { return tlsVersionNames[v] }

// MarshalText writes the language's word.
func (v TLSVersion) MarshalText() ([]byte, error) { return []byte(v.String()), nil }

// UnmarshalText reads what MarshalText writes.
func (v *TLSVersion) UnmarshalText(b []byte) error { return parseWord(v, tlsVersionNames[:], b) }

// ClientCertificates says whether clients are asked for a certificate. The
// zero value is NoClientCertificates.
type ClientCertificates uint8

// What is asked of clients. A certificate that is given must be verified.
const (
	NoClientCertificates ClientCertificates = iota
	OptionalClientCertificates
	RequiredClientCertificates
)

var clientCertificatesNames = [...]string{"none", "optional", "required"}

func (c ClientCertificates) String() string { return clientCertificatesNames[c] }

// MarshalText writes the language's word.
func (c ClientCertificates) MarshalText() ([]byte, error) { return []byte(c.String()), nil }

// UnmarshalText reads what MarshalText writes.
func (c *ClientCertificates) UnmarshalText(b []byte) error {
	return parseWord(c, clientCertificatesNames[:], b)
}
