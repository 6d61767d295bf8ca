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

const (
	callLimit   = 6 * time.Minute // more than any call is held
	answerLimit = 64 << 20        // bytes
)

// client talks to the control listener of a running gateway.
type client struct {
	control   string // URL
	token     string
	tokenFile string
	output    format
}

// flags declares what every command of an administrator takes.
func (c *client) flags(cmd *cobra.Command) {
	c.controlFlag(cmd)
	cmd.Flags().StringVar(&c.tokenFile, "token-file", env("MODGATE_TOKEN_FILE", "data/admin-token"),
		"file of the administrator's token ($MODGATE_TOKEN_FILE); serve prints its path")
	c.output.flag(cmd)
}

func (c *client) controlFlag(cmd *cobra.Command) {
	cmd.Flags().StringVar(&c.control, "control", env("MODGATE_CONTROL", "http://127.0.0.1:9131"),
		"URL of the gateway's control listener ($MODGATE_CONTROL)")
}

func env(name, otherwise string) string {
	if v := os.Getenv(name); v != "" {
		return v
	}
	return otherwise
}

// load reads the token.
func (c *client) load() error {
	b, err := os.ReadFile(c.tokenFile)
	if err != nil {
		return fmt.Errorf("read the token: %w: name its file with --token-file or $MODGATE_TOKEN_FILE; modgate serve prints the path as admin_token_file", err)
	}
	c.token = strings.TrimSpace(string(b))
	if c.token == "" || strings.ContainsFunc(c.token, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return fmt.Errorf("%s holds no token: name its file with --token-file or $MODGATE_TOKEN_FILE", c.tokenFile)
	}
	return nil
}

// admin makes an administrator's call and returns the answer.
func (c *client) admin(ctx context.Context, method, path string) (json.RawMessage, error) {
	if err := c.load(); err != nil {
		return nil, err
	}
	raw, _, err := c.call(ctx, method, path, nil)
	return raw, err
}

// show prints an answer: as it came, or, decoded into v, as table does.
func (c *client) show(cmd *cobra.Command, raw json.RawMessage, v any, table func(io.Writer) error) error {
	if c.output.json {
		return printJSON(cmd.OutOrStdout(), raw)
	}
	if err := json.Unmarshal(raw, v); err != nil {
		return fmt.Errorf("read the answer: %w", err)
	}
	return table(cmd.OutOrStdout())
}

// call sends in, if any, and returns the answer and its status. An answer of
// 400 or more is an *answerError.
func (c *client) call(ctx context.Context, method, path string, in any, header ...string) (json.RawMessage, int, error) {
	req, err := c.request(ctx, method, path, in)
	if err != nil {
		return nil, 0, err
	}
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := (&http.Client{Timeout: callLimit}).Do(req)
	if err != nil {
		return nil, 0, c.explain(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, answerLimit))
	if err != nil {
		return nil, resp.StatusCode, fmt.Errorf("read the answer: %w", err)
	}
	if resp.Header.Get("Proxy-Status") != "" {
		return nil, resp.StatusCode, &exit{exitUsage, fmt.Sprintf("--control %s is a data listener: name the control listener, which modgate serve prints as control", c.control)}
	}
	if resp.StatusCode >= 400 {
		return nil, resp.StatusCode, newAnswerError(resp.StatusCode, body)
	}
	return body, resp.StatusCode, nil
}

func (c *client) request(ctx context.Context, method, path string, in any) (*http.Request, error) {
	base, err := url.Parse(c.control)
	if err != nil || base.Scheme != "http" && base.Scheme != "https" || base.Host == "" {
		return nil, &exit{exitUsage, fmt.Sprintf("--control %s: want a URL such as http://127.0.0.1:9131", c.control)}
	}
	var body io.Reader
	if in != nil {
		b, err := json.Marshal(in)
		if err != nil {
			return nil, err
		}
		body = bytes.NewReader(b)
	}
	req, err := http.NewRequestWithContext(ctx, method, strings.TrimSuffix(c.control, "/")+path, body)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Authorization", "Bearer "+c.token)
	if in != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	return req, nil
}

// explain says what to do about a call that was not answered.
func (c *client) explain(err error) error {
	if errors.Is(err, syscall.ECONNREFUSED) {
		return fmt.Errorf("no gateway listens at %s: start one with modgate serve, or name its control listener with --control or $MODGATE_CONTROL", c.control)
	}
	return fmt.Errorf("call the gateway: %w", err)
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
		return fmt.Sprintf("the gateway answered %d, which no gateway does: is --control its control listener?", e.status)
	}
	text := strings.ToLower(e.problem.Title[:1]) + e.problem.Title[1:]
	if e.problem.Detail != "" {
		text += ": " + e.problem.Detail
	}
	if e.status == http.StatusUnauthorized {
		text += "; is the token the one of this gateway?"
	}
	return text
}

// answered reports whether err is an answer of that status.
func answered(err error, status int) bool {
	var e *answerError
	return errors.As(err, &e) && e.status == status
}
