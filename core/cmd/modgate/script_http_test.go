package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"
)

// httpCmd sends a request and wants a status; the body of the answer is
// stdout:
//
//	http STATUS METHOD URL [as FILE] [with FILE]
//
// "as" names the file of the bearer's secret or token, "with" that of a body
// in JSON, in which $NAME is expanded.
func httpCmd(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 3 {
		ts.Fatalf("usage: http STATUS METHOD URL [as FILE] [with FILE]")
	}
	status, body := send(ts, args[1], args[2], args[3:])
	fmt.Fprintf(ts.Stdout(), "%s\n", body)
	if strconv.Itoa(status) != args[0] {
		ts.Fatalf("answered %d, want %s", status, args[0])
	}
}

// registerCmd registers an instance and keeps its token in INSTANCE.token:
// register FILE as FILE.
func registerCmd(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: register FILE as FILE")
	}
	status, body := send(ts, http.MethodPost, ts.Getenv("MODGATE_CONTROL")+"/v1/instances", append(args[1:], "with", args[0]))
	var registered struct{ Instance, Token string }
	if err := json.Unmarshal(body, &registered); err != nil || status != http.StatusCreated {
		ts.Fatalf("registration was answered %d %s", status, body)
	}
	ts.Check(os.WriteFile(ts.MkAbs(registered.Instance+".token"), []byte(registered.Token), 0o600))
}

func send(ts *testscript.TestScript, method, url string, options []string) (status int, body []byte) {
	r, err := http.NewRequest(method, url, nil)
	ts.Check(err)
	for i := 0; i+1 < len(options); i += 2 {
		switch text := ts.ReadFile(options[i+1]); options[i] {
		case "as":
			r.Header.Set("Authorization", "Bearer "+strings.TrimSpace(text))
		case "with":
			r.Header.Set("Content-Type", "application/json")
			r.Body = io.NopCloser(strings.NewReader(os.Expand(text, ts.Getenv)))
		default:
			ts.Fatalf("%s: want as or with", options[i])
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), waitLimit)
	defer cancel()
	resp, err := http.DefaultClient.Do(r.WithContext(ctx))
	ts.Check(err)
	defer resp.Body.Close()
	body, err = io.ReadAll(resp.Body)
	ts.Check(err)
	return resp.StatusCode, body
}

// parkCmd begins a request that the gateway parks, or a stream that it keeps
// open, until the script ends: park URL [as FILE].
func parkCmd(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 && len(args) != 3 {
		ts.Fatalf("usage: park URL [as FILE]")
	}
	ctx, leave := context.WithCancel(context.Background())
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, args[0], nil)
	ts.Check(err)
	if len(args) == 3 {
		r.Header.Set("Authorization", "Bearer "+strings.TrimSpace(ts.ReadFile(args[2])))
	}
	s := of(ts)
	s.leave = append(s.leave, leave)
	s.parked.Go(func() {
		if resp, err := http.DefaultClient.Do(r); err == nil { // else the script has ended
			_, _ = io.Copy(io.Discard, resp.Body)
			resp.Body.Close()
		}
	})
}

// hidesCmd wants that a file holds none of the secrets that other files hold:
// hides FILE SECRETFILE...
func hidesCmd(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: hides FILE SECRETFILE...")
	}
	text := ts.ReadFile(args[0])
	for _, name := range args[1:] {
		secret := strings.TrimSpace(ts.ReadFile(name))
		if len(secret) < 16 || strings.Contains(text, secret) {
			ts.Fatalf("%s holds the secret of %s, or that is none", args[0], name)
		}
	}
}
