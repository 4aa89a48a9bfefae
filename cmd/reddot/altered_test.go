package main

import (
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"reddot/cmd/reddot/server"
	"reddot/events"
	"reddot/projector/store"
	"reddot/projector/store/generation"
	"reddot/projector/storetest"
	"reddot/projector/testkit"
)

// everyFamily are the lines of a log that leaves rows of every family in a store, but
// those of work that is under way.
func everyFamily(t *testing.T) string {
	t.Helper()
	group := events.ConversationID{Kind: events.Group, ID: "g"}
	all := append(storetest.EveryFamily(),
		events.Command{Verb: events.PolicySet, GroupReceipts: events.ReceiptsMembers},
		events.Command{Verb: events.GroupMessage, Inbox: "g", From: "c", ID: "r1", Receipt: true},
		events.Command{Verb: events.GroupMessage, Inbox: "g", From: "c", ID: "t1", Thread: "m1"},
		events.Command{Verb: events.GroupMessage, Inbox: "g", From: "a", ID: "t2", Thread: "m1"},
		events.Command{Verb: events.GroupMessage, Inbox: "g", From: "c", ID: "t3", Thread: "m1"},
		events.Command{Verb: events.UserRead, Inbox: "a", Conversation: group, Thread: "m1", HasThread: true},
	)
	var lines strings.Builder
	for i := range all {
		subject := defaultSubjects(t).Command(events.Target{Verb: all[i].Verb, Inbox: all[i].Inbox})
		fmt.Fprintf(&lines, "{\"subject\":%q,\"payload\":%s}\n", subject, testkit.Must(events.EncodeJSON(&all[i]))(t))
	}
	return lines.String()
}

// storeIn is the folder of the store in use of a data folder whose server has ended.
func storeIn(t *testing.T, dir string) string {
	t.Helper()
	current, ok := testkit.Must(generation.Open(nil, filepath.Join(dir, "store")))(t).Current()
	if !ok {
		t.Fatal("there is no store")
	}
	return current
}

// TestVerifyNamesAnyRow alters one row of each family while the server is down: verify
// finds it, and it is named.
func TestVerifyNamesAnyRow(t *testing.T) {
	t.Parallel()
	testkit.Unraced(t)
	dir := t.TempDir()
	address, stop := served(t, dir, "127.0.0.1:0")
	reddot(t, strings.NewReader(everyFamily(t)), "publish", "--server", address).done(t)
	reddot(t, nil, "send", "a", "--from", "d", "--wait", "--server", address).done(t)
	stop()
	families, last := store.AllFamilies(), map[byte]storetest.Row{}
	for _, r := range storetest.Rows(t, nil, storeIn(t, dir)) {
		if families.InDigest(r.Key) {
			last[r.Key[0]] = r
		}
	}
	for prefix, r := range last {
		t.Run(string(prefix), func(t *testing.T) {
			altered := t.TempDir()
			if err := os.CopyFS(altered, os.DirFS(dir)); err != nil {
				t.Fatal(err)
			}
			storetest.Spoil(t, nil, storeIn(t, altered), r.Key, func(v []byte) []byte { return append(v, 0) })
			var log testkit.Buffer
			address, stop := served(t, altered, "127.0.0.1:0", func(cfg *server.Config) {
				cfg.Snapshots, cfg.Logger = "", slog.New(slog.NewTextHandler(&log, nil))
			})
			verified := reddot(t, nil, "verify", "--server", address, "--data", altered)
			stop()
			// One that the server reads by itself it finds before, and builds the store anew.
			found := verified.code == exitFailed || strings.Contains(log.String(), "built anew")
			if name := families.Name(r.Key); !found || !strings.Contains(verified.stderr+log.String(), name) {
				t.Errorf("%s is altered: exit code %d, %s\n%s", name, verified.code, verified.stderr, log.String())
			}
		})
	}
	if len(last) < 20 {
		t.Errorf("there are rows of %d families", len(last))
	}
}
