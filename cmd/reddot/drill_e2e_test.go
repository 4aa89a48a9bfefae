package main_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"testing"

	"github.com/nats-io/nats.go"

	"reddot/events"
	"reddot/projector/testkit"
	"reddot/projector/twin"
)

// drillLines is how many commands a drill publishes: some tenths of a second of work for
// the publisher.
const drillLines = 10_000

// drill publishes a file of random commands to a server that is disturbed on
// the way, and compares what comes of it with the twin.
type drill struct {
	program program
	url     string // of the NATS server, which always comes back to it
	rng     *rand.Rand
	nc      *nats.Conn
	heard   *listener
	apps    []*follower // compared at the end
	file    string
	lines   []string // subject and payload, by line, from 1
	next    int      // the first line not known to be stored
	acked   map[events.Seq]int
}

// newDrill draws so many commands. The server runs already.
func newDrill(t *testing.T, p program, url string, lines int) *drill {
	t.Helper()
	seed := testkit.Seed(t)
	d := &drill{program: p, url: url, rng: rand.New(rand.NewPCG(seed, 1)), nc: connect(t, url), next: 1,
		file: filepath.Join(t.TempDir(), "commands.jsonl"), lines: []string{""}, acked: map[events.Seq]int{}}
	d.heard = listen(t, d.nc)
	s := subjects(t)
	g := twin.NewGenerator(seed, twin.Config{Users: 40, Groups: 6})
	var text bytes.Buffer
	var c events.Command
	for range lines {
		g.Next(&c)
		payload, err := events.EncodeJSON(&c)
		if err != nil {
			t.Fatal(err)
		}
		subject := s.Command(events.Target{Verb: c.Verb, Inbox: c.Inbox})
		d.lines = append(d.lines, subject+" "+string(payload))
		fmt.Fprintf(&text, "{\"subject\":%q,\"payload\":%s}\n", subject, payload)
	}
	if err := os.WriteFile(d.file, text.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	return d
}

// amid calls disturb while a publisher is at work, within the next of so many
// parts of the lines that are left, and notes where the publisher ended: at
// the latest at the last line, if nothing disturbs it.
func (d *drill) amid(t *testing.T, parts int, disturb func()) {
	t.Helper()
	left := len(d.lines) - d.next
	if left < parts {
		disturb()
		return
	}
	stream, err := jetStream(t, d.nc).Stream(t.Context(), subjects(t).CommandStream())
	if err != nil {
		t.Fatal(err)
	}
	target := stream.CachedInfo().State.LastSeq + 1 + d.rng.Uint64N(uint64(left/parts))
	var r result
	ended := make(chan error, 1)
	go func() {
		var err error
		r, err = d.program.command(t.Context(), nil, "publish", "--server", d.url, "--from-line", strconv.Itoa(d.next), d.file)
		ended <- err
	}()
	testkit.Eventually(t, fmt.Sprintf("store seq %d", target), func() bool {
		info, err := stream.Info(t.Context())
		return err == nil && info.State.LastSeq >= target
	})
	disturb()
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	if r.code == 0 {
		t.Log("the publisher has come to the end")
		d.next = len(d.lines)
		return
	}
	r.failed(t, 1, d.file, "line ", "stored")
	d.note(t, r.stderr)
}

// note reads what the publisher says is stored.
func (d *drill) note(t *testing.T, says string) {
	t.Helper()
	stored := regexp.MustCompile(`seq (\d+): go on with --from-line (\d+)\)`).FindStringSubmatch(says)
	if stored == nil {
		t.Logf("nothing is known to be stored: %s", says)
		return
	}
	seq, err := strconv.ParseUint(stored[1], 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	if d.next, err = strconv.Atoi(stored[2]); err != nil {
		t.Fatal(err)
	}
	d.acked[events.Seq(seq)] = d.next - 1
}

// finish publishes the rest, compares everything and returns what the rules make of it.
func (d *drill) finish(t *testing.T) *history {
	t.Helper()
	d.program.run(t, nil, "publish", "--server", d.url, "--from-line", strconv.Itoa(d.next), "--wait", d.file).stored(t)
	// The listener may have been away when a user was told the last time.
	h := replay(t, d.nc)
	last := h.last
	for _, user := range h.model.Users() {
		last = publish(t, d.nc, subjects(t).Command(events.Target{Verb: events.UserMessage, Inbox: user}), `{"id":"closing","from":"drill"}`)
	}
	settled(t, d.nc, last)
	h.goOn(t, d.nc)
	d.compareLog(t, h)
	queries := h.compare(t, d.nc)
	kept := storedMail(t, d.nc, 1)
	kept.compare(t, h, queries)
	heard := d.heard.take(t, nil)
	for user, want := range queries {
		heard.box(user).compareLast(t, user, want)
	}
	for _, f := range d.apps {
		f.converges(t, queries[f.user])
	}
	t.Logf("%d commands for %d lines, %d refused, %d events, %d heard", h.last, len(d.lines)-1, len(h.refused), kept.count, heard.count)
	return h
}

// compareLog checks that what was acknowledged is in the log, where the
// acknowledgement said, and every line, in order.
func (d *drill) compareLog(t *testing.T, h *history) {
	t.Helper()
	for seq, line := range d.acked {
		if got := h.payloads[seq]; got != d.lines[line] {
			t.Errorf("line %d was acknowledged as seq %d, which holds %s, not %s", line, seq, got, d.lines[line])
		}
	}
	next := 1
	for _, payload := range h.payloads {
		if next < len(d.lines) && payload == d.lines[next] {
			next++
		}
	}
	if next < len(d.lines) {
		t.Errorf("line %d is not in the log behind line %d", next, next-1)
	}
}
