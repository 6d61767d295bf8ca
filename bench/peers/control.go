package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"

	"github.com/modgate/modgate/core/message"
)

// controlAPI speaks to modgate's control listener (lifecycle.md 3.3).
type controlAPI struct{ base string }

// open registers every module, has each announce RESUME, and returns the
// calling one's token.
func (c controlAPI) open(ctx context.Context, backend string) (token string, err error) {
	for i := range moduleCount {
		r := registration(i, backend)
		var registered message.Registered
		if err := c.call(ctx, "/v1/instances", joinSecret, r, &registered); err != nil {
			return "", err
		}
		for _, q := range registered.Requirements {
			if q.State != message.Met {
				return "", fmt.Errorf("%s requires %s, which is %s", r.Module, q.ID, q.State)
			}
		}
		var answer message.Answer
		path := "/v1/instances/" + registered.Instance + "/announcements"
		if err := c.call(ctx, path, registered.Token, message.Announcement{Type: message.Resume, Seq: 1}, &answer); err != nil {
			return "", err
		}
		if answer.Outcome != message.Resumed {
			return "", fmt.Errorf("RESUME of %s: %s", r.Module, answer.State.State)
		}
		if i == caller {
			token = registered.Token
		}
	}
	return token, nil
}

func (c controlAPI) call(ctx context.Context, path, bearer string, body, answer any) error {
	text, err := json.Marshal(body)
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.base+path, bytes.NewReader(text))
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+bearer)
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	said, err := io.ReadAll(resp.Body)
	if err != nil {
		return fmt.Errorf("read the answer to POST %s: %w", path, err)
	}
	if resp.StatusCode/100 != 2 {
		return fmt.Errorf("POST %s: %s\n%s", path, resp.Status, said)
	}
	return json.Unmarshal(said, answer)
}
