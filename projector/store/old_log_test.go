package store_test

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"reddot/events"
	"reddot/projector/fold"
	"reddot/projector/store"
	"reddot/projector/testkit"
	"reddot/projector/view"
)

const oldLog = "../../testdata/old"

// TestOldLog folds a log of an older reddot: each user has what that one answered, and as
// many commands are applied, ignored and refused.
func TestOldLog(t *testing.T) {
	r := newRig(t, 0)
	subjects := testkit.Must(events.NewSubjects("unread"))(t)
	inThreads := uint64(0) // what shows in a thread alone was ignored then
	for line := range bytes.Lines(oldFile(t, "log.jsonl.gz")) {
		subject, payload, err := subjects.ParseLine(bytes.TrimSpace(line))
		testkit.OK(t, err)
		e := store.Entry{Seq: events.Seq(len(r.log) + 1), Subject: subject}
		testkit.OK(t, subjects.Decode(subject, payload, &e.Command))
		r.log = append(r.log, e)
		last := r.lastOfThread(&e.Command)
		if r.apply(e.Seq); last && !r.fx.Ignored {
			inThreads++
		}
	}
	r.commit()
	r.verify()
	compareOldStatus(t, r.store.Position(), inThreads)
	answers := bufio.NewScanner(bytes.NewReader(oldFile(t, "conversations.jsonl")))
	users := 0
	for answers.Buffer(nil, 1<<20); answers.Scan(); users++ {
		var want events.ConversationsReply
		testkit.OK(t, json.Unmarshal(answers.Bytes(), &want))
		testkit.OK(t, r.store.Read(func(rows fold.Reader) error {
			got, err := view.Conversations(rows, want.User, events.ConversationsRequest{Limit: new(events.MaxLimit)})
			for i := range got.Conversations {
				if c := &got.Conversations[i]; c.Muted { // which is all that it said
					c.Level = ""
				}
			}
			if d := cmp.Diff(want, got, cmpopts.EquateEmpty()); d != "" || err != nil {
				t.Errorf("%q (- then, + now): %v\n%s", want.User, err, d)
			}
			return nil
		}))
	}
	if testkit.OK(t, answers.Err()); users < 10 {
		t.Errorf("%d users were asked", users)
	}
}

// lastOfThread reports whether a command recalls what is in no count, a silent message or
// in C2C a read one, and is the last of its thread but not of the conversation.
func (r *rig) lastOfThread(c *events.Command) (is bool) {
	lk := fold.GroupKey(c.Inbox)
	switch c.Verb {
	case events.UserRevoke:
		lk = fold.Key{User: c.Inbox, ConversationID: events.ConversationID{Kind: events.C2C, ID: c.From}}
	case events.GroupRevoke:
	default:
		return false
	}
	testkit.OK(r.t, r.store.Read(func(rows fold.Reader) error {
		i, _ := rows.Index(lk, c.ID)
		if i.Pos == 0 {
			return nil
		}
		log, counts := rows.Group(c.Inbox), i.Counted
		if lk.Kind == events.C2C {
			owner := rows.Conversation(lk)
			log, counts = owner.Log, i.Counted && i.Pos > owner.Read.Pos
		}
		if counts {
			return nil
		}
		thread := rows.Thread(lk, rows.Message(lk, i.Pos).Thread)
		is = thread != nil && thread.Last.Pos == i.Pos && log.Last.Pos != i.Pos
		return nil
	}))
	return is
}

// oldFile reads a file of the old log.
func oldFile(t *testing.T, name string) []byte {
	t.Helper()
	b := testkit.Must(os.ReadFile(filepath.Join(oldLog, name)))(t)
	if filepath.Ext(name) != ".gz" {
		return b
	}
	return testkit.Must(io.ReadAll(testkit.Must(gzip.NewReader(bytes.NewReader(b)))(t)))(t)
}

// compareOldStatus compares what has become of the commands; so many of those that were
// ignored then are not now.
func compareOldStatus(t *testing.T, at store.Position, not uint64) {
	t.Helper()
	var then struct {
		Applied  events.Seq
		Ignored  uint64
		Refused  map[string]uint64 `json:"refused_for"`
		Commands map[string]uint64
	}
	testkit.OK(t, json.Unmarshal(oldFile(t, "status.json"), &then))
	now := then
	now.Applied, now.Ignored, now.Refused, now.Commands = at.Applied, at.Ignored+not, map[string]uint64{}, map[string]uint64{}
	for r, n := range at.Refused {
		if n > 0 {
			now.Refused[events.Refusal(r).String()] = n
		}
	}
	for v, n := range at.Accepted {
		if n > 0 {
			now.Commands[events.Verb(v).String()] = n
		}
	}
	if d := cmp.Diff(then, now); d != "" {
		t.Errorf("the commands (- then, + now):\n%s", d)
	}
}
