package main_test

import (
	"fmt"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2"

	"reddot/events"
	stores "reddot/projector/store"
	"reddot/projector/store/generation"
	"reddot/projector/testkit"
)

// matches checks a text against a pattern that is anchored at both ends.
func matches(t *testing.T, pattern, text string) {
	t.Helper()
	if !regexp.MustCompile(`^(?s:` + pattern + `)$`).MatchString(text) {
		t.Errorf("want %s\ngot  %s", pattern, text)
	}
}

// broken checks that a run found a fault: it exits with 1, names the fault on
// standard output and says what to do in one line.
func (r result) broken(t *testing.T, finding, advice string) {
	t.Helper()
	matches(t, finding, r.stdout)
	r.stdout = ""
	r.reports(t, advice)
}

// testVerify compares the server's state with the log: as it is, and with a
// store that is not what the log says.
func testVerify(t *testing.T, p program) {
	o := operate(t, p)
	matches(t, "verified: the state at seq 0 is what the log says from seq 1 on, digest [0-9a-f]{16}\n", o.run("verify").done(t))
	first := o.publish(800)
	early := o.snapshot()
	o.publish(700)
	status := o.status()
	verified := func(s events.Status) string {
		return fmt.Sprintf("verified: the state at seq %d is what the log says from seq 1 on, digest %s\n", s.Applied, s.Digest)
	}
	r := o.run("verify")
	if want := verified(status); r.done(t) != want {
		t.Errorf("verify prints %q, want %q", r.stdout, want)
	}
	matches(t, "1,500 commands folded in .*, [0-9,]+/s\n", r.stderr)
	matches(t, fmt.Sprintf("verified: the state at seq %d .*", first), o.run("verify", "--against", fmt.Sprint(early)).done(t))
	o.run("verify", "--against", "7").failed(t, 1, "snapshot 7", "not found", "there are")
	for i := range 6 {
		o.interrupt(time.Duration(i*15)*time.Millisecond, "verify", "--data", o.dir)
	}

	// One message that counts did not count.
	last := publish(t, connect(t, o.server.nats), "unread.cmd.user.dora.message", `{"id":"m1","from":"emil"}`)
	status = settled(t, connect(t, o.server.nats), last)
	o.forge(func(e *stores.Entry) { e.Command.Silent = e.Command.Silent || e.Seq == last })
	o.run("verify").broken(t, "conversation of dora with c2c_emil\n  is:     .*\n  should: .*\nmessage 1 of .*", `"reddot rebuild"`)
	matches(t, fmt.Sprintf("the new store is in use since seq %d; the old one was not what the log says\n", last), o.run("rebuild").done(t))
	if now := o.status(); now.Digest != status.Digest {
		t.Errorf("rebuilt with digest %s, want %s", now.Digest, status.Digest)
	}
	// The snapshot of the wrong state is in the way of one of the same seq.
	wrong := o.snapshots()[0]
	o.run("snapshot", "create").failed(t, 1, wrong, "one of them is wrong")
	o.run("verify", "--against", wrong).broken(t, ".*should.*", `"reddot snapshot remove"`)
	if got := o.run("snapshot", "remove", wrong).done(t); got != wrong+": removed\n" {
		t.Errorf("remove prints %q", got)
	}
	if got, want := o.run("verify").done(t), verified(status); got != want {
		t.Errorf("verify prints %q, want %q", got, want)
	}
	o.overwriteRow(t, status)
}

// current is the folder of the store in use.
func (o *operator) current(t *testing.T) string {
	t.Helper()
	dir, ok := testkit.Must(generation.Open(nil, filepath.Join(o.dir, "store")))(t).Current()
	if !ok {
		t.Fatal("there is no store")
	}
	return dir
}

// overwriteRow changes a row behind the server's back. No snapshot is taken of
// such a store: it is built anew.
func (o *operator) overwriteRow(t *testing.T, want events.Status) {
	t.Helper()
	o.stop()
	dir := o.current(t)
	db, err := pebble.Open(dir, &pebble.Options{FormatMajorVersion: pebble.FormatNewest, Logger: silent{}})
	if err != nil {
		t.Fatal(err)
	}
	it, err := db.NewIter(nil)
	if err != nil {
		t.Fatal(err)
	}
	if !it.SeekGE([]byte("c")) { // the conversations
		t.Fatal("the store has no conversation")
	}
	key := append([]byte(nil), it.Key()...)
	if err := it.Close(); err != nil {
		t.Fatal(err)
	}
	if err := db.Delete(key, nil); err != nil {
		t.Fatal(err)
	}
	if err := db.Flush(); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	o.start()
	o.run("verify").failed(t, 1, "no snapshot of it is published", "add up to")
	nc := connect(t, o.server.nats)
	testkit.Eventually(t, "the store is built anew", func() bool {
		now, err := ask[events.Status](t.Context(), nc, subjects(t).Status(), request{AfterSeq: want.Applied})
		return err == nil && now.State == "live" && now.Digest == want.Digest && strings.Contains(o.server.stderr.String(), "built anew")
	})
	o.run("verify").done(t)
}

// silent is a Pebble log that nobody reads.
type silent struct{}

func (silent) Infof(string, ...any)  {}
func (silent) Errorf(string, ...any) {}
func (silent) Fatalf(format string, args ...any) {
	panic(fmt.Sprintf(format, args...))
}

// testVerifyDigest verifies a server that takes no snapshots: by its digest.
func testVerifyDigest(t *testing.T, p program) {
	o := operate(t, p, "--snapshots", "off")
	last := o.publish(300)
	r := o.run("verify")
	matches(t, fmt.Sprintf("verified: the state at seq %d .*", last), r.done(t))
	matches(t, "only the digest is compared.*snapshots are off.*\n300 commands folded.*\n", r.stderr)
	o.run("snapshot", "create").failed(t, 1, "snapshots are off: start serve without --snapshots off")
	o.run("snapshot", "list").failed(t, 1, "there are no snapshots in", "reddot snapshot create", "--snapshots")
	o.run("trim").failed(t, 1, "there are no snapshots in")
	o.forge(func(e *stores.Entry) { e.Command.Silent = true })
	o.run("verify").broken(t, "", "the rows can't be compared")
}
