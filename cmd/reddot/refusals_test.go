package main

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats-server/v2/server"
	"golang.org/x/sync/errgroup"

	"reddot/projector/testkit/natstest"
)

const (
	join    = `{"subject":"unread.cmd.group.team.join","payload":{"users":["alice"]}}`
	inTeam  = `{"subject":"unread.cmd.user.alice.read","payload":{"conversation":"group_team"}}`
	strange = `{"subject":"unread.cmd.user.alice.read","payload":{"conversation":"group_zzz"}}`
)

// TestPublishReportsRefusals: with --wait, a command that was stored and then
// refused is an error, and it is said which one.
func TestPublishReportsRefusals(t *testing.T) {
	address, _ := served(t, t.TempDir(), "127.0.0.1:0")
	t.Setenv("NATS_URL", address)
	lines := strings.Join([]string{join, "", inTeam, strange, inTeam, strange}, "\n")
	r := reddot(t, strings.NewReader(lines), "publish", "--wait", "--json")
	var got published
	if err := json.Unmarshal([]byte(r.stdout), &got); err != nil {
		t.Fatal(err, r)
	}
	two, reason := int64(2), "not a member of the group"
	want := published{Published: 5, LastSeq: 5, Refused: &two, Refusals: []refusal{
		{4, 3, "unread.cmd.user.alice.read", reason}, {6, 5, "unread.cmd.user.alice.read", reason},
	}}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	if r.code != exitFailed || !strings.HasSuffix(r.stderr, "reddot: 2 commands were refused\n") {
		t.Errorf("exit code %d, stderr %q", r.code, r.stderr)
	}

	r = reddot(t, strings.NewReader(join+"\n"+strange), "publish", "--wait")
	want2 := "published 2 commands, last seq 7\n\n" +
		"LINE   SEQ   REFUSED                      REASON\n" +
		"   2     7   unread.cmd.user.alice.read   not a member of the group\n"
	if d := cmp.Diff(want2, r.stdout); d != "" || r.code != exitFailed {
		t.Errorf("exit code %d, %s", r.code, d)
	}
	if !strings.HasSuffix(r.stderr, "reddot: 1 command was refused\n") {
		t.Errorf("stderr %q", r.stderr)
	}
	if out := reddot(t, strings.NewReader(join), "publish", "--wait", "--json").done(t); out != `{"published":1,"last_seq":8,"refused":0}`+"\n" {
		t.Errorf("stdout %q", out)
	}
}

// TestPublishReportsItsOwnRefusals: those of others who publish at the same time,
// and what anybody may have put on the subject, are none of its business.
func TestPublishReportsItsOwnRefusals(t *testing.T) {
	address, _ := served(t, t.TempDir(), "127.0.0.1:0")
	t.Setenv("NATS_URL", address)
	nc := connect(t, "nats://"+address)
	const lines, publishers = 2_000, 3
	var g errgroup.Group
	for p := range publishers {
		rng := rand.New(rand.NewPCG(1, uint64(p)))
		var text strings.Builder
		var want []int
		for line := 1; line <= lines; line++ {
			if rng.IntN(10) == 0 {
				want = append(want, line)
				fmt.Fprintln(&text, strange)
			} else {
				fmt.Fprintln(&text, messageLine(line))
			}
			if line%100 == 0 { // on the core subject alone, and stored
				for _, subject := range []string{"unread.rejected", "unread-out.0.rejected"} {
					if err := nc.Publish(subject, fmt.Appendf(nil, `{"seq":%d,"subject":"x","reason":"forged"}`, line)); err != nil {
						t.Fatal(err)
					}
				}
			}
		}
		g.Go(func() error {
			r := reddotContext(t.Context(), strings.NewReader(text.String()), "publish", "--wait", "--json")
			var got published
			if err := json.Unmarshal([]byte(r.stdout), &got); err != nil {
				return fmt.Errorf("%w: %v", err, r)
			}
			if r.code != exitFailed || *got.Refused != int64(len(want)) || len(got.Refusals) != min(len(want), shownRefusals) {
				return fmt.Errorf("exit code %d, %d refused, want %d: %s", r.code, *got.Refused, len(want), r.stderr)
			}
			for i, refused := range got.Refusals {
				if refused.Line != want[i] || refused.Reason != "not a member of the group" {
					return fmt.Errorf("refusal %d is %+v, want line %d", i, refused, want[i])
				}
			}
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		t.Error(err)
	}
}

// TestAdvice: what a refusal is shown with.
func TestAdvice(t *testing.T) {
	for _, c := range [][3]string{
		{"unread.cmd.user.alice.mesage", "unknown verb", "unknown verb: did you mean message?"},
		{"chat.cmd.user.alice.read", `unknown field "up_to"`, `unknown field "up_to": did you mean upto?`},
		{"chat.cmd.user.alice.read", `unknown field "colour"`, `unknown field "colour"`},
		{"chat.cmd.user.alice.dance", `unknown field "up_to"`, `unknown field "up_to"`},
		{"chat.cmd.user.alice.message", "from is missing", "from is missing"},
		{"\x1b", "not a member of the group", "not a member of the group"},
	} {
		if got := advised(c[0], c[1]); got != c[2] {
			t.Errorf("%s, %s: %q, want %q", c[0], c[1], got, c[2])
		}
	}
}

// TestNearest: what a publisher may have meant.
func TestNearest(t *testing.T) {
	for subject, want := range map[string]string{
		"unread.cmd.user.alice.mesage":    "message",
		"unread.cmd.user.alice.messgae":   "message",
		"unread.cmd.user.alice.Message":   "message",
		"unread.cmd.user.alice.readall":   "read-all",
		"unread.cmd.user.alice.read_all":  "read-all",
		"unread.cmd.user.alice.dance":     "",
		"unread.cmd.user.alice.x":         "",
		"unread.cmd.group.team.jion":      "join",
		"unread.cmd.group.team.mesage":    "message",
		"unread.cmd.robot.r2.mesage":      "",
		"unread.cmd.user.alice":           "",
		strings.Repeat("x", 4000):         "",
		"unread.cmd.user.alice.messages":  "message",
		"unread.cmd.user.alice.unread":    "unread",
		"unread.cmd.user.alice.undelete":  "delete",
		"unread.cmd.user.alice.undeleted": "",
	} {
		if got := meantVerb(subject); got != want {
			t.Errorf("%s: did you mean %q, want %q", subject, got, want)
		}
	}
}

// TestPublishDenied: publish --wait reads where the events are; a user who may not
// is told so.
func TestPublishDenied(t *testing.T) {
	back := &server.Permissions{
		Publish:   &server.SubjectPermission{Allow: []string{"unread.cmd.>", "unread.api.>"}},
		Subscribe: &server.SubjectPermission{Allow: []string{"unread.rejected", "_INBOX.>"}},
	}
	at := natstest.Start(t, natstest.With(&server.Options{Users: []*server.User{{Username: "reddot", Password: "x"}, {Username: "back", Password: "x", Permissions: back}}})).Addr()
	s := serveOn(t, "--nats", "nats://reddot:x@"+at)
	s.isReady()
	r := reddot(t, strings.NewReader(`{"subject":"unread.cmd.user.alice.message","payload":{"id":"m1","from":"bob"}}`), "publish", "--wait", "--server", "nats://back:x@"+at)
	r.failed(t, exitFailed, `the user "back"`, "$JS.API.STREAM.INFO.UNREAD_EVENTS", "give it the permission")
}
