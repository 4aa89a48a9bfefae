package main

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats.go/jetstream"

	"reddot/events"
	"reddot/projector/testkit"
)

// importsIn are the import commands of a stream from a seq on.
func importsIn(t *testing.T, stream jetstream.Stream, from uint64) (all []events.Command) {
	t.Helper()
	subjects := defaultSubjects(t)
	for seq := from; seq <= lastSeq(t, stream); seq++ {
		m := testkit.Must(stream.GetMsg(t.Context(), seq))(t)
		var c events.Command
		testkit.OK(t, subjects.Decode(m.Subject, m.Data, &c))
		all = append(all, c)
	}
	return all
}

func c2c(peer string) events.ConversationID { return events.ConversationID{Kind: events.C2C, ID: peer} }

const importTable = `user,conversation,unread,mentions,read_at,last_id,last_from,last_at,muted,labels
alice,c2c_bob,3,1,1795456800000,m9,bob,1795456800123,,pinned|work
alice,group_team,0,,,,,,true,
李雷.x,c2c_alice,2,,,,,,false,
`

// TestImport publishes a command for each user, as the rows say.
func TestImport(t *testing.T) {
	want := []events.Command{
		{Verb: events.UserImport, Inbox: "alice", Conversations: []events.Import{
			{Conversation: c2c("bob"), Unread: 3, Mentions: 1, ReadAt: 1795456800000, HasReadAt: true, Labels: []string{"pinned", "work"},
				LastMessage: &events.ImportMessage{ID: "m9", From: "bob", At: 1795456800123}},
			{Conversation: events.ConversationID{Kind: events.Group, ID: "team"}, Level: events.LevelNone},
		}},
		{Verb: events.UserImport, Inbox: "李雷.x", Conversations: []events.Import{{Conversation: c2c("alice"), Unread: 2}}},
	}
	objects := `{"user":"alice","conversation":"c2c_bob","unread":3,"mentions":1,"read_at":1795456800000,"last_id":"m9","last_from":"bob","last_at":1795456800123,"labels":["pinned","work"]}
{"user":"alice","conversation":"group_team","unread":0,"muted":true}
{"user":"李雷.x","conversation":"c2c_alice","unread":2,"muted":false}`
	for name, c := range map[string]struct {
		stdin []byte
		args  []string
	}{
		"CSV":            {nil, []string{file(t, "c.csv", []byte(importTable))}},
		"JSON lines":     {nil, []string{file(t, "c.jsonl", []byte(objects))}},
		"gzip":           {nil, []string{file(t, "c.csv.gz", zipped(t, importTable))}},
		"standard input": {[]byte(importTable), []string{"-"}},
		"a rate":         {[]byte(importTable), []string{"-", "--rate", "100000"}},
	} {
		t.Run(name, func(t *testing.T) {
			s, stream := testServer(t)
			r := reddot(t, bytes.NewReader(c.stdin), append([]string{"import", "--server", s.URL()}, c.args...)...)
			if out := r.done(t); out != "imported 3 conversations of 2 users in 2 commands: 5 unread, 1 mention; last seq 2\n" {
				t.Errorf("stdout %q", out)
			}
			if !strings.HasPrefix(r.stderr, "3 conversations in ") {
				t.Errorf("stderr %q", r.stderr)
			}
			if diff := cmp.Diff(want, importsIn(t, stream, 1), cmp.AllowUnexported(events.Command{})); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			again := reddot(t, bytes.NewReader(c.stdin), append([]string{"import", "--json", "--server", s.URL()}, c.args...)...).done(t)
			if want := `{"commands":2,"users":2,"conversations":3,"unread":5,"mentions":1,"last_seq":4}` + "\n"; again != want {
				t.Errorf("once more: %q", again)
			}
		})
	}
}

// TestImportSplits: a user with many conversations, or with long ones, is imported by
// several commands, each of which the log takes.
func TestImportSplits(t *testing.T) {
	var b strings.Builder
	b.WriteString("conversation,user,unread,labels\n")
	const n = 2_500
	for i := range n {
		fmt.Fprintf(&b, "c2c_p%d,alice,%d,\n", i, i)
	}
	labels := make([]string, events.MaxLabels)
	for i := range labels {
		labels[i] = fmt.Sprintf("%02d%s", i, strings.Repeat("l", events.MaxLabel-2))
	}
	for i := range 300 {
		fmt.Fprintf(&b, "group_%d%s,bob,1,%s\n", i, strings.Repeat("g", events.MaxID-3), strings.Join(labels, "|"))
	}
	s, stream := testServer(t)
	reddot(t, strings.NewReader(b.String()), "import", "-", "--server", s.URL()).done(t)
	got := importsIn(t, stream, 1)
	of := map[string]int{}
	for _, c := range got {
		of[c.Inbox] += len(c.Conversations)
		if len(c.Conversations) > events.MaxImports {
			t.Errorf("a command of %d conversations", len(c.Conversations))
		}
	}
	if diff := cmp.Diff(map[string]int{"alice": n, "bob": 300}, of); diff != "" {
		t.Errorf("conversations (-want +got):\n%s", diff)
	}
	if want := 3 + 4; len(got) != want {
		t.Errorf("%d commands, want %d", len(got), want)
	}
}

