package main_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"reddot/events"
	"reddot/projector/fold"
	stores "reddot/projector/store"
	"reddot/projector/testkit"
)

// testTrim removes old commands from the log. What needs them says which
// snapshot does without.
func testTrim(t *testing.T, p program) {
	o := operate(t, p, "--snapshot-keep", "9")
	o.publish(400)
	o.stop()
	old := filepath.Join(t.TempDir(), "old")
	if err := os.CopyFS(old, os.DirFS(filepath.Join(o.dir, "store"))); err != nil {
		t.Fatal(err)
	}
	o.start()
	o.run("trim").failed(t, 1, "there are no snapshots in", "reddot snapshot create")
	for range 3 { // at 500, 600 and 700
		o.publish(100)
		if o.snapshot() == 500 {
			o.run("trim", "--dry-run").reports(t, "fewer than two sound snapshots", "reddot snapshot create")
		}
	}
	o.publish(50)
	status := o.status()
	for i := range 3 {
		o.interrupt(time.Duration(i*20)*time.Millisecond, "trim", "--dry-run", "--data", o.dir)
	}
	for _, c := range []struct{ line, prints string }{
		{"trim --dry-run", "600 commands could be removed, seq 1 to 600\n"},
		{"trim --upto 250 --dry-run", "250 commands could be removed, seq 1 to 250\n"},
		{"trim --upto 250", "250 commands removed; the log begins at seq 251\n"},
		{"trim --upto 250", "nothing to remove: the log begins at seq 251\n"},
		{"trim", "350 commands removed; the log begins at seq 601\n"},
		{"trim", "nothing to remove: the log begins at seq 601\n"},
	} {
		if got := o.run(strings.Fields(c.line)...).done(t); got != c.prints {
			t.Errorf("%s prints %q, want %q", c.line, got, c.prints)
		}
	}
	o.run("trim", "--upto", "601").reports(t, "only commands up to seq 600 may be removed")
	if n := strings.Count(o.run("export").done(t), "\n"); n != 150 {
		t.Errorf("exported %d commands, want 150", n)
	}
	o.run("export", "--from", "600").failed(t, 1, "the log holds commands 601 to 750")
	o.trimmedPast(t)

	matches(t, "verified: the state at seq 750 is what the log says from seq 601 on, .*", o.run("verify").done(t))
	matches(t, "verified: the state at seq 700 .* from seq 601 on, .*", o.run("verify", "--against", "700").done(t))
	o.run("verify", "--against", "600").failed(t, 1, "the log begins at seq 601, so it can't be folded up to seq 600 again", `"reddot snapshot verify 600"`)
	o.run("verify", "--snapshots", t.TempDir()).failed(t, 1, "the log begins at seq 601, and there is no sound snapshot of seq 600 to 750", "--snapshots")

	// A rebuild begins with the oldest that will do, for the newest may be as
	// wrong as the store is.
	o.forgeLast(t)
	o.run("verify").broken(t, ".*conversation of .*should: .*", `"reddot rebuild"`)
	r := o.run("rebuild")
	matches(t, "the new store is in use since seq 751; the old one was not what the log says\n", r.done(t))
	matches(t, "151 commands folded in .*", r.stderr)
	wrong := o.snapshots()[0]
	o.run("snapshot", "remove", wrong).done(t)
	o.run("verify").done(t)
	status = o.status()
	o.stop()

	// The store is gone: the server takes the newest snapshot by itself.
	if err := os.RemoveAll(filepath.Join(o.dir, "store")); err != nil {
		t.Fatal(err)
	}
	o.start()
	if now := settled(t, connect(t, o.server.nats), status.Applied); now.Digest != status.Digest {
		t.Errorf("digest %s, want %s", now.Digest, status.Digest)
	}
	o.stop()
	// A store from before: it can't go on, and which snapshot can is said.
	if err := os.RemoveAll(filepath.Join(o.dir, "store")); err != nil {
		t.Fatal(err)
	}
	if err := os.CopyFS(filepath.Join(o.dir, "store"), os.DirFS(old)); err != nil {
		t.Fatal(err)
	}
	o.refuses().failed(t, 1, "begins at seq 601, but the store needs seq 401 next", `"reddot snapshot restore 751"`)
	o.run("snapshot", "restore", "500").failed(t, 1, "is of seq 500, and the log begins at seq 601: what comes between is gone; 751 can be used")
	o.refuses("--snapshots", t.TempDir()).failed(t, 1, "name the right one with --snapshots")
	o.run("snapshot", "restore", "751").done(t)
	o.start()
	if now := settled(t, connect(t, o.server.nats), status.Applied); now.Digest != status.Digest {
		t.Errorf("digest %s, want %s", now.Digest, status.Digest)
	}
	o.stop()
	matches(t, "[0-9]+ snapshots removed, 2 kept, [0-9,]+ bytes freed\n", o.run("snapshot", "prune", "--keep", "2").done(t))
	if ids := o.snapshots(); len(ids) != 2 || !strings.Contains(ids[0], "751") {
		t.Errorf("kept %v", ids)
	}
	// Neither store nor snapshot.
	for _, folder := range []string{"store", "snapshots"} {
		if err := os.RemoveAll(filepath.Join(o.dir, folder)); err != nil {
			t.Fatal(err)
		}
	}
	o.refuses().failed(t, 1, "begins at seq 601, but the store needs seq 1 next", "restore a snapshot of seq 600 or later", "there are none")
}

