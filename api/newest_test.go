package api

import (
	"context"
	"errors"
	"testing"

	"reddot/events"
	"reddot/projector/testkit"
	"reddot/projector/testkit/natstest"
)

// TestNewest: what shows a state is answered once that is the newest, or not at
// all. Those who wait for that hold no place for work and are none of their user's
// waiting requests: they have not asked to wait.
func TestNewest(t *testing.T) {
	const requests = 2 * maxUserWaiters
	source := newTwinSource()
	entered, release := make(chan struct{}, requests), make(chan error, requests)
	source.newest = func(context.Context) error {
		entered <- struct{}{}
		return <-release
	}
	bounds := defaultBounds()
	bounds.places = 1
	a := startBounded(t, natstest.StartCore(t), source, bounds)
	source.message(t, "alice", "bob", "m1")
	inbox, replies := a.inbox(requests)
	for i := range requests {
		body := ""
		if i%2 == 0 {
			body = `{"after_seq":1,"timeout_ms":0}`
		}
		a.asked(a.subject("alice", events.QueryTotals), body, inbox)
	}
	for range requests {
		testkit.Receive(t, "request that waits", entered)
	}
	if n := len(replies); n != 0 {
		t.Fatalf("%d answers before anybody knew what is the newest state", n)
	}
	a.want("200", "alice", events.QueryWatch, "")
	a.want("200", "", events.QueryStatus, "")
	source.message(t, "alice", "bob", "m2")
	for range requests {
		release <- nil
	}
	for range requests {
		if r := unmarshal[events.TotalsReply](t, testkit.Receive(t, "answer", replies)); r.Version != 2 {
			t.Fatalf("an answer shows version %d", r.Version)
		}
	}
	release <- errors.New("nobody knows")
	a.want("503", "alice", events.QueryTotals, "")
	release <- errors.New("nobody knows")
	a.want("503", "alice", events.QueryConversations, `{"after_seq":1}`)
}

// TestEndsAsItBegins: a service that is asked to end while it begins has no error.
func TestEndsAsItBegins(t *testing.T) {
	conn := natstest.StartCore(t).Connect()
	subjects, err := events.NewSubjects(events.DefaultPrefix)
	if err != nil {
		t.Fatal(err)
	}
	service, err := NewService(ServiceConfig{Conn: conn, Subjects: subjects, Source: newTwinSource(), Version: "1.2.3"})
	if err != nil {
		t.Fatal(err)
	}
	ctx, end := context.WithCancel(t.Context())
	end()
	if err := service.Run(ctx); err != nil {
		t.Error(err)
	}
}