// TestImportStops at a bad row, and says what is imported.
func TestImportStops(t *testing.T) {
	const head = "user,conversation,unread,mentions\nalice,c2c_bob,3,1\n"
	for row, words := range map[string]string{
		"bob,c2c_alice,-1,":    "c.csv: line 3: unread -1 is negative",
		"bob,c2c_alice,1,2":    "c.csv: line 3: mentions is more than unread",
		"alice,c2c_bob,4,":     `c.csv: line 3: c2c_bob of "alice" is in line 2 already`,
		"bob,alice,1,":         "c.csv: line 3: conversation \"alice\": ",
		"bob,c2c_a,1,\n,c2c_,": "c.csv: line 4: ",
	} {
		s, stream := testServer(t)
		r := reddot(t, nil, "import", "--server", s.URL(), file(t, "c.csv", []byte(head+row+"\nzoe,c2c_bob,1,\n")))
		r.failed(t, exitFailed, words, "run it again, and what is imported stays as it is")
		for _, c := range importsIn(t, stream, 1) {
			if c.Inbox == "zoe" {
				t.Errorf("%q: what stands behind it is imported", row)
			}
		}
	}
	s, _ := testServer(t)
	reddot(t, strings.NewReader("user,conversation,unred\n"), "import", "-", "--server", s.URL()).
		failed(t, exitFailed, `standard input: line 1: unknown field "unred": this line names the columns`, "did you mean unread?")
	reddot(t, nil, "import", "none.csv", "--server", s.URL()).failed(t, exitFailed, "none.csv")
}

// TestImportDryRun asks nobody, and names every bad row.
func TestImportDryRun(t *testing.T) {
	t.Setenv("NATS_URL", "nats://127.0.0.1:1")
	if out := reddot(t, strings.NewReader(importTable), "import", "--dry-run", "-").done(t); out != "would import 3 conversations of 2 users in 2 commands: 5 unread, 1 mention\n" {
		t.Errorf("stdout %q", out)
	}
	bad := importTable + "alice,c2c_bob,-4,,,,,,,\nalice,c2c_carol,1,,,,,,,\nalice,c2c_carol,2,,,,,,,\nalice\n"
	r := reddot(t, strings.NewReader(bad), "import", "--dry-run", "-")
	says(t, r, "standard input: 3 rows can't be imported")
	want := `would import 4 conversations of 3 users in 3 commands: 6 unread, 1 mention
line 5: unread -4 is negative
line 7: c2c_carol of "alice" is in line 6 already
line 8: it has 1 cells, and there are 10 columns
`
	if diff := cmp.Diff(want, r.stdout); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	r = reddot(t, strings.NewReader(bad), "import", "--dry-run", "--json", "-")
	if !strings.HasPrefix(r.stdout, `{"dry_run":true,"commands":3,"users":3,"conversations":4,"unread":6,"mentions":1,"bad":3,"bad_rows":["line 5: `) {
		t.Errorf("stdout %q", r.stdout)
	}
}

func TestImportWrongUsage(t *testing.T) {
	for line, words := range map[string]string{
		"import":                                "import takes FILE|-, and none is given",
		"import c.csv --rate -1":                "--rate -1",
		"import c.csv --dry-run --wait":         "--wait is for an import that is done",
		"import c.csv --dry-run --hold":         "--hold is for an import that is done",
		"import c.csv --from sql":               `--from "sql": use file or redis`,
		"import c.csv --key u:{user}":           "--key is for a Redis",
		"import redis://h --from redis --key u": `--key "u": {user} has to stand in it`,
		"compare":                               "compare takes FILE|-, and none is given",
		"compare c.csv --c2c {peer}":            "--c2c is for a Redis",
	} {
		t.Run(line, func(t *testing.T) {
			reddot(t, nil, strings.Fields(line)...).failed(t, exitUsage, words, `--help"`)
		})
	}
}

// TestImportUnknown: a reddot that would refuse imports is not given any.
func TestImportUnknown(t *testing.T) {
	s, stream := testServer(t)
	serve(t, s.URL(), "unread.api.status", func(int, query) answer { return answer{body: events.Status{State: events.Live}} })
	reddot(t, strings.NewReader(importTable), "import", "-", "--server", s.URL()).failed(t, exitFailed, "knows no imports, and would refuse them")
	if n := lastSeq(t, stream); n != 0 {
		t.Errorf("%d commands are published", n)
	}
}

// TestClientHelp: what the larger commands of clients say of themselves.
func TestClientHelp(t *testing.T) {
	t.Setenv("NATS_URL", "")
	for _, name := range []string{"import", "compare", "threads", "readers", "receipts"} {
		goldenHelp(t, name)
	}
}
