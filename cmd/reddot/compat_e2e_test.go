package main_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"reddot/events"
	"reddot/projector/store/row"
	"reddot/projector/storetest"
	"reddot/projector/testkit"
)

// release is what a release has left: its log, and what it said of it.
type release struct {
	program program
	folder  string
	status  releaseStatus
	answers []releaseAnswer
}

// releaseStatus is what has become of the commands.
type releaseStatus struct {
	StoreFormat byte              `json:"store_format"`
	Applied     events.Seq        `json:"applied"`
	Digest      events.Digest     `json:"digest"` // of another format it is another one
	Ignored     uint64            `json:"ignored"`
	RefusedFor  map[string]uint64 `json:"refused_for"`
	Commands    map[string]uint64 `json:"commands"`
}

// releaseAnswer is a query and its reply.
type releaseAnswer struct {
	Subject string          `json:"subject"`
	Request request         `json:"request"`
	Reply   json.RawMessage `json:"reply"`
}

// testCompat goes on where each release has ended.
func testCompat(t *testing.T, p program) {
	if testkit.Rewrite() {
		writeRelease(t, p)
	}
	for _, folder := range testkit.Releases(t) {
		r := &release{program: p, folder: folder}
		testkit.OK(t, json.Unmarshal(testkit.Must(os.ReadFile(filepath.Join(folder, "status.json")))(t), &r.status))
		testkit.EachLine(t, filepath.Join(folder, "answers.jsonl.gz"), func(a releaseAnswer) { r.answers = append(r.answers, a) })
		t.Run(filepath.Base(folder), r.test)
	}
}

// again starts a server on a data folder of the release.
func (r *release) again(t *testing.T, dir string) *child {
	t.Helper()
	return r.program.serve(t, dir, keptEvents...)
}

func (r *release) test(t *testing.T) {
	whole := filepath.Join(t.TempDir(), "data")
	unpack(t, filepath.Join(r.folder, "data.tar.gz"), whole)
	copied := func(t *testing.T, without ...string) string {
		t.Helper()
		return (&specimen{dir: whole}).copy(t, without...)
	}
	store := current(t, whole)
	same := r.status.StoreFormat == row.Format

	t.Run("its data folder", func(t *testing.T) {
		t.Parallel()
		dir := copied(t)
		c := r.again(t, dir)
		r.answersAsThen(t, c)
		if same && current(t, dir) != store {
			t.Error("the store was built anew, although its format is the same")
		}
		r.toldAsThen(t, c)
		r.program.run(t, nil, "verify", "--server", c.nats, "--data", dir).done(t)
		goesOn(t, c)
	})
	t.Run("its log alone", func(t *testing.T) {
		t.Parallel()
		c := r.again(t, copied(t, "store", "snapshots"))
		r.answersAsThen(t, c)
		goesOn(t, c)
	})
	t.Run("its snapshots", func(t *testing.T) {
		t.Parallel()
		dir := copied(t, "store")
		r.program.run(t, nil, "snapshot", "verify", "--data", dir).done(t)
		if restored := r.program.run(t, nil, "snapshot", "restore", "--data", dir); same && !strings.Contains(restored.done(t), "the store is the snapshot of seq") {
			t.Errorf("restored: %q", restored.stdout)
		}
		r.answersAsThen(t, r.again(t, dir))
	})
	t.Run("a store of a later release", func(t *testing.T) {
		t.Parallel()
		dir := copied(t)
		r.reformat(t, dir, row.Format+1)
		r.program.run(t, nil, "serve", "--data", dir, "--listen", "127.0.0.1:0", "--http", "", "--log-level", "error").
			failedAtEnd(t, fmt.Sprintf("row has format %d, this reddot knows %d", row.Format+1, row.Format), "use the reddot that wrote it, or a newer one")
		testkit.OK(t, os.RemoveAll(filepath.Join(dir, "store"))) // as the pages say
		r.answersAsThen(t, r.again(t, dir))
	})
	t.Run("what operators name", func(t *testing.T) {
		t.Parallel()
		for name, now := range operatorsWords(t, r.program) {
			for word := range strings.Lines(string(testkit.Must(os.ReadFile(filepath.Join(r.folder, name)))(t))) {
				if !slices.Contains(now, strings.TrimSpace(word)) {
					t.Errorf("%s: %s is gone", name, strings.TrimSpace(word))
				}
			}
		}
	})
	t.Run("a store of an earlier release", func(t *testing.T) {
		t.Parallel()
		dir := copied(t)
		r.reformat(t, dir, row.Format-1)
		c := r.again(t, dir)
		r.answersAsThen(t, c)
		if says := c.stderr.String(); !strings.Contains(says, "built anew") {
			t.Errorf("the log does not say that the store is built anew: %s", says)
		}
	})
}

