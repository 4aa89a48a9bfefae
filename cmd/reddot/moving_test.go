package main

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestMovingIn imports the counts of another system into a real reddot beside live
// commands, once, and compares.
func TestMovingIn(t *testing.T) {
	address, _ := served(t, t.TempDir(), "127.0.0.1:0")
	t.Setenv("NATS_URL", address)
	do := func(line string) string { return reddot(t, nil, strings.Fields(line)...).done(t) }
	do("join team bob carol")
	do("send alice --from bob --id live1") // before the import
	do("send --group team --from bob --id g1")
	table := `user,conversation,unread,mentions,read_at,last_id,last_from,last_at,muted,labels
alice,c2c_bob,3,1,1795456800000,m9,bob,1795456800123,,pinned|work
alice,group_team,5,0,,,,,true,
alice,c2c_carol,0,,,m3,alice,1795456800000,,
bob,c2c_alice,2,,,,,,,
`
	path := file(t, "counts.csv", []byte(table))
	out := do("import --hold --wait " + path)
	if want := regexp.MustCompile(`^imported 4 conversations of 2 users in 2 commands: 10 unread, 1 mention; last seq \d+\n$`); !want.MatchString(out) {
		t.Errorf("stdout %q", out)
	}
	do("send alice --from bob --id live2 --wait") // and after it
	sums := func() map[string]string {
		got := map[string]string{}
		for _, name := range []string{"c2c_bob", "group_team", "c2c_carol"} {
			out := do("explain alice " + name)
			got[name] = strings.Join(strings.Fields(regexp.MustCompile(`(?m)^= .*$`).FindString(out)), " ")
			if carried := regexp.MustCompile(`(?m)^\+ .*$`).FindString(out); carried != "" {
				got[name] += ", " + strings.Join(strings.Fields(carried), " ")
			}
		}
		return got
	}
	want := map[string]string{
		"c2c_bob":    "= 5 unread, of them 1 mention, + 3 carried over by an import",
		"group_team": "= 6 unread, of them 0 mentions, + 5 carried over by an import",
		"c2c_carol":  "= 0 unread, of them 0 mentions",
	}
	if diff := cmp.Diff(want, sums()); diff != "" {
		t.Errorf("after the import (-want +got):\n%s", diff)
	}
	list := do("show alice")
	for _, words := range []string{"Unread:    5 (c2c 5, group 0)", "Muted:     6", "pinned, work"} {
		if !strings.Contains(list, words) {
			t.Errorf("show lacks %q:\n%s", words, list)
		}
	}
	do("import --wait " + path) // once more: nothing changes
	if diff := cmp.Diff(want, sums()); diff != "" {
		t.Errorf("imported twice (-want +got):\n%s", diff)
	}
	now := strings.NewReplacer("c2c_bob,3,1,1795456800000,m9,bob,1795456800123", "c2c_bob,5,1,1795456800000,,,", "group_team,5", "group_team,6", "c2c_carol,0,,,m3,alice,1795456800000", "c2c_carol,0,,,,,").Replace(table)
	if out := do("compare " + file(t, "now.csv", []byte(now))); out != "0 of 4 conversations of 2 users differ: 13 unread in now.csv, 13 in reddot\n" {
		t.Errorf("compare prints %q", out)
	}
	do("read alice c2c_bob --wait")
	if got := sums()["c2c_bob"]; got != "= 0 unread, of them 0 mentions" {
		t.Errorf("after a read: %s", got)
	}
	do("erase alice")
	do("import --wait " + path) // erase allows it again
	if got := do("show alice c2c_bob"); !regexp.MustCompile(`(?m)^Unread: +3$`).MatchString(got) {
		t.Errorf("imported again:\n%s", got)
	}
}

// TestImportHolds: with --hold a listener hears once of what several imports change.
func TestImportHolds(t *testing.T) {
	address, _ := served(t, t.TempDir(), "127.0.0.1:0")
	t.Setenv("NATS_URL", address)
	w := watch(t, "alice", "--server", "nats://"+address)
	w.until(t, "totals: 0 unread")
	var b strings.Builder
	b.WriteString("user,conversation,unread\n")
	const n = 3_500
	for i := range n {
		fmt.Fprintf(&b, "alice,c2c_p%d,1\n", i)
	}
	reddot(t, strings.NewReader(b.String()), "import", "-", "--hold", "--rate", "2000", "--wait").done(t)
	totals := 0
	for _, line := range w.until(t, fmt.Sprintf("totals: %d unread", n)) {
		if strings.Contains(line, "totals: ") {
			totals++
		}
	}
	// The change rides in as many events as the list needs, all with the totals of the end.
	if totals != 1 {
		t.Errorf("the totals are told %d times", totals)
	}
	w.end(t)
}
