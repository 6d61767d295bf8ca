package message

import "time"

// ProblemType is the type member of a problem that the gateway answers with
// (RFC 9457): a word under urn:modgate.
type ProblemType string

// The problem types of lifecycle.md 3.2 and 3.3.
const (
	ProblemDelay         ProblemType = "urn:modgate:delay"
	ProblemMissing       ProblemType = "urn:modgate:missing"
	ProblemUnknown       ProblemType = "urn:modgate:unknown"
	ProblemOverflow      ProblemType = "urn:modgate:overflow"
	ProblemTokenRequired ProblemType = "urn:modgate:token-required"
	ProblemInvalid       ProblemType = "urn:modgate:invalid"
	ProblemConflict      ProblemType = "urn:modgate:conflict"
	ProblemFenced        ProblemType = "urn:modgate:fenced"
	ProblemRefused       ProblemType = "urn:modgate:refused"
	ProblemTooLarge      ProblemType = "urn:modgate:too-large"
	ProblemTooMany       ProblemType = "urn:modgate:too-many"
	ProblemMethod        ProblemType = "urn:modgate:method"
	ProblemMediaType     ProblemType = "urn:modgate:media-type"
	ProblemUnavailable   ProblemType = "urn:modgate:unavailable"
	ProblemUpstream      ProblemType = "urn:modgate:upstream"
	ProblemInternal      ProblemType = "urn:modgate:internal"
)

// Problem is the body of an answer that the gateway makes itself (3.2).
type Problem struct {
	Type      ProblemType `json:"type"`
	Title     string      `json:"title"`
	Status    int         `json:"status"`
	Detail    string      `json:"detail,omitempty"`
	Module    string      `json:"module,omitempty"`
	Reason    Reason      `json:"reason,omitempty"`
	Since     time.Time   `json:"since,omitzero"`
	TTL       Duration    `json:"ttl,omitzero"`
	Epoch     uint64      `json:"epoch,omitempty"`
	Required  string      `json:"required,omitempty"`
	Found     string      `json:"found,omitempty"`
	RequestID string      `json:"request_id,omitempty"`
	Errors    []Fault     `json:"errors,omitempty"`
}