// reformat has the store of a data folder say that it is of a format.
func (r *release) reformat(t *testing.T, dir string, format byte) {
	t.Helper()
	storetest.Spoil(t, nil, filepath.Join(dir, "store", current(t, dir)), []byte("Mi"), func(value []byte) []byte {
		value[0] = format
		return value
	})
}

// current is the generation of the store in a data folder.
func current(t *testing.T, dir string) string {
	t.Helper()
	names := glob(t, filepath.Join(dir, "store", "0*"))
	if len(names) != 1 {
		t.Fatalf("the stores are %q", names)
	}
	return filepath.Base(names[0])
}

// answersAsThen checks that a server has made of the log what the release has: it answers
// all that the release did, and perhaps more. Nobody is told anything again.
func (r *release) answersAsThen(t *testing.T, c *child) {
	t.Helper()
	nc := connect(t, c.nats)
	now := statusOf(settled(t, nc, r.status.Applied))
	then := r.status
	if now.StoreFormat != then.StoreFormat {
		then.StoreFormat, then.Digest = now.StoreFormat, now.Digest
	}
	if diff := cmp.Diff(then, now); diff != "" {
		t.Errorf("the commands (- then, + now):\n%s", diff)
	}
	for _, a := range r.answers {
		reply, err := ask[json.RawMessage](t.Context(), nc, a.Subject, a.Request)
		if err != nil {
			t.Errorf("%s %+v: %v", a.Subject, a.Request, err)
			continue
		}
		for _, lost := range lacks("reply", decoded(t, a.Reply), decoded(t, reply)) {
			t.Errorf("%s %+v: %s", a.Subject, a.Request, lost)
		}
	}
	for _, name := range []string{"changes", "receipts", "rejected"} {
		if n := c.metric(t, "reddot_events_"+name+"_total"); n != 0 {
			t.Errorf("%.0f events (%s) are told again", n, name)
		}
	}
}

func statusOf(s events.Status) releaseStatus {
	return releaseStatus{row.Format, s.Applied, s.Digest, s.Ignored, s.RefusedFor, s.Commands}
}

// toldAsThen checks that the stored events are the release's, that they can be read, and that the
// last ones of a user show what the release has answered.
func (r *release) toldAsThen(t *testing.T, c *child) {
	t.Helper()
	nc := connect(t, c.nats)
	stored := storedMail(t, nc, 1)
	count := 0
	testkit.EachLine(t, filepath.Join(r.folder, "events.jsonl.gz"), func(releaseEvent) { count++ })
	if stored.count != count {
		t.Errorf("%d events are stored, the release has told of %d", stored.count, count)
	}
	for _, a := range r.answers {
		if !strings.HasSuffix(a.Subject, "."+events.QueryConversations) {
			continue
		}
		var want events.ConversationsReply
		testkit.OK(t, json.Unmarshal(a.Reply, &want))
		stored.box(want.User).compareLast(t, want.User, want)
	}
}

// goesOn checks that a server takes a command, and tells of it.
func goesOn(t *testing.T, c *child) {
	t.Helper()
	nc := connect(t, c.nats)
	before := eventCount(t, nc)
	settled(t, nc, publish(t, nc, "unread.cmd.user.later.message", `{"id":"m1","from":"bob"}`))
	if got := eventCount(t, nc); got != before+1 {
		t.Errorf("one more message makes %d events", got-before)
	}
}

// decoded is what a JSON text says, with numbers as they are written.
func decoded(t *testing.T, text []byte) (v any) {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	testkit.OK(t, d.Decode(&v))
	return v
}

// lacks says what of a value another one has not, or has otherwise; what that has beside is
// an addition.
func lacks(at string, want, got any) (lost []string) {
	switch want := want.(type) {
	case map[string]any:
		got, _ := got.(map[string]any)
		for name, v := range want {
			lost = append(lost, lacks(at+"."+name, v, got[name])...)
		}
	case []any:
		got, _ := got.([]any)
		if len(want) != len(got) {
			return []string{fmt.Sprintf("%s had %d entries, now %d", at, len(want), len(got))}
		}
		for i, v := range want {
			lost = append(lost, lacks(fmt.Sprintf("%s[%d]", at, i), v, got[i])...)
		}
	default:
		if want != got {
			lost = []string{fmt.Sprintf("%s was %v, is %v", at, want, got)}
		}
	}
	slices.Sort(lost)
	return lost
}
