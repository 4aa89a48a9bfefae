package main_test

import (
	"archive/tar"
	"compress/gzip"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"reddot/events"
	"reddot/projector/testkit"
	"reddot/projector/twin"
)

// keptEvents lets the events of a release be there whenever they are looked at, and takes
// snapshots on request only.
var keptEvents = []string{"--events-max-age", "876000h", "--snapshot-every", "0", "--snapshot-interval", "0"}

// releaseCommand is a stored command: its payload is text or bytes.
type releaseCommand struct {
	Time    events.Time `json:"time"`
	Subject string      `json:"subject"`
	Text    string      `json:"text,omitempty"`
	Bytes   []byte      `json:"bytes,omitempty"`
}

// releaseEvent is an event as a subscriber hears it.
type releaseEvent struct {
	Subject string      `json:"subject"`
	Headers nats.Header `json:"headers"`
	Data    []byte      `json:"data"`
}

// writeRelease has a server take commands of every form, and writes what it leaves.
func writeRelease(t *testing.T, p program) {
	t.Helper()
	folder := testkit.UnreleasedFolder(t)
	dir, commands := t.TempDir(), everyForm(t)
	half := len(commands) / 2
	commands = slices.Concat(story("first"), commands[:half], story("second"), commands[half:], story("last"))
	half += len(story("first"))
	c := p.serve(t, dir, append(keptEvents, "--event-encoding", "msgpack")...)
	heard := hearRelease(t, connect(t, c.nats))
	publishAll(t, c, commands[:half])
	p.run(t, nil, "snapshot", "create", "--server", c.nats).done(t)
	all := heard(t)
	c.terminate(t)

	c = p.serve(t, dir, append(keptEvents, "--event-encoding", "json")...)
	nc := connect(t, c.nats)
	heard = hearRelease(t, nc)
	publishAll(t, c, commands[half:len(commands)-40])
	p.run(t, nil, "snapshot", "create", "--server", c.nats).done(t)
	status := publishAll(t, c, commands[len(commands)-40:])
	all = append(all, heard(t)...)

	text := append(testkit.Must(json.MarshalIndent(statusOf(status), "", "  "))(t), '\n')
	testkit.OK(t, os.WriteFile(filepath.Join(folder, "status.json"), text, 0o644))
	testkit.WriteLines(t, filepath.Join(folder, "log.jsonl.gz"), storedCommands(t, nc))
	testkit.WriteLines(t, filepath.Join(folder, "events.jsonl.gz"), all)
	testkit.WriteLines(t, filepath.Join(folder, "answers.jsonl.gz"), allAnswers(t, nc))
	if now := settled(t, nc, 0); now.Last != status.Applied {
		t.Fatalf("the log has gone on from %d to %d meanwhile", status.Applied, now.Last)
	}
	c.terminate(t)
	pack(t, dir, filepath.Join(folder, "data.tar.gz"))
	for name, words := range operatorsWords(t, p) {
		testkit.OK(t, os.WriteFile(filepath.Join(folder, name), []byte(strings.Join(words, "\n")+"\n"), 0o644))
	}
}

// operatorsWords are what configuration and dashboards name: settings, and metrics with their
// types, each in a file.
func operatorsWords(t *testing.T, p program) map[string][]string {
	t.Helper()
	hooks := filepath.Join(t.TempDir(), "webhooks.json")
	testkit.OK(t, os.WriteFile(hooks, []byte(`[{"name": "push", "url": "http://127.0.0.1:9/", "secrets": ["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"]}]`), 0o600))
	all := map[string][]string{}
	c, metrics := p.serve(t, t.TempDir(), "--webhooks", hooks), ""
	testkit.Eventually(t, "it delivers, and says how endpoints do", func() bool {
		_, metrics = c.get(t, "/metrics")
		return strings.Contains(metrics, "# TYPE reddot_webhook_waiting")
	})
	for line := range strings.Lines(metrics) {
		if what, ok := strings.CutPrefix(line, "# TYPE reddot_"); ok {
			all["metrics.txt"] = append(all["metrics.txt"], "reddot_"+strings.TrimSpace(what))
		}
	}
	var checked struct{ Settings []struct{ Name string } }
	testkit.OK(t, json.Unmarshal([]byte(p.run(t, nil, "config", "check", "--json").done(t)), &checked))
	for _, s := range checked.Settings {
		all["settings.txt"] = append(all["settings.txt"], s.Name)
	}
	return all
}

