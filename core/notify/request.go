package notify

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"github.com/modgate/modgate/core/message"
)

const (
	sendLimit   = 10 * time.Second // from the dial to the end of the answer (3.4)
	answerLimit = 16 << 10         // bytes of head; of the body, which is thrown away, as many
)

// errGone is returned when a webhook answers 410: it wants no more.
var errGone = errors.New("it answered 410 Gone")

// newClient returns a client that follows no redirects: they lead where
// nobody allowed it (3.4).
func newClient(transport http.RoundTripper) *http.Client {
	if transport == nil {
		transport = &http.Transport{
			ForceAttemptHTTP2:      true,
			DisableCompression:     true,
			MaxIdleConnsPerHost:    1,
			IdleConnTimeout:        time.Minute,
			MaxResponseHeaderBytes: answerLimit,
		}
	}
	return &http.Client{
		Transport:     transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// send posts n to the webhook, signed. It returns nil if that answers 2xx,
// errGone if 410. No error names the URL, which may hold a secret.
func (p *Post) send(ctx context.Context, w Webhook, n message.Notice) error {
	ctx, cancel := context.WithTimeout(ctx, sendLimit)
	defer cancel()
	req, err := request(ctx, w, n, time.Now())
	if err != nil {
		return err
	}
	resp, err := p.client.Do(req)
	if err != nil {
		return reason(err)
	}
	defer resp.Body.Close()
	io.CopyN(io.Discard, resp.Body, answerLimit) //nolint:errcheck // only for the connection's next use
	switch {
	case resp.StatusCode/100 == 2:
		return nil
	case resp.StatusCode == http.StatusGone:
		return errGone
	}
	return fmt.Errorf("it answered %d %s", resp.StatusCode, http.StatusText(resp.StatusCode))
}

// reason is why there was no answer.
func reason(err error) error {
	var full *url.Error
	if errors.As(err, &full) {
		err = full.Err
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("it did not answer within %v", sendLimit)
	}
	return err
}

// request is n as a CloudEvent in structured mode, with the headers of
// Standard Webhooks 1.0.
func request(ctx context.Context, w Webhook, n message.Notice, now time.Time) (*http.Request, error) {
	body, err := json.Marshal(n)
	if err != nil {
		return nil, fmt.Errorf("write notice %s: %w", n.ID(), err)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, w.URL, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	signed := message.Sign(w.Key, n.ID(), now, body)
	req.Header.Set("Content-Type", "application/cloudevents+json")
	req.Header.Set("User-Agent", "modgate")
	req.Header.Set("Webhook-Id", signed.ID)
	req.Header.Set("Webhook-Timestamp", signed.Timestamp)
	req.Header.Set("Webhook-Signature", signed.Text)
	return req, nil
}
