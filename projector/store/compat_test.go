package store_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"reddot/events"
	"reddot/projector/fold"
	"reddot/projector/store"
	"reddot/projector/testkit"
	"reddot/projector/view"
)

// TestReleasedLogs folds the log of each major release: the digest and what users are
// answered is what the release made of it.
func TestReleasedLogs(t *testing.T) {
	for _, folder := range testkit.Releases(t) {
		t.Run(filepath.Base(folder), func(t *testing.T) { releasedLog(t, folder) })
	}
}

func releasedLog(t *testing.T, folder string) {
	r := newRig(t, 0)
	subjects := testkit.Must(events.NewSubjects("unread"))(t)
	type command struct {
		Time    events.Time
		Subject string
		Text    string
		Bytes   []byte
	}
	testkit.EachLine(t, filepath.Join(folder, "log.jsonl.gz"), func(c command) {
		payload := append(c.Bytes, c.Text...)
		e := store.Entry{Seq: events.Seq(len(r.log) + 1), Subject: c.Subject, Time: c.Time, Sum: store.Sum(c.Subject, c.Time, payload)}
		if err := subjects.Decode(c.Subject, payload, &e.Command); err != nil {
			e.Invalid = err.Error()
		}
		r.log = append(r.log, e)
		r.apply(e.Seq)
	})
	r.commit()
	r.verify()
	var then struct {
		Format  byte `json:"store_format"`
		Applied events.Seq
		Digest  events.Digest
		Ignored uint64
	}
	testkit.OK(t, json.Unmarshal(testkit.Must(os.ReadFile(filepath.Join(folder, "status.json")))(t), &then))
	now := then
	at := r.store.Position()
	now.Applied, now.Ignored = at.Applied, at.Ignored
	if then.Format == store.Format {
		now.Digest = at.Digest()
	}
	if d := cmp.Diff(then, now); d != "" {
		t.Errorf("the commands (- then, + now):\n%s", d)
	}
	type answer struct {
		Subject string
		Reply   json.RawMessage
	}
	testkit.EachLine(t, filepath.Join(folder, "answers.jsonl.gz"), func(a answer) {
		if !strings.HasSuffix(a.Subject, "."+events.QueryConversations) {
			return
		}
		var want events.ConversationsReply
		testkit.OK(t, json.Unmarshal(a.Reply, &want))
		testkit.OK(t, r.store.Read(func(rows fold.Reader) error {
			got, err := view.Conversations(rows, want.User, events.ConversationsRequest{Limit: new(events.MaxLimit)})
			if d := cmp.Diff(want, got, cmpopts.EquateEmpty()); d != "" || err != nil {
				t.Errorf("%q (- then, + now): %v\n%s", want.User, err, d)
			}
			return nil
		}))
	})
}
