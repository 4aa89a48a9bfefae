package server_test

import (
	"errors"
	"log/slog"
	"testing"

	"reddot/cmd/reddot/server"
	"reddot/projector/testkit"
)

// TestParseDenial reads the server's words.
func TestParseDenial(t *testing.T) {
	if _, ok := server.ParseDenial(errors.New("x")); ok {
		t.Error("any error is a denial")
	}
	cfg := server.Default()
	cfg.Trim, cfg.Snapshots = true, "bucket:kept"
	l := testkit.Must(server.NewLink(&cfg, slog.New(slog.DiscardHandler)))(t)
	type denied struct {
		verb    server.Verb
		subject string
	}
	for d, vital := range map[denied]bool{
		{server.Publish, "$JS.API.STREAM.INFO.UNREAD_COMMANDS"}:     true,
		{server.Publish, "$JS.API.CONSUMER.CREATE.UNREAD_EVENTS.x"}: true,
		{server.Publish, "$JS.API.STREAM.INFO.OBJ_kept"}:            true,
		{server.Publish, "$O.kept.M.x"}:                             true,
		{server.Subscribe, "unread.api.*.totals"}:                   true,
		{server.Subscribe, "_INBOX_reddot.x.*"}:                     true,
		{server.Publish, "$JS.API.STREAM.PURGE.UNREAD_COMMANDS"}:    false, // when the log is trimmed
		{server.Publish, "_INBOX.of.who.asks"}:                      false,
		{server.Publish, "unread.inbox.alice.x"}:                    false,
		{server.Publish, "chosen.by.who.asks"}:                      false,
		{server.Publish, "$JS.API.STREAM.DELETE.UNREAD_COMMANDS"}:   false,
	} {
		if got := l.IsVital(server.NewDenial(d.verb, d.subject)); got != vital {
			t.Errorf("%v: vital %v", d, got)
		}
	}
}
