package main_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"reddot/events"
	"reddot/projector/testkit"
	"reddot/projector/testkit/natstest"
)

// testSkip: one command of the log is gone and all others have no payload, or
// the headers of control messages. Whoever reads the log names the one that is
// gone and goes on without it, and without no other.
func testSkip(t *testing.T, p program) {
	const gone, last = 3, 20
	url := natstest.Start(t).URL()
	nc := connect(t, url)
	js, s := jetStream(t, nc), subjects(t)
	config := jetstream.StreamConfig{Name: s.CommandStream(), Subjects: []string{s.Commands()}, MaxMsgSize: 1 << 20}
	stream, err := js.CreateStream(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	statuses := []string{"100", "200", "400", "404", "408", "409", "423", "503"}
	for i := range last {
		msg := &nats.Msg{Subject: "unread.cmd.user.alice.read-all", Header: nats.Header{"Status": {statuses[i%len(statuses)]}}}
		if i%2 == 0 {
			msg.Subject, msg.Data = "unread.cmd.user.alice.message", fmt.Appendf(nil, `{"id":"m%d","from":"bob"}`, i)
		}
		if _, err := js.PublishMsg(t.Context(), msg); err != nil {
			t.Fatal(err)
		}
	}
	if err := stream.DeleteMsg(t.Context(), gone); err != nil {
		t.Fatal(err)
	}
	config.DenyDelete = true
	if _, err := js.UpdateStream(t.Context(), config); err != nil {
		t.Fatal(err)
	}

	dir := t.TempDir()
	c := p.start(t, t.TempDir(), nil, "--nats", url, "--skip-seq", "4")
	testkit.Eventually(t, "it ends", c.over)
	c.result().failedAtEnd(t, "seq 4 can be read: start without --skip-seq 4")
	http := natstest.Address(t)
	c = p.start(t, dir, nil, "--nats", url, "--http", http)
	c.http = http
	c.unready(t, fmt.Sprintf("--skip-seq %d", gone))
	c.kill()
	c = p.serve(t, dir, "--nats", url, "--skip-seq", fmt.Sprint(gone))
	status := settled(t, nc, last)
	if len(status.Skipped) != 1 || status.Skipped[0] != gone || status.State != events.Live {
		t.Errorf("status: %+v", status)
	}
	for _, args := range [][]string{{"status"}, {"verify", "--data", t.TempDir(), "--snapshots", dir + "/snapshots"}} {
		text := p.run(t, nil, append(args, "--server", url)...).done(t)
		if !strings.Contains(text, fmt.Sprintf("seq %d", gone)) || args[0] == "verify" && !strings.Contains(text, "verified") {
			t.Errorf("%s says\n%s", args[0], text)
		}
	}
	export := []string{"export", "--server", url}
	p.run(t, nil, export...).failedAtEnd(t, fmt.Sprintf("--skip-seq %d", gone))
	r := p.run(t, nil, append(export, "--skip-seq", fmt.Sprint(gone))...)
	if lines := strings.Count(r.done(t), "\n"); lines != last-1-int(status.Refused) || !strings.Contains(r.stderr, "1 command that can't be read passed over") {
		t.Errorf("%d lines are exported:\n%s", lines, r.stderr)
	}
	p.run(t, nil, append(export, "--from", "5", "--to", "9")...).done(t)
	past := []string{"show", "alice", "--server", url, "--at", fmt.Sprint(last), "--snapshots", "off"}
	p.run(t, nil, past...).failedAtEnd(t, fmt.Sprintf("--skip-seq %d", gone))
	p.run(t, nil, append(past, "--skip-seq", fmt.Sprint(gone))...).done(t)
	c.terminate(t)
	c = p.serve(t, dir, "--nats", url) // it need not be named again
	if again := settled(t, nc, last); again.Digest != status.Digest || len(again.Skipped) != 1 {
		t.Errorf("after a restart: %+v", again)
	}
	c.terminate(t)
}
