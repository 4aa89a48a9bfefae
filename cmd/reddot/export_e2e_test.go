package main_test

import (
	"bufio"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// testExport writes the log to files and publishes them to another server,
// which comes to the same state.
func testExport(t *testing.T, p program) {
	o := operate(t, p, "--snapshots", "off")
	dir := t.TempDir()
	file := func(name string) string { return filepath.Join(dir, name) }
	r := o.run("export", file("empty.jsonl"))
	r.done(t)
	matches(t, "0 commands exported in .*\n", r.stderr)
	o.run("export", "--from", "1").failed(t, 1, "the log holds no commands")

	last := o.publish(1200)
	whole := o.status()
	if whole.Refused == 0 || whole.Ignored == 0 {
		t.Errorf("refused %d, ignored %d: too simple", whole.Refused, whole.Ignored)
	}
	r = o.run("export", file("all.jsonl.gz"))
	r.done(t)
	matches(t, "1,200 commands exported in .*, [0-9,]+/s\n", r.stderr)
	stdout := o.run("export").done(t)
	if unzipped := unzip(t, file("all.jsonl.gz")); unzipped != stdout || strings.Count(stdout, "\n") != int(last) {
		t.Errorf("standard output and the unzipped file are not the same: %d and %d bytes", len(stdout), len(unzipped))
	}
	o.run("export", file("part.jsonl"), "--from", "401", "--to", "700").done(t)
	if lines := strings.SplitAfter(stdout, "\n"); read(t, file("part.jsonl")) != strings.Join(lines[400:700], "") {
		t.Error("the part is not that of the whole")
	}

	other := operate(t, p, "--snapshots", "off")
	p.run(t, nil, "publish", "--wait", "--server", other.server.nats, file("all.jsonl.gz")).stored(t)
	if again := other.status(); again.Digest != whole.Digest || again.Refused != whole.Refused {
		t.Errorf("published again: digest %s, %d refused; was %s, %d", again.Digest, again.Refused, whole.Digest, whole.Refused)
	}
	users := o.users()
	if diff := cmp.Diff(lists(t, connect(t, o.server.nats), users, false), lists(t, connect(t, other.server.nats), users, false)); diff != "" {
		t.Errorf("the lists of users (- exported, + published again):\n%s", diff)
	}
	malformedLeftOut(t, o, file("refused.jsonl"), int(last))

	for _, c := range []struct {
		args  []string
		code  int
		words string
	}{
		{[]string{"--from", "0"}, 2, "--from 0: seqs begin at 1"},
		{[]string{"--to", "0"}, 2, "--to 0: seqs begin at 1"},
		{[]string{"--from", "9", "--to", "8"}, 2, "--from 9 --to 8"},
		{[]string{"--to", "5000"}, 1, "the log holds commands 1 to 1203: name a range in it with --from and --to"},
		{[]string{"--from", "1204"}, 1, "the log holds commands 1 to 1203"},
		{[]string{filepath.Join(dir, "no", "such", "folder.jsonl")}, 1, "no such file or directory"},
		{[]string{"--prefix", "other"}, 1, "there is no stream OTHER_COMMANDS"},
	} {
		o.run(append([]string{"export"}, c.args...)...).failed(t, c.code, c.words)
	}
	for i := range 5 {
		name := file(fmt.Sprintf("interrupted%d.jsonl", i))
		o.interrupt(time.Duration(i*8)*time.Millisecond, "export", name)
		if text, err := os.ReadFile(name); err == nil && strings.Count(string(text), "\n") != 1201 {
			t.Errorf("interrupted: %s has %d lines", name, strings.Count(string(text), "\n"))
		}
		if _, err := os.Stat(name + ".part"); err == nil {
			t.Errorf("interrupted: %s.part is left", name)
		}
	}
	o.stop()
	p.run(t, nil, "export", "--server", "nats://127.0.0.1:1", file("none.jsonl")).failed(t, 1, "no NATS server at", "reddot serve")
}

// malformedLeftOut publishes commands that are malformed. They are no lines of
// an export, which says so.
func malformedLeftOut(t *testing.T, o *operator, file string, before int) {
	t.Helper()
	nc := connect(t, o.server.nats)
	publish(t, nc, "unread.cmd.user.alice.message", `{"id":`)
	publish(t, nc, "unread.cmd.user.alice.frobnicate", `{}`)
	publish(t, nc, "unread.cmd.user.alice.message", `{"id":"<m&1>","from":"bob","unknown":[1,2]}`)
	r := o.run("export", file)
	r.done(t)
	matches(t, "1,203 commands exported in .*\n2 commands refused as malformed, left out\n", r.stderr)
	lines := strings.Split(strings.TrimSpace(read(t, file)), "\n")
	if len(lines) != before+1 {
		t.Errorf("%d lines, want %d", len(lines), before+1)
	}
	var line struct {
		Subject string
		Payload map[string]any
	}
	if err := json.Unmarshal([]byte(lines[before]), &line); err != nil {
		t.Fatal(err)
	}
	at := float64(o.takenIn(o.status().Last).UnixMilli())
	want := map[string]any{"id": "<m&1>", "from": "bob", "at": at}
	if diff := cmp.Diff(want, line.Payload); diff != "" || line.Subject != "unread.cmd.user.alice.message" {
		t.Errorf("the last line is %s (-want +got):\n%s", lines[before], diff)
	}
}

func read(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func unzip(t *testing.T, name string) string {
	t.Helper()
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(bufio.NewReader(f))
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
