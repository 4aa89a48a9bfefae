package main_test

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"reddot/events"
)

// answers are what the program says of a user, as JSON: the list, and the first
// conversation of it.
func (o *operator) answers(user string, more ...string) (all []string) {
	o.t.Helper()
	say := func(args ...string) {
		all = append(all, o.run(append(append(args, "--json"), more...)...).done(o.t))
	}
	say("show", user, "--all")
	var list events.ConversationsReply
	if err := json.Unmarshal([]byte(all[0]), &list); err != nil {
		o.t.Fatal(err)
	}
	if len(list.Conversations) > 0 {
		say("show", user, list.Conversations[0].Conversation)
		say("explain", user, list.Conversations[0].Conversation)
	}
	return all
}

// testPast asks for past states: each is, byte for byte, what the server said
// then, whichever way it is asked for.
func testPast(t *testing.T, p program) {
	o := operate(t, p)
	const user = "a"
	type moment struct {
		seq  events.Seq
		at   time.Time
		said []string
	}
	var moments []moment
	for range 3 {
		seq := o.publish(300)
		moments = append(moments, moment{seq, o.takenIn(seq), o.answers(user)})
	}
	o.publish(100)
	compare := func(m moment, more ...string) {
		t.Helper()
		if diff := cmp.Diff(m.said, o.answers(user, more...)); diff != "" {
			t.Errorf("%v (- then, + now):\n%s", more, diff)
		}
	}
	for _, m := range moments {
		compare(m, "--at", strconv.Itoa(int(m.seq)))
	}
	compare(moments[1], "--at", moments[1].at.Format(time.RFC3339Nano))
	compare(moments[1], "--at", moments[1].at.UTC().Format("2006-01-02T15:04:05.999999999Z"), "--snapshots", "off")
	if r := o.run("show", "a", "--at", "300"); !strings.Contains(r.stderr, "300 commands folded in ") || !strings.Contains(r.stderr, "the state after command 300, taken in at 20") {
		t.Errorf("it does not say which state it shows: %s", r.stderr)
	}

	// From snapshots the same, with less to fold.
	o.snapshot()
	o.publish(100)
	for _, m := range moments {
		compare(m, "--at", strconv.Itoa(int(m.seq)))
	}
	now := o.snapshot()
	compare(moment{said: o.answers(user)}, "--at", strconv.Itoa(int(now)))
	if r := o.run("show", "a", "--at", strconv.Itoa(int(now))); !strings.Contains(r.stderr, "0 commands folded in ") {
		t.Errorf("it folds though there is a snapshot: %s", r.stderr)
	}
	if r := o.run("show", "a", "--at", strconv.Itoa(int(now)-1)); !strings.Contains(r.stderr, "99 commands folded in ") {
		t.Errorf("it does not fold from the snapshot before: %s", r.stderr)
	}

	// The ends of the log.
	for _, when := range []string{"0", "2000-01-01", "1970-01-02 03:04"} {
		r := o.run("show", "a", "--json", "--at", when)
		if got := r.done(t); got != `{"user":"a","version":0,"totals":{"unread":0,"c2c":0,"group":0,"mentions":0,"conversations":0,"muted":0},"conversations":[]}`+"\n" {
			t.Errorf("--at %s shows %s", when, got)
		}
		if !strings.Contains(r.stderr, "the state before the first command\n") {
			t.Errorf("--at %s says %s", when, r.stderr)
		}
	}
	compare(moment{said: o.answers(user)}, "--at", "2200-01-01T00:00:00+02:00")
	o.run("show", "a", "--at", fmt.Sprint(now+1)).failed(t, 1, fmt.Sprintf("--at %d: the log ends at seq %d", now+1, now))
	o.run("show", "a", "c2c_nobody", "--at", "5").reports(t, "a has no conversation c2c_nobody in the list")
	for _, when := range []string{"-1", "yesterday", "2262-01-01", "1969-12-31"} {
		o.run("show", "a", "--at", when).failed(t, 2, "--at", when, "--help")
	}
	o.run("explain", "a", "c2c_b", "--at", "5", "--after-seq", "4").failed(t, 2, "--after-seq is for the present")
	o.run("show", "a", "--at", "5", "--snapshots", "bucket:none").failed(t, 1, "there is no bucket none", "--snapshots")
	o.run("show", "a", "--at", "5", "--snapshots", "/nowhere").failed(t, 1, "there are no snapshots in /nowhere", "--snapshots")
	for i := range 4 {
		o.interrupt(time.Duration(i*10)*time.Millisecond, "show", "a", "--at", "900", "--data", o.dir)
	}
	o.clean()
}
