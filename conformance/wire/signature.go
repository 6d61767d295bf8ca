package wire

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Signed says "yes" if a webhook is signed with the secret as Standard
// Webhooks asks (lifecycle.md 3.4), and why not if it is not.
func Signed(secret string, h http.Header, body string) string {
	return signed(secret, h, body, time.Now())
}

func signed(secret string, h http.Header, body string, now time.Time) string {
	text, is := strings.CutPrefix(secret, "whsec_")
	key, err := base64.StdEncoding.DecodeString(text)
	if !is || err != nil || len(key) < 24 {
		return "the secret is not whsec_ and 24 octets or more in base64"
	}
	at, err := strconv.ParseInt(h.Get("Webhook-Timestamp"), 10, 64)
	if err != nil {
		return "Webhook-Timestamp is no number"
	}
	if off := now.Sub(time.Unix(at, 0)).Abs(); off > 5*time.Minute {
		return "Webhook-Timestamp is off by " + off.String()
	}
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(h.Get("Webhook-Id") + "." + h.Get("Webhook-Timestamp") + "." + body))
	want := "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil))
	for one := range strings.FieldsSeq(h.Get("Webhook-Signature")) {
		if hmac.Equal([]byte(one), []byte(want)) {
			return "yes"
		}
	}
	return "no signature fits"
}
