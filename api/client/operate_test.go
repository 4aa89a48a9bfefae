package client_test

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats.go"

	"reddot/api/client"
	"reddot/events"
	"reddot/projector/testkit"
)

// TestOperate has reddot do what operators ask of it.
func TestOperate(t *testing.T) {
	t.Parallel()
	h := start(t)
	c := h.client(t, client.Options{})
	seq := script(t, c, message("alice", "bob", "m1"), message("alice", "bob", "m2"))
	run := testkit.Must(c.Rebuild(t.Context()))(t)
	testkit.Eventually(t, "the rebuild", func() bool {
		r := testkit.Must(c.Status(t.Context()))(t).Rebuild
		if r == nil || r.Run != run.Run || r.State == events.Failed {
			t.Fatalf("the run %+v is now %+v", run, r)
		}
		return r.State == events.Done
	})
	if status, err := c.Status(t.Context(), client.After(seq)); err != nil || status.Emitted < seq {
		t.Errorf("after command %d: %+v, %v", seq, status, err)
	}
	if _, err := c.Status(t.Context(), client.After(seq+1), client.Within(time.Millisecond)); !errors.Is(err, client.ErrNotApplied) {
		t.Errorf("after a command yet to come: %v", err)
	}
	_, err := c.Snapshot(t.Context()) // this one takes none
	if e, ok := errors.AsType[*client.QueryError](err); !ok || e.Code != events.ErrBadRequest || e.Word != "bad_request" || e.Query != "snapshot" || e.Message == e.Word {
		t.Errorf("a snapshot: %v", err)
	}
	before := time.Now()
	if watch, err := c.User("alice").Watch(t.Context()); err != nil || int64(watch.Until) <= before.UnixMilli() {
		t.Errorf("a watch until %d: %v", watch.Until, err)
	}
}

// TestRawReplies gives replies as they came, with what this release does not know,
// beside what it makes of them.
func TestRawReplies(t *testing.T) {
	t.Parallel()
	h := start(t)
	c := h.client(t, client.Options{})
	alice := c.User("alice")
	script(t, c, message("alice", "bob", "m1"))
	var raw []byte
	for what, ask := range map[string]func(client.QueryOption) (any, any, error){
		"status": func(o client.QueryOption) (any, any, error) {
			r, err := c.Status(t.Context(), o)
			return &r, new(events.Status), err
		},
		"page": func(o client.QueryOption) (any, any, error) {
			r, err := alice.Page(t.Context(), events.ConversationsRequest{}, o)
			return &r, new(events.ConversationsReply), err
		},
		"conversation": func(o client.QueryOption) (any, any, error) {
			r, err := alice.ConversationReply(t.Context(), "c2c_bob", o)
			return &r, new(events.ConversationReply), err
		},
		"explanation": func(o client.QueryOption) (any, any, error) {
			r, err := alice.Explain(t.Context(), "c2c_bob", 0, o)
			return &r, new(events.Explanation), err
		},
	} {
		raw = nil
		got, again, err := ask(client.Raw(&raw))
		testkit.OK(t, err, json.Unmarshal(raw, again))
		if diff := cmp.Diff(got, again); diff != "" {
			t.Errorf("%s (-got +raw):\n%s", what, diff)
		}
	}

	conn := h.connect(t)
	future := `{"user":"alice","from_the_future":1}`
	testkit.Must(conn.Subscribe("future.api.alice.totals", respond(future)))(t)
	testkit.OK(t, conn.Flush())
	r, err := h.client(t, client.Options{Prefix: "future"}).User("alice").Totals(t.Context(), events.TotalsRequest{}, client.Raw(&raw))
	if err != nil || string(raw) != future || r.User != "alice" {
		t.Errorf("%s, %+v, %v", raw, r, err)
	}
}

// TestLongWaits: a wait longer than one request may ask for is made of several.
func TestLongWaits(t *testing.T) {
	t.Parallel()
	h := start(t)
	conn := h.connect(t)
	var mu sync.Mutex
	var requests []string
	sub, err := conn.Subscribe("long.api.alice.totals", func(m *nats.Msg) {
		mu.Lock()
		defer mu.Unlock()
		requests = append(requests, string(m.Data))
		_ = m.RespondMsg(&nats.Msg{Header: nats.Header{events.HeaderErrorCode: {"408"}, events.HeaderError: {"not_applied"}}})
	})
	testkit.OK(t, err, conn.Flush())
	defer sub.Unsubscribe()
	alice := h.client(t, client.Options{Prefix: "long"}).User("alice")
	for within, want := range map[time.Duration][]string{
		70 * time.Second: {
			`{"after_seq":3,"timeout_ms":30000}`, `{"after_seq":3,"timeout_ms":30000}`, `{"after_seq":3,"timeout_ms":10000}`,
		},
		time.Second:      {`{"after_seq":3,"timeout_ms":1000}`},
		time.Microsecond: {`{"after_seq":3,"timeout_ms":1}`},
	} {
		requests = nil
		_, err := alice.Totals(t.Context(), events.TotalsRequest{}, client.After(3), client.Within(within))
		mu.Lock()
		if diff := cmp.Diff(want, requests); diff != "" || !errors.Is(err, client.ErrNotApplied) {
			t.Errorf("%v: %v (-want +got):\n%s", within, err, diff)
		}
		mu.Unlock()
	}
}

// TestAbsentError says what is known of why nobody answers.
func TestAbsentError(t *testing.T) {
	t.Parallel()
	h := start(t)
	conn := h.connect(t)
	for prefix, c := range map[string]struct {
		status string // of the one who takes no queries; empty: there is none
		want   client.AbsentError
		words  string
	}{
		"nobody":   {"", client.AbsentError{Prefix: "nobody"}, "reddot does not answer: none serves the prefix nobody"},
		"catching": {`{"state":"catching up","applied":5,"last":9}`, client.AbsentError{Prefix: "catching", Served: true, Why: "catching up: applied 5 of 9"}, "it takes no queries now: catching up"},
		"odd":      {`[]`, client.AbsentError{Prefix: "odd", Served: true}, "under the prefix odd none takes queries now"},
	} {
		if c.status != "" {
			testkit.Must(conn.Subscribe(prefix+".api.status", respond(c.status)))(t)
			testkit.OK(t, conn.Flush())
		}
		_, err := h.client(t, client.Options{Prefix: prefix}).User("alice").TotalUnread(context.Background())
		e, ok := errors.AsType[*client.AbsentError](err)
		if !ok || *e != c.want || !errors.Is(err, client.ErrUnavailable) || !strings.Contains(err.Error(), c.words) {
			t.Errorf("%s: %+v, %v", prefix, e, err)
		}
	}
}
