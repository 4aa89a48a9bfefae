package main_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"reddot/events"
	"reddot/projector/testkit"
)

// testExpiry: a message expires by itself, in a silent log; one that expires while the
// server is killed does so when it runs again. The clocks are in the log: the server is
// verified, and built anew, with the same state.
func testExpiry(t *testing.T, p program) {
	dir := t.TempDir()
	c := p.serve(t, dir, "--snapshots", "off")
	nc := connect(t, c.nats)
	run := func(args ...string) string {
		t.Helper()
		return p.run(t, nil, append(args, "--server", c.nats)...).done(t)
	}
	expiring := func(id string, after time.Duration) (at int64) {
		at = time.Now().Add(after).UnixMilli()
		run("send", "alice", "--from", "bob", "--id", id, "--expires-at", fmt.Sprint(at))
		return at
	}
	unread := func(n uint64) func() bool {
		return func() bool {
			reply, err := ask[events.TotalsReply](t.Context(), nc, subjects(t).Query("alice", events.QueryTotals), request{})
			return err == nil && reply.Totals.Unread == n
		}
	}
	run("send", "alice", "--from", "bob", "--id", "m0")
	expiring("m1", time.Second)
	expiring("m2", time.Hour)
	testkit.Eventually(t, "m1 expires", unread(2))
	if list := run("show", "alice"); !strings.Contains(list, "2") {
		t.Errorf("show prints %q", list)
	}
	at := expiring("m3", time.Second)
	settled(t, nc, 5)
	c.kill()
	testkit.Eventually(t, "the time of m3 comes", func() bool { return time.Now().UnixMilli() > at })
	c = p.serve(t, dir, "--snapshots", "off")
	nc = connect(t, c.nats)
	testkit.Eventually(t, "m3 expires", unread(2))
	if out := run("explain", "alice", "c2c_bob"); !strings.Contains(out, "m0") || !strings.Contains(out, "m2") || strings.Contains(out, "m1 ") {
		t.Errorf("explain prints %q", out)
	}
	status := settled(t, nc, 6)
	if n := status.Commands["clock"]; n < 1 || n > 2 || status.Applied != events.Seq(4+n) {
		t.Errorf("%d commands, %d of them clocks", status.Applied, n)
	}
	run("verify")
	run("rebuild")
	if now := settled(t, nc, status.Applied); now.Digest != status.Digest || now.Applied != status.Applied {
		t.Errorf("built anew: digest %s at seq %d, was %s at %d", now.Digest, now.Applied, status.Digest, status.Applied)
	}
	c.terminate(t)
}
