package main_test

import (
	"compress/gzip"
	"encoding/json"
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/nats-io/nats.go"
)

// known is what every user must see after a file's commands.
type known struct {
	Commands    uint64           `json:"commands"`
	Receipts    int              `json:"c2c_receipts"`
	SumTotals   uint64           `json:"sum_of_totals"`
	SumMentions uint64           `json:"sum_of_mentions"`
	Users       map[string]badge `json:"users"`
}

// badge is what one user sees; conversations with unread 0 are left out.
type badge struct {
	Total    uint64            `json:"total"`
	Mentions uint64            `json:"mentions"`
	Unread   map[string]uint64 `json:"unread"`
}

// testTraffic publishes real chat traffic and compares every user's counts
// with the known ones. The files lie beside the checkout, or where REDDOT_DATA
// says; where there are none there is nothing to compare.
func testTraffic(t *testing.T, p program) {
	dir := os.Getenv("REDDOT_DATA")
	if dir == "" {
		dir = filepath.Join("..", "..", "..", "shared", "data")
	}
	c2c, group := filepath.Join(dir, "college-c2c"), filepath.Join(dir, "ubuntu-group")
	for _, base := range []string{c2c, group} {
		if _, err := os.Stat(base + ".jsonl.gz"); errors.Is(err, fs.ErrNotExist) {
			t.Logf("nothing to compare: %v (REDDOT_DATA names another folder)", err)
			return
		}
	}
	c := p.serve(t, t.TempDir())
	nc := connect(t, c.nats)

	feed(t, p, c, c2c)
	want := readKnown(t, c2c)
	want.compare(t, nc)
	receipts := c.metric(t, "reddot_events_receipts_total")
	t.Logf("%.0f receipts were told for %d reads that send one", receipts, want.Receipts)

	feed(t, p, c, group)
	more := readKnown(t, group)
	more.compare(t, nc)
	if got, all := settled(t, nc, 0), want.Commands+more.Commands; uint64(got.Applied) != all || got.Refused != 0 {
		t.Errorf("applied %d of %d commands, refused %d", got.Applied, all, got.Refused)
	}
}

// feed publishes a file's commands and says how fast that was.
func feed(t *testing.T, p program, c *child, base string) {
	t.Helper()
	commandsBefore, rowsBefore := c.metric(t, "reddot_commands_applied_total"), c.metric(t, "reddot_rows_written_total")
	start := time.Now()
	p.run(t, nil, "publish", "--wait", "--server", c.nats, base+".jsonl.gz").done(t)
	took := time.Since(start).Seconds()
	commands := c.metric(t, "reddot_commands_applied_total") - commandsBefore
	rows := (c.metric(t, "reddot_rows_written_total") - rowsBefore) / commands
	t.Logf("%.0f commands in %.1f s, %.0f a second, their events stored; %.2f rows a command", commands, took, commands/took, rows)
}

func readKnown(t *testing.T, base string) (k known) {
	t.Helper()
	f, err := os.Open(base + ".expected.json.gz")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.NewDecoder(z).Decode(&k); err != nil {
		t.Fatal(err)
	}
	return k
}

// compare asks for every user's counts.
func (k known) compare(t *testing.T, nc *nats.Conn) {
	t.Helper()
	users := slices.Sorted(maps.Keys(k.Users))
	wrong := 0
	var totals, mentions uint64
	for i, list := range lists(t, nc, users, true) {
		got := badge{Total: list.Totals.Unread, Mentions: list.Totals.Mentions, Unread: map[string]uint64{}}
		for _, c := range list.Conversations {
			got.Unread[c.Conversation] = c.Unread
		}
		totals, mentions = totals+got.Total, mentions+got.Mentions
		if diff := cmp.Diff(k.Users[users[i]], got, cmpopts.EquateEmpty()); diff != "" {
			if wrong++; wrong <= 3 {
				t.Errorf("user %q (- known, + reddot):\n%s", users[i], strings.TrimSpace(diff))
			}
		}
	}
	if wrong > 0 || totals != k.SumTotals || mentions != k.SumMentions {
		t.Errorf("%d of %d users are wrong; %d unread of %d, %d mentions of %d", wrong, len(users), totals, k.SumTotals, mentions, k.SumMentions)
	}
}
