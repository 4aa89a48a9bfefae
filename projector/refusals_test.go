package projector

import (
	"bytes"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"golang.org/x/time/rate"

	"reddot/events"
	"reddot/projector/fold"
	"reddot/projector/store"
)

// TestRefusalsAreLogged: the first ones each in a line that names them, those
// beyond the rate as a number.
func TestRefusalsAreLogged(t *testing.T) {
	var out bytes.Buffer
	r := newRefusals(slog.New(slog.NewTextHandler(&out, nil)))
	r.limit = rate.NewLimiter(rate.Every(time.Hour), 3)
	refuse := func(seq events.Seq, subject string) {
		r.add(&store.Entry{Seq: seq, Subject: subject}, &fold.Effects{Refused: "unknown verb"})
	}
	refuse(1, "unread.cmd.user.alice.mesage")
	refuse(2, "unread.cmd.user.\x1b[2Jalice\xff\u202e.mesage")
	r.add(&store.Entry{Seq: 3, Subject: "unread.cmd.group.nope.message"}, &fold.Effects{Unheard: true})
	r.add(&store.Entry{Seq: 4, Subject: "unread.cmd.user.alice.message"}, &fold.Effects{Ignored: true})
	for seq := range events.Seq(500) {
		refuse(5+seq, "unread.cmd."+strings.Repeat("x", 4000))
	}
	lines := strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n")
	if len(lines) != 3 {
		t.Fatalf("%d lines: %s", len(lines), out.String())
	}
	for i, want := range []string{
		`level=WARN msg="command refused" seq=1 subject=unread.cmd.user.alice.mesage reason="unknown verb"`,
		`level=WARN msg="command refused" seq=2 subject="\"unread.cmd.user.\\x1b[2Jalice` + "\uFFFD" + `\\u202e.mesage\"" reason="unknown verb"`,
		`level=WARN msg="message in a group without members: it counts for nobody" seq=3 subject=unread.cmd.group.nope.message`,
	} {
		if !strings.HasSuffix(lines[i], want) {
			t.Errorf("line %d is\n%s\nwant\n%s", i+1, lines[i], want)
		}
	}

	out.Reset()
	r.flush() // still beyond the rate
	if out.Len() > 0 {
		t.Errorf("told at once: %s", out.String())
	}
	r.limit = rate.NewLimiter(rate.Every(time.Hour), 2)
	r.flush()
	r.flush()
	refuse(600, strings.Repeat("y", 400))
	refuse(601, "left out again")
	want := fmt.Sprintf("left_out=500\n|seq=600 subject=%s... reason=\"unknown verb\"\n", strings.Repeat("y", refusalSubject))
	for i, part := range strings.Split(want, "|") {
		if lines := strings.SplitAfter(out.String(), "\n"); len(lines) != 3 || !strings.HasSuffix(lines[i], part) {
			t.Errorf("%d lines: %s", len(lines)-1, out.String())
		}
	}
}