// trimmedPast asks for states from before the log's first command.
func (o *operator) trimmedPast(t *testing.T) {
	t.Helper()
	for _, c := range []struct {
		at    string
		words string // of the error; none if empty
	}{
		{at: "500"}, // the snapshot's own
		{at: "600"},
		{at: "601"},
		{"599", "the log begins at seq 601, and there is no sound snapshot of seq 599: name the place of the snapshots with --data or --snapshots, or ask for seq 600 or later"},
		{"0", "and there is no sound snapshot of seq 0"},
		{"2001-02-03", "--at 2001-02-03: that is before seq 601, at which the log begins now"},
		{at: o.takenIn(601).Add(-1).Format(time.RFC3339Nano)},
		{at: o.takenIn(601).Format(time.RFC3339Nano)},
	} {
		r := o.run("show", "a", "--at", c.at)
		if c.words == "" {
			r.done(t)
		} else {
			r.failed(t, 1, c.words)
		}
	}
}

// forgeLast has one more command folded otherwise than the log says.
func (o *operator) forgeLast(t *testing.T) {
	t.Helper()
	o.stop()
	dir := o.current(t)
	forged := filepath.Join(t.TempDir(), "forged")
	if err := os.CopyFS(forged, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	o.start()
	last := publish(t, connect(t, o.server.nats), "unread.cmd.user.dora.message", `{"id":"m1","from":"emil"}`)
	settled(t, connect(t, o.server.nats), last)
	s, err := stores.Open(stores.Config{Dir: forged, Identity: o.log().Identity()})
	if err != nil {
		t.Fatal(err)
	}
	var fx fold.Effects
	err = o.log().ReadTo(t.Context(), s.Position().Applied, last, func(e *stores.Entry) error {
		e.Command.Silent = true
		return s.Apply(e, &fx)
	})
	if err == nil {
		_, err = s.Commit()
	}
	if err = errors.Join(err, s.Close()); err != nil {
		t.Fatal(err)
	}
	o.stop()
	o.putStore(forged)
	o.start()
}

// testTrimPolicy has the server trim by itself.
func testTrimPolicy(t *testing.T, p program) {
	o := operate(t, p, "--snapshot-every", "100", "--snapshot-keep", "2", "--trim")
	var last events.Seq
	testkit.Eventually(t, "the log is trimmed", func() bool {
		last = o.publish(100)
		first, _, err := o.log().Range(t.Context())
		return err == nil && first > 100
	})
	o.run("verify").done(t)
	if !strings.Contains(o.server.stderr.String(), "the log was trimmed") {
		t.Errorf("it is not logged:\n%s", o.server.stderr)
	}
	status := o.status()
	o.stop()
	if err := os.RemoveAll(filepath.Join(o.dir, "store")); err != nil {
		t.Fatal(err)
	}
	o.start()
	if now := settled(t, connect(t, o.server.nats), last); now.Digest != status.Digest {
		t.Errorf("digest %s, want %s", now.Digest, status.Digest)
	}
	o.refuses("--snapshots", "off").failed(t, 2, "--trim needs snapshots: leave out --snapshots off")
}
