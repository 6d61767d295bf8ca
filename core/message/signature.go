package message

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Signature is what a webhook is shown, so that it knows who sends, by the
// headers of Standard Webhooks 1.0.
type Signature struct {
	ID        string // of the message, the same in every attempt
	Timestamp string // of the attempt, in seconds since 1970
	Text      string // "v1," and the HMAC-SHA256 of both and the body
}

// Sign signs an attempt to deliver body.
func Sign(key []byte, id string, at time.Time, body []byte) Signature {
	// Full stops separate what is signed, and might be in the names of modules.
	s := Signature{ID: strings.ReplaceAll(id, ".", "%2E"), Timestamp: strconv.FormatInt(at.Unix(), 10)}
	mac := hmac.New(sha256.New, key)
	fmt.Fprintf(mac, "%s.%s.%s", s.ID, s.Timestamp, body)
	s.Text = "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil))
	return s
}
