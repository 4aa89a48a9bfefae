package main

import (
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestReaders asks a real reddot who has read a group's messages.
func TestReaders(t *testing.T) {
	address, _ := served(t, t.TempDir(), "127.0.0.1:0")
	t.Setenv("NATS_URL", address)
	do := func(line string) string { return reddot(t, nil, strings.Fields(line)...).done(t) }
	do("join team alice bob carol dave")
	do("send --group team --from bob --id g1 --receipt --wait")
	reddot(t, nil, "readers", "bob", "team", "g1").failed(t, exitFailed, "unavailable (503)", "off")
	do("policy --group-receipts sender")
	do("send --group team --from bob --id g2")
	do("read alice group_team --upto g1 --at 1795456800000")
	do("read carol group_team --at 1795456800000 --wait")
	times := regexp.MustCompile(`\d{4}-\d\d-\d\dT\S+`)
	for line, want := range map[string]string{
		"readers bob team g1":           "g1 is read by 2 of 3\n\nREAD BY   AT\nalice     TIME\ncarol     TIME\n",
		"readers bob team g2":           "g2 is read by 1 of 3\n\nREAD BY   AT\ncarol     TIME\n",
		"readers bob team g1 --unread":  "g1 is read by 2 of 3\n\nNOT READ BY\ndave\n",
		"readers bob team g1 --limit 1": "g1 is read by 2 of 3\n\nREAD BY   AT\nalice     TIME\n... and more: --limit N shows them\n",
		"receipts bob team g1 g2 g9":    "MESSAGE   READ BY   OF\ng1              2    3\ng2              1    3\n",
		"receipts bob team g9":          "none of them is there\n",
		"receipts bob team g2 --json":   `{"user":"bob","version":6,"receipts":[{"id":"g2","read":1,"members":3}]}` + "\n",
	} {
		if diff := cmp.Diff(want, times.ReplaceAllString(do(line), "TIME")); diff != "" {
			t.Errorf("%s (-want +got):\n%s", line, diff)
		}
	}
	reddot(t, nil, "readers", "alice", "team", "g1").failed(t, exitFailed, "forbidden (403)")
	reddot(t, nil, "readers", "bob", "team", "g9").failed(t, exitFailed, "the group team has no message g9, or it was recalled")
}
