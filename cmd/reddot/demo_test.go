package main

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"reddot/cmd/reddot/term"
	"reddot/projector/testkit"
)

var checked = regexp.MustCompile(`^checked: the lists equal what the queries answer \(\d+ conversations, \d+ receipts\)$`)

func TestDemo(t *testing.T) {
	tmp := t.TempDir()
	t.Setenv("TMPDIR", tmp)
	played := reddot(t, nil, "demo", "--speed", "200", "--for", "3s", "--seed", "3")
	out := played.done(t)
	if played.stderr != "" {
		t.Errorf("something is wrong: %s", played.stderr)
	}
	lines := strings.Split(strings.TrimSuffix(out, "\n"), "\n")
	if last := lines[len(lines)-1]; !checked.MatchString(last) {
		t.Errorf("the last line is %q", last)
	}
	for _, want := range []string{`bob → alice: "hi alice, are you around?"`, "    alice's total: ", "    bob's list: ", "✓✓ alice has read up to", " marks everything as read"} {
		if !strings.Contains(out, want) {
			t.Errorf("the output lacks %q:\n%s", want, out)
		}
	}
	left, err := filepath.Glob(filepath.Join(tmp, "*"))
	if err != nil || len(left) > 0 {
		t.Errorf("left behind: %v %v", left, err)
	}
}

func TestDemoFails(t *testing.T) {
	for line, words := range map[string]string{
		"demo now":          "demo takes no arguments",
		"demo --speed 0":    "--speed 0",
		"demo --speed NaN":  "--speed NaN",
		"demo --speed 1e9":  "--speed 1e+09",
		"demo --for 0s":     "--for 0s",
		"demo --seed -1":    "use a whole number",
		"demo --seed alice": "use a whole number",
		"demo --http here":  "--http",

		"demo --http 0.0.0.0:8480":             "an address of this machine alone",
		"demo --http 127.0.0.1:8480 --speed 2": "speeds of its own",
	} {
		reddot(t, nil, strings.Fields(line)...).failed(t, exitUsage, words, `--help"`)
	}
	tmp := t.TempDir()
	t.Setenv("TMPDIR", tmp)
	var stderr bytes.Buffer
	if code := run(t.Context(), []string{"demo", "--speed", "200"}, nil, brokenWriter{}, &stderr); code != exitFailed || !strings.Contains(stderr.String(), "disk full") {
		t.Errorf("exit code %d: %s", code, stderr.String())
	}
	if left, err := os.ReadDir(tmp); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v %v", left, err)
	}
	t.Setenv("TMPDIR", filepath.Join(tmp, "none"))
	reddot(t, nil, "demo", "--for", "1s").failed(t, exitFailed, "TMPDIR")
}

func TestHeldLog(t *testing.T) {
	var h heldLog
	var out bytes.Buffer
	for _, text := range []string{"a", strings.Repeat("x", maxHeldLog), "b"} {
		if n, err := h.Write([]byte(text)); n != len(text) || err != nil {
			t.Fatal(n, err)
		}
	}
	h.release(&out)
	if _, err := h.Write([]byte("late")); err != nil {
		t.Fatal(err)
	}
	if h.release(&out); out.String() != "ab" {
		t.Errorf("got %q", out.String())
	}
}

// TestDemoPage: with --http the page is served while the demo lasts, and what belongs to it.
func TestDemoPage(t *testing.T) {
	ctx, end := context.WithCancel(t.Context())
	out, in := io.Pipe()
	var stderr bytes.Buffer
	code := make(chan int, 1)
	go func() {
		code <- run(ctx, []string{"demo", "--http", "127.0.0.1:0", "--seed", "7"}, nil, in, &stderr)
		in.Close()
	}()
	lines := bufio.NewScanner(out)
	if !lines.Scan() {
		t.Fatalf("nothing is printed: %s", stderr.String())
	}
	_, url, _ := strings.Cut(lines.Text(), "open ")
	url, _, _ = strings.Cut(url, " ")
	if !strings.HasSuffix(url, "/demo/?play=1&seed=7") {
		t.Errorf("printed %q", lines.Text())
	}
	page := body(t, url)
	for _, name := range regexp.MustCompile(`(?:src|href)="([^"]+)"`).FindAllStringSubmatch(page, -1) {
		body(t, strings.Split(url, "?")[0]+name[1])
	}
	if !strings.Contains(body(t, strings.Split(url, "demo/")[0]+"reddot.js"), "export class Reddot") {
		t.Error("the client is not beside it")
	}
	end()
	for lines.Scan() {
	}
	if c := <-code; c != exitDone {
		t.Errorf("exit code %d: %s", c, stderr.String())
	}
}

func body(t *testing.T, url string) string {
	t.Helper()
	response := testkit.Must(http.Get(url))(t)
	defer response.Body.Close()
	text := testkit.Must(io.ReadAll(response.Body))(t)
	if response.StatusCode != http.StatusOK {
		t.Fatalf("%s: %s", url, response.Status)
	}
	return string(text)
}

// TestNoTerminal: a pipe, a file and a dumb terminal are not drawn on.
func TestNoTerminal(t *testing.T) {
	f, err := os.Create(filepath.Join(t.TempDir(), "out"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if term.ScreenOf(f) != nil {
		t.Error("taken for a terminal")
	}
}
