package main

import (
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/nats-io/nats.go"
)

// TestDroppedIsSaidOnce: somebody who floods a subject that reddot listens to does not
// flood its log; what else is wrong is said.
func TestDroppedIsSaidOnce(t *testing.T) {
	var text strings.Builder
	l := &link{log: slog.New(slog.NewTextHandler(&text, nil))}
	for range 1_000 {
		l.heard("one", fmt.Errorf("%w, messages dropped", nats.ErrSlowConsumer))
	}
	l.heard("two", nats.ErrSlowConsumer)
	for range 3 {
		l.heard("one", errors.New("something else"))
	}
	for what, want := range map[string]int{"connection=one error=\"nats: slow consumer": 1, "connection=two": 1, "something else": 3} {
		if got := strings.Count(text.String(), what); got != want {
			t.Errorf("%q is said %d times, not %d", what, got, want)
		}
	}
}
