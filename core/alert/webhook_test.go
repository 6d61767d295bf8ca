package alert

import (
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
)

func TestWebhookIsASignedCloudEvent(t *testing.T) {
	key := []byte("a key of the webhook's, for tests")
	verifier, err := standardwebhooks.NewWebhook("whsec_" + base64.StdEncoding.EncodeToString(key))
	if err != nil {
		t.Fatal(err)
	}
	status := http.StatusNoContent
	var got map[string]any
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err == nil {
			err = verifier.Verify(body, r.Header)
		}
		if err == nil {
			err = json.Unmarshal(body, &got)
		}
		if err != nil {
			t.Error(err)
		}
		w.WriteHeader(status)
	}))
	defer s.Close()
	since := time.Date(2026, 11, 29, 10, 0, 0, 0, time.UTC)
	r := Report{Incident: Incident{Alert: missing("inventory.x"), Since: since}, Occasion: Ended, Time: since.Add(time.Minute)}
	sink := Webhook(s.URL, key)
	if err := sink.Send(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	data, _ := got["data"].(map[string]any)
	if got["type"] != "dev.modgate.alert.ended.v1" || got["specversion"] != "1.0" || got["subject"] != "inventory.x" || data["key"] != "missing/inventory.x" ||
		data["severity"] != "critical" || data["occasion"] != "ended" || data["since"] != "2026-11-29T10:00:00Z" {
		t.Errorf("got %v", got)
	}
	for _, status = range []int{http.StatusInternalServerError, http.StatusFound} {
		if err := sink.Send(t.Context(), r); err == nil || strings.Contains(err.Error(), s.URL) {
			t.Errorf("of an answer %d: %v, want an error without the URL", status, err)
		}
	}
	s.Close()
	if err := sink.Send(t.Context(), r); err == nil || strings.Contains(err.Error(), s.URL) {
		t.Errorf("of no answer: %v, want an error without the URL", err)
	}
}
