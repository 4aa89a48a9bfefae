package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"reddot/api/rest"
	"reddot/api/webhook"
	"reddot/cmd/reddot/term"
	"reddot/events"
)

// maxTopAnswer bounds what is read of an answer, in bytes.
const maxTopAnswer = 4 << 20

// topClient asks a server over HTTP.
type topClient struct {
	http    *http.Client
	base    string // scheme and address
	key     string // empty: none
	timeout time.Duration
}

func newTopClient(cfg *topConfig, key string) *topClient {
	scheme := "http"
	if cfg.secure {
		scheme = "https"
	}
	transport := new(http.Transport) // without a proxy: a key goes to the server alone
	noRedirect := func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &topClient{&http.Client{Transport: transport, CheckRedirect: noRedirect}, scheme + "://" + cfg.http, key, cfg.timeout}
}

// topAnswer is what a server says: decoded, and as it came.
type topAnswer struct {
	status    events.Status
	stats     rest.Stats
	snapshots rest.SnapshotsReply
	webhooks  webhook.List
	came      map[string]json.RawMessage // by the name of the query
}

// raw is the answer as --json prints it.
func (t *topAnswer) raw(at time.Time) map[string]any {
	line := map[string]any{"at": at.UnixMilli()}
	for name, body := range t.came {
		line[name] = body
	}
	return line
}

// topRefusal is an answer of the server that is none to what was asked.
type topRefusal struct {
	status int
	detail string
}

func (r *topRefusal) Error() string {
	switch r.status {
	case http.StatusUnauthorized:
		return r.detail + ": give a key of the role viewer with --key-file"
	case http.StatusForbidden:
		return r.detail + ": top needs a key of the role viewer or operator, or the name of the server's own machine in --http"
	}
	return r.detail
}

// isFinal reports whether asking again changes nothing.
func (r *topRefusal) isFinal() bool {
	return r.status/100 == 4 && r.status != http.StatusTooManyRequests && r.status != http.StatusRequestTimeout
}

// ask asks for all that is shown.
func (c *topClient) ask(ctx context.Context) (t topAnswer, err error) {
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	t.came = map[string]json.RawMessage{}
	for name, to := range map[string]any{"status": &t.status, "stats": &t.stats, "snapshots": &t.snapshots, "webhooks": &t.webhooks} {
		body, err := c.get(ctx, "/v1/"+name)
		if refused, ok := errors.AsType[*topRefusal](err); ok && refused.status == http.StatusServiceUnavailable {
			if name != "status" { // what others say is beside the point while that says how it is
				continue
			}
			return t, c.notReady(ctx, refused)
		}
		if err == nil {
			err = json.Unmarshal(body, to)
		}
		if err != nil {
			return t, err
		}
		t.came[name] = body
	}
	return t, nil
}

// notReady is why a server has no status yet, in its own words where it tells them.
func (c *topClient) notReady(ctx context.Context, refused *topRefusal) error {
	if _, err := c.get(ctx, "/readyz"); err != nil {
		if why, ok := errors.AsType[*topRefusal](err); ok && why.detail != "" {
			return fmt.Errorf("not ready: %s", why.detail)
		}
	}
	return refused
}

// get is the body of an answer; any other than 200 is a topRefusal.
func (c *topClient) get(ctx context.Context, path string) ([]byte, error) {
	ask, err := http.NewRequestWithContext(ctx, http.MethodGet, c.base+path, nil)
	if err != nil {
		return nil, usageError{err}
	}
	if c.key != "" {
		ask.Header.Set("Authorization", "Bearer "+c.key)
	}
	reply, err := c.http.Do(ask)
	if err != nil {
		return nil, fmt.Errorf("no reddot answers: %w", err)
	}
	defer reply.Body.Close()
	body, err := io.ReadAll(io.LimitReader(reply.Body, maxTopAnswer))
	if err != nil {
		return nil, fmt.Errorf("read the answer of %s: %w", c.base+path, err)
	}
	if reply.StatusCode == http.StatusOK {
		return body, nil
	}
	refused := &topRefusal{status: reply.StatusCode, detail: reply.Status}
	var p rest.Problem
	switch {
	case json.Unmarshal(body, &p) == nil && p.Detail != "":
		refused.detail = term.Printable(p.Detail)
	case strings.HasPrefix(reply.Header.Get("Content-Type"), "text/plain") && len(body) < maxHealth:
		refused.detail = term.Printable(strings.ReplaceAll(strings.TrimSpace(string(body)), "\n", "; "))
	}
	return nil, refused
}
