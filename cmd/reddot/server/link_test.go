package server_test

import (
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/nats-io/nats.go"

	"reddot/cmd/reddot/server"
	"reddot/projector/testkit"
)

// TestDroppedIsSaidOnce: somebody who floods a subject that reddot listens to does not
// flood its log; what else is wrong is said.
func TestDroppedIsSaidOnce(t *testing.T) {
	var text strings.Builder
	cfg := server.Default()
	l := testkit.Must(server.NewLink(&cfg, slog.New(slog.NewTextHandler(&text, nil))))(t)
	for range 1_000 {
		l.Heard("one", fmt.Errorf("%w, messages dropped", nats.ErrSlowConsumer))
	}
	l.Heard("two", nats.ErrSlowConsumer)
	for range 3 {
		l.Heard("one", errors.New("something else"))
	}
	for what, want := range map[string]int{"connection=one error=\"nats: slow consumer": 1, "connection=two": 1, "something else": 3} {
		if got := strings.Count(text.String(), what); got != want {
			t.Errorf("%q is said %d times, not %d", what, got, want)
		}
	}
}
