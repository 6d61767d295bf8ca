package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/modgate/modgate/core/message"
)

// client talks to the control listener of a running gateway.
type client struct {
	control   string // URL
	token     string
	tokenFile string
	output    string // "table" or "json"
}

// flags declares what every command that talks to a gateway takes.
func (c *client) flags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&c.control, "control", env("MODGATE_CONTROL", "http://127.0.0.1:9131"), "control listener of the gateway ($MODGATE_CONTROL)")
	f.StringVar(&c.tokenFile, "token-file", env("MODGATE_TOKEN_FILE", "data/admin-token"), "file of the administrator's token ($MODGATE_TOKEN_FILE); serve prints its path")
	f.StringVarP(&c.output, "output", "o", "table", "table or json")
}

func env(name, otherwise string) string {
	if v := os.Getenv(name); v != "" {
		return v
	}
	return otherwise
}

// load reads the token.
func (c *client) load() error {
	if c.output != "table" && c.output != "json" {
		return &exit{exitUsage, fmt.Sprintf("-o %s: want table or json", c.output)}
	}
	b, err := os.ReadFile(c.tokenFile)
	if err != nil {
		return fmt.Errorf("read the token: %w (name its file with --token-file or $MODGATE_TOKEN_FILE; modgate serve prints the path)", err)
	}
	c.token = strings.TrimSpace(string(b))
	return nil
}

// call sends in, if any, and decodes the answer into out, if any. It returns
// the status. An answer of 400 or more is an *answerError.
func (c *client) call(ctx context.Context, method, path string, in, out any, header ...string) (int, error) {
	var body io.Reader
	if in != nil {
		b, err := json.Marshal(in)
		if err != nil {
			return 0, err
		}
		body = bytes.NewReader(b)
	}
	req, err := http.NewRequestWithContext(ctx, method, strings.TrimSuffix(c.control, "/")+path, body)
	if err != nil {
		return 0, err
	}
	req.Header.Set("Authorization", "Bearer "+c.token)
	req.Header.Set("Content-Type", "application/json")
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := (&http.Client{Timeout: 6 * time.Minute}).Do(req)
	if err != nil {
		return 0, c.explain(err)
	}
	defer resp.Body.Close() //nolint:errcheck // read to its end
	b, err := io.ReadAll(io.LimitReader(resp.Body, 64<<20))
	if err != nil {
		return resp.StatusCode, fmt.Errorf("read the answer: %w", err)
	}
	if resp.StatusCode >= 400 {
		return resp.StatusCode, newAnswerError(resp.StatusCode, b)
	}
	if out == nil {
		return resp.StatusCode, nil
	}
	if raw, ok := out.(*json.RawMessage); ok {
		*raw = b
		return resp.StatusCode, nil
	}
	return resp.StatusCode, json.Unmarshal(b, out)
}

// explain says what to do about a connection that could not be made.
func (c *client) explain(err error) error {
	var u *url.Error
	if errors.As(err, &u) && errors.Is(u.Err, syscall.ECONNREFUSED) {
		return fmt.Errorf("no gateway listens at %s: start one with modgate serve, or name its control listener with --control", c.control)
	}
	return err
}

// answerError is a problem that the gateway answered with.
type answerError struct {
	status  int
	problem message.Problem
	body    []byte
}

func newAnswerError(status int, body []byte) *answerError {
	e := &answerError{status: status, body: body}
	_ = json.Unmarshal(body, &e.problem) // what is no problem document shows by its status
	return e
}

func (e *answerError) Error() string {
	if e.problem.Title == "" {
		return fmt.Sprintf("the gateway answered %d", e.status)
	}
	text := e.problem.Title
	if e.problem.Detail != "" {
		text += ": " + e.problem.Detail
	}
	if e.status == http.StatusUnauthorized {
		text += " (is --token-file the one of this gateway?)"
	}
	return text
}

// printJSON writes an answer as it came, indented.
func printJSON(w io.Writer, raw json.RawMessage) error {
	var b bytes.Buffer
	if err := json.Indent(&b, raw, "", "  "); err != nil {
		return err
	}
	b.WriteByte('\n')
	_, err := b.WriteTo(w)
	return err
}
