package alert

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/modgate/modgate/core/message"
)

// Webhook returns the sink that posts reports to a URL as CloudEvents, signed
// as Standard Webhooks are if there is a key. It follows no redirects.
func Webhook(url string, key []byte) Sink {
	return &webhook{url: url, key: key, client: &http.Client{
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

type webhook struct {
	url    string
	key    []byte
	client *http.Client
}

// event is a report as a CloudEvent 1.0 in structured mode.
type event struct {
	SpecVersion string    `json:"specversion"`
	ID          string    `json:"id"`
	Source      string    `json:"source"`
	Type        string    `json:"type"`
	Subject     string    `json:"subject,omitempty"`
	Time        time.Time `json:"time"`
	ContentType string    `json:"datacontenttype"`
	Data        eventData `json:"data"`
}

type eventData struct {
	Incident
	Occasion string `json:"occasion"`
	From     string `json:"from,omitempty"`
}

// Send returns nil if the webhook answers 2xx. No error names the URL, which
// may hold a secret.
func (w *webhook) Send(ctx context.Context, r Report) error {
	e := event{
		SpecVersion: "1.0", ID: r.Key + "/" + strconv.FormatInt(r.Time.UnixNano(), 10), Source: "modgate", Subject: r.Module,
		Type: "dev.modgate.alert." + r.Occasion.String() + ".v1", Time: r.Time.UTC(), ContentType: "application/json",
		Data: eventData{r.Incident, r.Occasion.String(), r.From},
	}
	body, err := json.Marshal(e)
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, w.url, bytes.NewReader(body))
	if err != nil {
		return err
	}
	signed := message.Sign(w.key, e.ID, time.Now(), body)
	req.Header.Set("Content-Type", "application/cloudevents+json")
	req.Header.Set("User-Agent", "modgate")
	req.Header.Set("Webhook-Id", signed.ID)
	req.Header.Set("Webhook-Timestamp", signed.Timestamp)
	if w.key != nil {
		req.Header.Set("Webhook-Signature", signed.Text)
	}
	resp, err := w.client.Do(req)
	if full := (*url.Error)(nil); errors.As(err, &full) {
		err = full.Err
	}
	if err != nil {
		return fmt.Errorf("webhook: %w", err)
	}
	defer resp.Body.Close()
	io.CopyN(io.Discard, resp.Body, 16<<10) //nolint:errcheck // only for the connection's next use
	if resp.StatusCode/100 != 2 {
		return fmt.Errorf("webhook: it answered %d %s", resp.StatusCode, http.StatusText(resp.StatusCode))
	}
	return nil
}
