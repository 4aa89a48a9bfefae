package main

import (
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestThreads shows, explains and watches the threads of a real reddot.
func TestThreads(t *testing.T) {
	address, _ := served(t, t.TempDir(), "127.0.0.1:0")
	t.Setenv("NATS_URL", address)
	do := func(line string) string { return reddot(t, nil, strings.Fields(line)...).done(t) }
	do("policy --threads apart")
	do("join team alice bob")
	do("send --group team --from bob --id g1")
	do("send --group team --from bob --id g2 --thread g1")
	do("follow alice group_team g1")
	do("send --group team --from bob --id g3 --thread g1 --mention alice")
	do("send --group team --from bob --id g4 --thread g4x --wait")
	times := regexp.MustCompile(`\d{4}-\d\d-\d\dT\S+`)
	shown := func(line string) string { return times.ReplaceAllString(do(line), "TIME") }
	w := watch(t, "alice", "--server", "nats://"+address)
	lines := strings.Join(w.until(t, "totals: "), "\n")
	if !strings.Contains(lines, "group_team thread g1: 1 unread, 1 mention, last g3 from bob") || !strings.Contains(lines, "threads 1 unread in 1 thread, 1 mention") {
		t.Errorf("watch prints %s", lines)
	}
	for line, want := range map[string]string{
		"threads alice": "User:     alice\nVersion:  6\n\n" +
			"CONVERSATION   THREAD   UNREAD   MENTIONS   FLAGS      FIRST UNREAD   LAST MESSAGE   FROM   AT\n" +
			"group_team     g1            1          1   followed   g3             g3             bob    TIME\n",
		"threads alice group_team --limit 1": "User:     alice\nVersion:  6\n\n" +
			"CONVERSATION   THREAD   UNREAD   MENTIONS   FLAGS   FIRST UNREAD   LAST MESSAGE   FROM   AT\n" +
			"group_team     g4x           0          0                          g4             bob    TIME\n... and more: --limit N shows them\n",
		"threads alice --json --unread": `{"user":"alice","version":6,"threads":[{"conversation":"group_team","thread":"g1","unread":1,"mentions":1,"following":true,"last_message":{"id":"g3","from":"bob","at":AT},"first_unread":"g3","version":6}]}` + "\n",
	} {
		got := regexp.MustCompile(`"at":\d+`).ReplaceAllString(shown(line), `"at":AT`)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", line, diff)
		}
	}
	if got := do("explain alice group_team --thread g1"); !strings.Contains(got, "Thread:        g1\n") || !strings.Contains(got, "= 1 unread, of them 1 mention\n") || !strings.Contains(got, "\ng3 ") {
		t.Errorf("explain prints\n%s", got)
	}
	if now, past := do("explain alice group_team --thread g1"), do("explain alice group_team --thread g1 --snapshots off --at 7"); now != past {
		t.Errorf("at the same seq explain prints\n%s\nand now\n%s", past, now)
	}
	do("read alice group_team --thread g1 --wait")
	w.until(t, "group_team thread g1: 0 unread, last g3 from bob")
	do("unfollow alice group_team g1 --wait")
	w.until(t, "group_team thread g1: followed no more")
	w.end(t)
	reddot(t, nil, "threads", "alice", "group_other").failed(t, exitFailed, "alice has no conversation group_other in the list")
}
