package main_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"reddot/events"
	"reddot/projector/testkit/natstest"
)

// testBackup loses the command stream and restores it from a backup, as NATS's
// own tools do: the server makes it anew, with another creation time. The old
// store, a new data folder and the snapshots go on with it, also when it was
// trimmed.
func testBackup(t *testing.T, p program) {
	url := natstest.Start(t).URL()
	nc := connect(t, url)
	snapshots := t.TempDir()
	var last events.Seq
	o := operate(t, p, "--nats", url, "--snapshots", snapshots, "--snapshot-keep", "9")
	o.publish(300)
	for range 2 {
		o.run("snapshot", "create").done(t)
		last = o.publish(100)
	}
	o.run("trim", "--snapshots", snapshots).done(t)
	before := settled(t, nc, last)
	o.stop()

	commands := subjects(t).CommandStream()
	backup := backUp(t, nc, commands)
	restored := func(t *testing.T, change func(*jetstream.StreamConfig)) {
		t.Helper()
		if err := jetStream(t, nc).DeleteStream(t.Context(), commands); err != nil {
			t.Fatal(err)
		}
		backup.restore(t, nc, change)
	}
	goesOn := func(t *testing.T) {
		t.Helper()
		o.start()
		now := settled(t, nc, before.Applied)
		if now.Digest != before.Digest {
			t.Errorf("digest %s, want %s", now.Digest, before.Digest)
		}
		o.run("verify", "--snapshots", snapshots).done(t)
		o.stop()
	}
	t.Run("old store", func(t *testing.T) {
		restored(t, nil)
		goesOn(t)
	})
	t.Run("new data folder", func(t *testing.T) {
		restored(t, nil)
		emptied(t, o.dir)
		goesOn(t)
	})
	t.Run("events lost", func(t *testing.T) {
		restored(t, nil)
		if err := jetStream(t, nc).DeleteStream(t.Context(), subjects(t).EventStream()); err != nil {
			t.Fatal(err)
		}
		goesOn(t)
	})
	t.Run("without its metadata", func(t *testing.T) {
		restored(t, func(c *jetstream.StreamConfig) { c.Metadata = nil })
		goesOn(t)
	})
	t.Run("other commands", func(t *testing.T) {
		config := backup.config
		config.Metadata = nil
		js := jetStream(t, nc)
		if err := js.DeleteStream(t.Context(), commands); err != nil {
			t.Fatal(err)
		}
		if _, err := js.CreateStream(t.Context(), config); err != nil {
			t.Fatal(err)
		}
		for i := range int(before.Applied) {
			publish(t, nc, "unread.cmd.user.mallory.message", fmt.Sprintf(`{"id":"m%d","from":"eve"}`, i))
		}
		p.run(t, nil, "serve", "--data", o.dir, "--nats", url, "--http", "", "--log-level", "error").failed(t, 1, "belongs to another stream")
	})
}

// emptied removes all that is in a folder.
func emptied(t *testing.T, dir string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if err := os.RemoveAll(filepath.Join(dir, e.Name())); err != nil {
			t.Fatal(err)
		}
	}
}

// backedUp is a stream as the server gives it out and takes it back.
type backedUp struct {
	config jetstream.StreamConfig
	state  json.RawMessage
	chunks [][]byte
}

// jsAPI makes a request of the JetStream API.
func jsAPI(t *testing.T, nc *nats.Conn, subject string, body, reply any) {
	t.Helper()
	request, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	msg, err := nc.Request(subject, request, waitTimeout)
	if err != nil {
		t.Fatal(err)
	}
	var failed struct {
		Error *jetstream.APIError `json:"error"`
	}
	if err := errors.Join(json.Unmarshal(msg.Data, &failed), json.Unmarshal(msg.Data, reply)); err != nil || failed.Error != nil {
		t.Fatalf("%s: %v %v", subject, err, failed.Error)
	}
}

// backUp backs a stream up, as "nats stream backup" does.
func backUp(t *testing.T, nc *nats.Conn, stream string) (b backedUp) {
	t.Helper()
	inbox := nc.NewInbox()
	sub, err := nc.SubscribeSync(inbox)
	if err != nil {
		t.Fatal(err)
	}
	defer sub.Unsubscribe()
	var head struct {
		Config jetstream.StreamConfig `json:"config"`
		State  json.RawMessage        `json:"state"`
	}
	jsAPI(t, nc, "$JS.API.STREAM.SNAPSHOT."+stream, map[string]any{"deliver_subject": inbox, "chunk_size": 64 << 10}, &head)
	b.config, b.state = head.Config, head.State
	for {
		msg, err := sub.NextMsg(waitTimeout)
		if err != nil {
			t.Fatal(err)
		}
		if len(msg.Data) == 0 {
			return b
		}
		b.chunks = append(b.chunks, msg.Data)
		if msg.Reply != "" {
			if err := msg.Respond(nil); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// restore makes the stream anew from its backup, as "nats stream restore" does;
// change, unless nil, changes its configuration.
func (b backedUp) restore(t *testing.T, nc *nats.Conn, change func(*jetstream.StreamConfig)) {
	t.Helper()
	config := b.config
	if change != nil {
		change(&config)
	}
	var to struct {
		Deliver string `json:"deliver_subject"`
	}
	jsAPI(t, nc, "$JS.API.STREAM.RESTORE."+config.Name, map[string]any{"config": config, "state": b.state}, &to)
	for _, chunk := range b.chunks {
		if _, err := nc.Request(to.Deliver, chunk, waitTimeout); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := nc.Request(to.Deliver, nil, waitTimeout); err != nil {
		t.Fatal(err)
	}
	stream, err := jetStream(t, nc).Stream(t.Context(), config.Name)
	if err != nil {
		t.Fatal(err)
	}
	if age := time.Since(stream.CachedInfo().Created); age > waitTimeout {
		t.Fatalf("the stream was not made anew: it is %v old", age)
	}
}
