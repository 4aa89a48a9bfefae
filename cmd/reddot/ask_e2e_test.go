package main_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"golang.org/x/sync/errgroup"

	"reddot/events"
	"reddot/projector/testkit"
)

func subjects(t *testing.T) events.Subjects {
	t.Helper()
	s, err := events.NewSubjects(events.DefaultPrefix)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// maxPending is how many messages a subscription may hold that the test has
// not looked at yet: more than any test is sent.
const maxPending = 1 << 18

// connect connects until the end of the test, and again whenever the server
// was away.
func connect(t *testing.T, url string, options ...nats.Option) *nats.Conn {
	t.Helper()
	nc, err := nats.Connect(url, append(options, nats.MaxReconnects(-1), nats.ReconnectWait(20*time.Millisecond), nats.ReconnectJitter(0, 0),
		nats.SyncQueueLen(maxPending))...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	return nc
}

func jetStream(t *testing.T, nc *nats.Conn) jetstream.JetStream {
	t.Helper()
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	return js
}

// publish stores one command and returns its seq.
func publish(t *testing.T, nc *nats.Conn, subject, payload string) events.Seq {
	t.Helper()
	ack, err := jetStream(t, nc).Publish(t.Context(), subject, []byte(payload))
	if err != nil {
		t.Fatalf("publish to %q: %v", subject, err)
	}
	return events.Seq(ack.Sequence)
}

// request is what a query may carry.
type request struct {
	Conversation string     `json:"conversation,omitempty"`
	UnreadOnly   bool       `json:"unread_only,omitempty"`
	Limit        int        `json:"limit,omitempty"`
	After        string     `json:"after,omitempty"`
	AfterSeq     events.Seq `json:"after_seq,omitempty"`
	TimeoutMS    int64      `json:"timeout_ms,omitempty"`
}

// errorReply is a query that was answered with an error.
type errorReply struct{ code, word string }

func (e errorReply) Error() string { return e.code + " " + e.word }

// ask asks one query.
func ask[T any](ctx context.Context, nc *nats.Conn, subject string, r request) (reply T, err error) {
	body, err := json.Marshal(r)
	if err != nil {
		return reply, err
	}
	ctx, cancel := context.WithTimeout(ctx, waitTimeout+time.Duration(r.TimeoutMS)*time.Millisecond)
	defer cancel()
	m, err := nc.RequestWithContext(ctx, subject, body)
	if err != nil {
		return reply, fmt.Errorf("ask %s: %w", subject, err)
	}
	if code := m.Header.Get("Nats-Service-Error-Code"); code != "" {
		return reply, errorReply{code, m.Header.Get("Nats-Service-Error")}
	}
	if err := json.Unmarshal(m.Data, &reply); err != nil {
		return reply, fmt.Errorf("ask %s: answer %q: %w", subject, m.Data, err)
	}
	return reply, nil
}

// told asks one query that must succeed.
func told[T any](t *testing.T, nc *nats.Conn, subject string, r request) T {
	t.Helper()
	reply, err := ask[T](t.Context(), nc, subject, r)
	if err != nil {
		t.Fatal(err)
	}
	return reply
}

// settled waits until a command is applied and its events are stored. A hundred thousand
// of them take a busy machine longer than a query may wait.
func settled(t *testing.T, nc *nats.Conn, seq events.Seq) (status events.Status) {
	t.Helper()
	testkit.Eventually(t, fmt.Sprintf("seq %d is applied, and told", seq), func() bool {
		var err error
		status, err = ask[events.Status](t.Context(), nc, subjects(t).Status(), request{AfterSeq: seq, TimeoutMS: events.MaxWaitMS})
		if late := (errorReply{}); errors.As(err, &late) && late.code == "408" {
			return false
		}
		if err != nil {
			t.Fatal(err)
		}
		return true
	})
	return status
}

// lists asks for whole lists, many at a time. Nothing may change meanwhile.
func lists(t *testing.T, nc *nats.Conn, users []string, unreadOnly bool) []events.ConversationsReply {
	t.Helper()
	const inFlight = 64
	all := make([]events.ConversationsReply, len(users))
	g, ctx := errgroup.WithContext(t.Context())
	g.SetLimit(inFlight)
	s := subjects(t)
	for i, user := range users {
		g.Go(func() (err error) {
			all[i], err = list(ctx, nc, s.Query(user, events.QueryConversations), unreadOnly)
			return err
		})
	}
	if err := g.Wait(); err != nil {
		t.Fatal(err)
	}
	return all
}

func list(ctx context.Context, nc *nats.Conn, subject string, unreadOnly bool) (events.ConversationsReply, error) {
	var whole events.ConversationsReply
	for after := ""; ; {
		page, err := ask[events.ConversationsReply](ctx, nc, subject, request{UnreadOnly: unreadOnly, Limit: events.MaxLimit, After: after})
		if err != nil {
			return whole, err
		}
		if after != "" && page.Version != whole.Version {
			return whole, fmt.Errorf("%s: a page of version %d after one of %d", subject, page.Version, whole.Version)
		}
		page.Conversations = append(whole.Conversations, page.Conversations...)
		after, page.Next = page.Next, ""
		if whole = page; after == "" {
			return whole, nil
		}
	}
}

// get asks over HTTP.
func (c *child) get(t *testing.T, path string) (code int, body string) {
	t.Helper()
	client := http.Client{Timeout: waitTimeout}
	r, err := client.Get("http://" + c.http + path)
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(r.Body)
	if err := errors.Join(err, r.Body.Close()); err != nil {
		t.Fatal(err)
	}
	return r.StatusCode, string(text)
}

// metric is the sum of all series of a metric.
func (c *child) metric(t *testing.T, name string) (sum float64) {
	t.Helper()
	code, body := c.get(t, "/metrics")
	if code != http.StatusOK {
		t.Fatalf("metrics: status %d", code)
	}
	found := false
	for lines := bufio.NewScanner(strings.NewReader(body)); lines.Scan(); {
		series, value, _ := strings.Cut(lines.Text(), " ")
		if base, _, _ := strings.Cut(series, "{"); base != name {
			continue
		}
		v, err := strconv.ParseFloat(value, 64)
		if err != nil {
			t.Fatal(err)
		}
		sum, found = sum+v, true
	}
	if !found {
		t.Fatalf("there is no metric %s", name)
	}
	return sum
}
