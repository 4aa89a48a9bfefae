package client_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"reddot/api/client"
	"reddot/events"
)

// TestKey: a call that is made again with its key is the call before.
func TestKey(t *testing.T) {
	t.Parallel()
	h := start(t)
	c := h.client(t, client.Options{})
	alice, ctx := c.User("alice"), t.Context()
	first, err := alice.MarkAllRead(ctx, client.Key("k1"))
	if err != nil {
		t.Fatal(err)
	}
	if again, err := alice.MarkAllRead(ctx, client.Key("k1"), client.WaitEmitted()); err != nil || again != first {
		t.Errorf("the same key returned seq %d (%v), want %d", again, err, first)
	}
	if other, err := alice.MarkAllRead(ctx, client.Key("k2")); err != nil || other == first {
		t.Errorf("another key returned seq %d (%v)", other, err)
	}
}

// TestRefused: who waits for a command is told that it was refused; who does not
// gets its seq.
func TestRefused(t *testing.T) {
	t.Parallel()
	h := start(t)
	alice, ctx := h.client(t, client.Options{}).User("alice"), t.Context()
	for _, wait := range []client.CommandOption{client.WaitApplied(), client.WaitEmitted()} {
		seq, err := alice.MarkGroupRead(ctx, "team", wait)
		refused, ok := errors.AsType[*client.RefusedError](err)
		if !ok || !errors.Is(err, client.ErrRefused) || refused.Reason != "not a member of the group" || refused.Seq != seq || seq == 0 {
			t.Errorf("refused: seq %d, %v", seq, err)
		}
	}
	if seq, err := alice.MarkGroupRead(ctx, "team"); err != nil || seq != 3 {
		t.Errorf("not waited for: seq %d, %v", seq, err)
	}
}

// TestRateLimited: too many commands are told so, and not stored.
func TestRateLimited(t *testing.T) {
	t.Parallel()
	h := start(t, func(h *host) { h.rate = 1 })
	c := h.client(t, client.Options{})
	var stored events.Seq
	for {
		seq, err := c.User("alice").MarkAllRead(t.Context())
		if err == nil {
			stored = seq
			continue
		}
		failed, ok := errors.AsType[*client.CommandError](err)
		if !ok || !errors.Is(err, client.ErrRateLimited) || failed.Uncertain || seq != 0 {
			t.Errorf("limited: seq %d, %v", seq, err)
		}
		break
	}
	if status, err := c.Status(t.Context()); err != nil || status.Last != stored {
		t.Errorf("%d commands in the log (%v), want %d", status.Last, err, stored)
	}
}

// TestNobodyServes: a user's command without a reddot is not stored, and one that
// nobody answers is in doubt.
func TestNobodyServes(t *testing.T) {
	t.Parallel()
	h := start(t)
	alice := h.client(t, client.Options{}).User("alice")
	if err := h.stopReddot(); err != nil {
		t.Fatal(err)
	}
	_, err := alice.MarkAllRead(t.Context())
	if failed, ok := errors.AsType[*client.CommandError](err); !ok || failed.Uncertain || !errors.Is(err, client.ErrUnavailable) {
		t.Errorf("without a reddot: %v", err)
	}
	deaf := h.connect(t)
	if _, err := deaf.Subscribe("unread.do.>", func(*nats.Msg) {}); err != nil {
		t.Fatal(err)
	}
	if err := deaf.Flush(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	_, err = alice.MarkAllRead(ctx)
	if !errors.Is(err, client.ErrUncertain) {
		t.Errorf("without an answer: %v", err)
	}
}