// everyForm are commands of every verb with every field, in JSON and as MessagePack, some
// that are refused, and some hundred drawn ones, which make something of each other.
func everyForm(t *testing.T) (all [][2]string) {
	t.Helper()
	s := subjects(t)
	const golden = "../../testdata/golden/events/v1"
	for _, name := range glob(t, filepath.Join(golden, "command.*.json")) {
		parts := strings.Split(filepath.Base(name), ".")
		subject := s.Prefix() + ".cmd." + parts[1]
		switch parts[1] {
		case "user":
			subject += ".alice." + parts[2]
		case "group":
			subject += ".team." + parts[2]
		}
		binary := testkit.Must(os.ReadFile(strings.TrimSuffix(name, ".json") + ".msgpack.hex"))(t)
		all = append(all,
			[2]string{subject, strings.TrimSpace(string(testkit.Must(os.ReadFile(name))(t)))},
			[2]string{subject, string(testkit.Must(testkit.Undump(string(binary)))(t))})
	}
	for _, refused := range []struct {
		subject  string
		payloads []string
	}{
		{"user.alice.message", []string{"", "{", `{"id":"m1"}`, `{"id":"","from":"bob"}`, `{"id":"m1","from":"bob","at":-1}`, "\x82\xa2id", "\xc1"}},
		{"user.alice.read", []string{`{"conversation":"c2c_bob","up_to":"m1"}`, `{"conversation":"bob"}`, `{"conversation":"group_nobodys"}`}},
		{"user.alice.wave", []string{`{}`}},
		{"group.team.join", []string{`{"users":"alice"}`}},
		{"policy", []string{`{"own_message":"perhaps"}`}},
	} {
		for _, payload := range refused.payloads {
			all = append(all, [2]string{s.Prefix() + ".cmd." + refused.subject, payload})
		}
	}
	g := twin.NewGenerator(testkit.Seed(t), twin.Config{})
	var c events.Command
	for n := range 600 {
		g.Next(&c)
		payload, err := events.Encode(&c)
		if n%2 == 0 {
			payload, err = events.EncodeJSON(&c)
		}
		testkit.OK(t, err)
		all = append(all, [2]string{s.Command(events.Target{Verb: c.Verb, Inbox: c.Inbox}), string(payload)})
	}
	return all
}

// story is one that has some of everything in the end: counts, mentions, marks, threads, a filter, and
// receipts of both kinds. Its names end as is said.
func story(end string) (all [][2]string) {
	ends := strings.NewReplacer("crew", "crew-"+end, "yan", "yan-"+end, "zoe", "zoe-"+end, "max", "max-"+end)
	for _, c := range [][2]string{
		{"policy", `{"own_message":"keep","threads":"apart","group_receipts":"members"}`},
		{"group.crew.join", `{"users":["yan","zoe","max"]}`},
		{"user.zoe.filter", `{"name":"work","filter":{"label":"work"}}`},
		{"user.zoe.label", `{"conversation":"group_crew","add":["work"]}`},
		{"group.crew.message", `{"id":"g1","from":"max","receipt":true}`},
		{"group.crew.message", `{"id":"g2","from":"max","mentions":["zoe"]}`},
		{"user.yan.read", `{"conversation":"group_crew","upto":"g1"}`},
		{"group.crew.message", `{"id":"t1","from":"max","thread":"g2"}`},
		{"user.zoe.follow", `{"conversation":"group_crew","thread":"g2","following":true}`},
		{"group.crew.message", `{"id":"t2","from":"yan","thread":"g2","mentions":["zoe"]}`},
		{"user.yan.message", `{"id":"c1","from":"zoe"}`},
		{"user.yan.message", `{"id":"c2","from":"zoe"}`},
		{"user.yan.read", `{"conversation":"c2c_zoe","upto":"c1"}`},
		{"user.zoe.unread", `{"conversation":"c2c_yan"}`},
		{"user.max.level", `{"conversation":"group_crew","level":"mentions"}`},
	} {
		all = append(all, [2]string{"unread.cmd." + ends.Replace(c[0]), ends.Replace(c[1])})
	}
	return all
}

