package message

import (
	"encoding/json"
	"fmt"
	"time"
)

// Kind is what a notice says. The zero value is invalid.
type Kind uint8

// The notices (glossary).
const (
	NoticeDelay Kind = iota + 1
	NoticeMissing
	NoticeResume
)

var kindNames = [...]string{"", "delay", "missing", "resume"}

func (k Kind) String() string { return kindNames[k] }

// MarshalText writes the wire word.
func (k Kind) MarshalText() ([]byte, error) { return []byte(k.String()), nil }

// UnmarshalText reads what MarshalText writes.
func (k *Kind) UnmarshalText(b []byte) error { return parse(k, kindNames[:], b, "notice") }

// Type returns the CloudEvents type of a notice of this kind (3.4).
func (k Kind) Type() string { return "dev.modgate." + k.String() + ".v1" }

// NoticeOverdue is how long an instance may be owed a notice before the
// administrator is alerted (N1).
const NoticeOverdue = 15 * time.Minute

// Notice is a message to a module instance about one subject: one of its
// requirements, or itself (D2, N1).
type Notice struct {
	Receiver string // instance id
	Subject  string // requirement's id, or Receiver
	Kind     Kind
	Turn     uint64 // of Data.Module
	Time     time.Time
	Until    time.Time // end of a DELAY; the wire says it as Data.TTL
	Data     NoticeData
}

// NoticeData is what a notice tells.
type NoticeData struct {
	Module   string   `json:"module"`
	Version  string   `json:"version,omitempty"`
	Required string   `json:"required,omitempty"`
	Found    string   `json:"found,omitempty"`
	Reason   Reason   `json:"reason,omitempty"`
	TTL      Duration `json:"ttl,omitzero"`
	Epoch    uint64   `json:"epoch,omitempty"`
	Outcome  Outcome  `json:"outcome,omitempty"`
}

// ID returns the notice's id: subject/module/turn (3.4).
func (n Notice) ID() string { return fmt.Sprintf("%s/%s/%d", n.Subject, n.Data.Module, n.Turn) }

type cloudEvent struct {
	SpecVersion     string     `json:"specversion"`
	Type            string     `json:"type"`
	Source          string     `json:"source"`
	ID              string     `json:"id"`
	Subject         string     `json:"subject"`
	Time            time.Time  `json:"time,omitzero"`
	DataContentType string     `json:"datacontenttype"`
	Data            NoticeData `json:"data"`
}

// MarshalJSON writes n as a CloudEvents 1.0 event in structured mode.
func (n Notice) MarshalJSON() ([]byte, error) {
	return json.Marshal(cloudEvent{
		SpecVersion: "1.0", Type: n.Kind.Type(), Source: "modgate/" + n.Receiver, ID: n.ID(), Subject: n.Subject,
		Time: n.Time.UTC(), DataContentType: "application/json", Data: n.Data,
	})
}
