package term_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"reddot/cmd/reddot/term"
	"reddot/events"
)

func TestNumbers(t *testing.T) {
	for n, want := range map[int64]string{0: "0", 999: "999", 1000: "1,000", 1_234_567: "1,234,567"} {
		if got := term.Grouped(n); got != want {
			t.Errorf("%d is shown as %s", n, got)
		}
	}
	for n, want := range map[int64]string{0: "0 commands", 1: "1 command", 2: "2 commands"} {
		if got := term.Several(n, "command"); got != want {
			t.Errorf("%d commands are shown as %s", n, got)
		}
	}
	if got := term.Number(events.Seq(1_234_567)); got != "1234567" {
		t.Errorf("a seq is shown as %s", got)
	}
	if term.Yes(true) != "yes" || term.Yes(false) != "" {
		t.Error("a flag")
	}
}

func TestClock(t *testing.T) {
	zone := time.FixedZone("", 3600)
	if got := term.Clock(1_774_008_000_123, zone); got != "2026-03-20T13:00:00.123+01:00" {
		t.Errorf("shown as %s", got)
	}
	if got := term.Clock(0, zone); got != "" {
		t.Errorf("no time is shown as %s", got)
	}
}

func TestPrintable(t *testing.T) {
	for id, want := range map[string]string{
		"alice": "alice", "李雷": "李雷", "a b": "a b", "": "", "a  b": `"a  b"`, " a": `" a"`, "evil\x1b[2J": `"evil\x1b[2J"`, "a\nb": `"a\nb"`, "\u202eb": `"\u202eb"`,
	} {
		if got := term.Printable(id); got != want {
			t.Errorf("%q is shown as %s, want %s", id, got, want)
		}
	}
}

func TestTable(t *testing.T) {
	table := term.NewTable("WHO", ">UNREAD", "LAST")
	table.Add("李雷", "7", "m1")
	table.Add("alice", "1234567", "")
	list := term.NewList()
	list.Add("User:", "alice")
	list.Add("Unread:", "3")
	sum := term.NewSum()
	sum.Add("", "12", "counted")
	sum.Add("-", "3", "revoked")
	want := "WHO      UNREAD   LAST\n李雷          7   m1\nalice   1234567\n" + "User:    alice\nUnread:  3\n" + "  12 counted\n-  3 revoked\n"
	if diff := cmp.Diff(want, table.String()+list.String()+sum.String()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestSize(t *testing.T) {
	for text, want := range map[string]term.Size{"1048576": 1 << 20, "1GiB": 1 << 30, "1.5 GiB": 3 << 29, "512MB": 512_000_000, "512mb": 512_000_000, "2T": 2_000_000_000_000} {
		var s term.Size
		if err := s.Set(text); err != nil || s != want {
			t.Errorf("%s is %d: %v", text, s, err)
		}
	}
	for _, text := range []string{"", "-1", "much", "1XB", "99999999TB"} {
		var s term.Size
		if err := s.Set(text); err == nil {
			t.Errorf("%q is %d", text, s)
		}
	}
	if s := term.Size(1 << 30); s.String() != "1GiB" {
		t.Errorf("1 GiB is shown as %s", &s)
	}
}