// publishAll publishes commands of which there is one at least, and waits until all is told.
func publishAll(t *testing.T, c *child, commands [][2]string) events.Status {
	t.Helper()
	nc := connect(t, c.nats)
	var last events.Seq
	for _, command := range commands {
		last = publish(t, nc, command[0], command[1])
	}
	return settled(t, nc, last)
}

// hearRelease hears all events from now on; the function that it returns gives those that
// have come.
func hearRelease(t *testing.T, nc *nats.Conn) func(t *testing.T) []releaseEvent {
	t.Helper()
	l := listen(t, nc)
	return func(t *testing.T) (all []releaseEvent) {
		t.Helper()
		l.take(t, func(m *nats.Msg) { all = append(all, releaseEvent{m.Subject, m.Header, m.Data}) })
		return all
	}
}

// storedCommands are those of the log.
func storedCommands(t *testing.T, nc *nats.Conn) (all []releaseCommand) {
	t.Helper()
	stored(t, nc, subjects(t).CommandStream(), 1, func(meta *jetstream.MsgMetadata, m jetstream.Msg) {
		c := releaseCommand{Time: events.Time(meta.Timestamp.UnixMilli()), Subject: m.Subject()}
		if utf8.Valid(m.Data()) {
			c.Text = string(m.Data())
		} else {
			c.Bytes = m.Data()
		}
		all = append(all, c)
	})
	return all
}

// allAnswers are what every user is answered to every query about counts.
func allAnswers(t *testing.T, nc *nats.Conn) (all []releaseAnswer) {
	t.Helper()
	s := subjects(t)
	asked := func(user, query string, r request) json.RawMessage {
		subject := s.Query(user, query)
		all = append(all, releaseAnswer{subject, r, told[json.RawMessage](t, nc, subject, r)})
		return all[len(all)-1].Reply
	}
	for _, user := range replay(t, nc).model.Users() {
		var list events.ConversationsReply
		testkit.OK(t, json.Unmarshal(asked(user, events.QueryConversations, request{Limit: events.MaxLimit}), &list))
		asked(user, events.QueryTotals, request{})
		asked(user, events.QueryThreads, request{Limit: events.MaxLimit})
		for _, c := range list.Conversations {
			asked(user, events.QueryExplain, request{Conversation: c.Conversation})
		}
	}
	return all
}

// pack writes a folder into a file. What a server leaves behind for a moment is left out.
func pack(t *testing.T, dir, name string) {
	t.Helper()
	testkit.OK(t, os.RemoveAll(filepath.Join(dir, "scratch")))
	file := testkit.Must(os.Create(name))(t)
	zip := testkit.Must(gzip.NewWriterLevel(file, gzip.BestCompression))(t)
	out := tar.NewWriter(zip)
	testkit.OK(t, filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		content, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		at, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		if err := out.WriteHeader(&tar.Header{Name: filepath.ToSlash(at), Mode: 0o600, Size: int64(len(content)), ModTime: time.Unix(0, 0)}); err != nil {
			return err
		}
		_, err = out.Write(content)
		return err
	}))
	testkit.OK(t, errors.Join(out.Close(), zip.Close(), file.Close()))
}

// unpack makes a folder of a file that pack has written.
func unpack(t *testing.T, name, dir string) {
	t.Helper()
	file := testkit.Must(os.Open(name))(t)
	defer file.Close()
	in := tar.NewReader(testkit.Must(gzip.NewReader(file))(t))
	for {
		header, err := in.Next()
		if errors.Is(err, io.EOF) {
			return
		}
		testkit.OK(t, err)
		path := filepath.Join(dir, filepath.FromSlash(header.Name))
		testkit.OK(t, os.MkdirAll(filepath.Dir(path), 0o700))
		testkit.OK(t, os.WriteFile(path, testkit.Must(io.ReadAll(in))(t), 0o600))
	}
}
