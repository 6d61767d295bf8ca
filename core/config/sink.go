package config

import (
	"encoding/base64"
	"net/url"
	"slices"
	"strings"
)

// Sink is a way to administrators beside the log: a webhook, or mail (G5).
// Default and bounds of each field stand in Settings.
type Sink struct {
	Name     string
	Severity Severity // the least that is sent there
	Webhook  SinkWebhook
	Mail     SinkMail
}

// SinkWebhook is where alerts are posted as CloudEvents.
type SinkWebhook struct {
	URL    Secret // it may hold one
	Secret Secret // of the signature; empty: none
}

// Key returns what signs: the bytes of a "whsec_" secret, or the text itself;
// nil without one.
func (w SinkWebhook) Key() []byte {
	if text, ok := strings.CutPrefix(string(w.Secret), "whsec_"); ok {
		if key, err := base64.StdEncoding.DecodeString(text); err == nil {
			return key
		}
	}
	if w.Secret == "" {
		return nil
	}
	return []byte(w.Secret)
}

// SinkMail is to whom alerts are mailed, and how.
type SinkMail struct {
	Server   string // host:port
	From     string
	To       []string
	Username string
	Password Secret
	Security Security
}

// DefaultSink returns the sink of which only the name is declared.
func DefaultSink(name string) Sink { return Sink{Name: name} }

// Settings lists what the language sets of s, by name below its block.
func (s *Sink) Settings() []Setting {
	return []Setting{
		{Name: "severity", Value: &s.Severity, Words: severityNames[:], Doc: "the least that is sent there; modules' messages have one, too"},
		{Name: "webhook.url", Value: &s.Webhook.URL, Min: 1, Max: 4096, Doc: "where alerts are posted, each as a CloudEvent in JSON, until one is answered 2xx or is 15 minutes old"},
		{Name: "webhook.secret", Value: &s.Webhook.Secret, Min: minSecret, Max: maxSecret, Doc: "signs them as Standard Webhooks are, whsec_ with base64, or any text; unset: no signature"},
		{Name: "mail.server", Value: &s.Mail.Server, Form: Address, Doc: "the mail server that takes them, such as \"smtp.example.org:587\""},
		{Name: "mail.from", Value: &s.Mail.From, Doc: "the sender's address"},
		{Name: "mail.to", Value: &s.Mail.To, Doc: "the receivers' addresses"},
		{Name: "mail.username", Value: &s.Mail.Username, Doc: "who the server is told that the gateway is; unset: it is not told"},
		{Name: "mail.password", Value: &s.Mail.Password, Min: 1, Max: maxSecret, Doc: "with which"},
		{Name: "mail.security", Value: &s.Mail.Security, Words: securityNames[:], Doc: "starttls must be offered; tls begins with it (port 465); plain takes what is offered"},
	}
}

// Severity says how urgent an alert must be. The zero value is WarningLeast.
type Severity uint8

// The severities.
const (
	WarningLeast Severity = iota
	InfoLeast
	CriticalLeast
)

var severityNames = [...]string{"warning", "info", "critical"}

func (s Severity) String() string { return severityNames[s] }

// MarshalText writes the language's word.
func (s Severity) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText reads what MarshalText writes.
func (s *Severity) UnmarshalText(b []byte) error { return parseWord(s, severityNames[:], b) }

// Security says how a connection to a mail server is secured. The zero value
// is STARTTLS.
type Security uint8

// The ways to secure it.
const (
	STARTTLS Security = iota
	ImplicitTLS
	Plain
)

var securityNames = [...]string{"starttls", "tls", "plain"}

func (s Security) String() string { return securityNames[s] }

// MarshalText writes the language's word.
func (s Security) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText reads what MarshalText writes.
func (s *Security) UnmarshalText(b []byte) error { return parseWord(s, securityNames[:], b) }

func (s *Sink) check(at scope) {
	settings := s.Settings()
	if s.Mail.Server == "" { // which is no address, and means that there is no mail
		settings = slices.DeleteFunc(settings, func(s Setting) bool { return s.Name == "mail.server" })
	}
	at.bounds(settings)
	mails := s.Mail.Server+s.Mail.From != "" || s.Mail.To != nil
	switch {
	case s.Webhook.URL == "" && !mails:
		at.add("webhook.url mail.server", "Alerts to nobody", "Say where they go: a webhook's url, or a mail's server, from and to.")
	case s.Webhook.URL != "" && mails:
		at.add("mail.server webhook.url", "Two ways in one", "A block is a webhook or mail; give the other a block of its own.")
	case s.Webhook.URL != "":
		if u, err := url.Parse(string(s.Webhook.URL)); err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
			at.add("webhook.url", "Not a URL", "webhook.url is not a URL: want one such as \"https://hooks.example.org/modgate\".")
		}
	default:
		s.Mail.check(at)
	}
}

func (m *SinkMail) check(at scope) {
	if m.Server == "" {
		at.add("mail.server", "Mail without a server", "Name the mail server, such as \"smtp.example.org:587\".")
	}
	if len(m.To) == 0 {
		at.add("mail.to", "Mail to nobody", "Name the receivers, such as [\"operations@example.org\"].")
	}
	if !isMailbox(m.From) {
		at.add("mail.from", "Not an address", "from is %q: want an address such as \"modgate@example.org\".", m.From)
	}
	for i, to := range m.To {
		if !isMailbox(to) {
			at.in("mail."+element("to", i)).add("", "Not an address", "%q is not an address: want one such as \"operations@example.org\".", to)
		}
	}
	if (m.Username == "") != (m.Password == "") {
		at.add("mail.password mail.username", "Half a login", "A login is a username and a password; give both, or neither.")
	}
	if m.Username != "" && m.Security == Plain {
		at.warn("mail.security", "Password in clear text", "The password passes in clear text unless the server offers STARTTLS; security = \"starttls\" wants that.")
	}
}

// isMailbox reports whether s can be an address, as far as that can be said
// without asking its server.
func isMailbox(s string) bool {
	local, domain, ok := strings.Cut(s, "@")
	return ok && local != "" && domain != "" && !strings.ContainsAny(s, " \t\r\n<>,;\"") && !strings.Contains(domain, "@")
}
