package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
)

// admin speaks to the control listener as an administrator.
type admin struct {
	base, token string
	http        *http.Client
}

// state is how a module stands.
type state struct {
	State   string `json:"state"`
	Reason  string `json:"reason"`
	Serving string `json:"serving"` // the highest version that serves
	Floor   string `json:"floor"`   // that below which none serves again; empty: any may
}

// catalogue returns how the catalogue stands.
func (a admin) catalogue(ctx context.Context) (state, error) {
	var s state
	err := a.call(ctx, http.MethodGet, "/v1/admin/modules/catalogue", &s)
	return s, err
}

// start starts a process that the gateway supervises.
func (a admin) start(ctx context.Context, process string) error {
	return a.call(ctx, http.MethodPost, "/v1/admin/processes/"+process+"/start", nil)
}

func (a admin) call(ctx context.Context, method, path string, answer any) error {
	req, err := http.NewRequestWithContext(ctx, method, a.base+path, nil)
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+a.token)
	resp, err := a.http.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	if err != nil {
		return err
	}
	if resp.StatusCode/100 != 2 {
		return fmt.Errorf("%s %s: %s: %s", method, path, resp.Status, strings.TrimSpace(string(body)))
	}
	if answer == nil {
		return nil
	}
	return json.Unmarshal(body, answer)
}
