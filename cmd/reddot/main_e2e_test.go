package main_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"reddot/projector/testkit"
)

// TestEndToEnd runs the program as a process: everything goes through its
// command line, real NATS connections, HTTP and signals.
func TestEndToEnd(t *testing.T) {
	t.Parallel()
	p := build(t)
	for _, test := range []struct {
		name string
		run  func(*testing.T, program)
	}{
		{"cluster", testCluster}, // the longest first
		{"corrupt", testCorrupt},
		{"server away", testServerAway},
		{"kill", testKill},
		{"webhooks and kills", testWebhookKill},
		{"large group", testLargeGroup},
		{"real traffic", testTraffic},
		{"end without server", testEndWithoutServer},
		{"standby", testStandby},
		{"leaves", testLeaves},
		{"answers", testAnswers},
		{"expiry", testExpiry},
		{"disk full", testDiskFull},
		{"corrupt behind", testCorruptBehind},
		{"terminate", testTerminate},
		{"rebuild", testRebuild},
		{"hostile", testHostile},
		{"foreign", testForeign},
		{"drift", testDrift},
		{"serve fails", testServeFails},
		{"serve", testServe},
		{"serve waits", testWaits},
		{"private files", testPrivate},
		{"systemd", testSystemd},
		{"auth", testAuth},
		{"verify", testVerify},
		{"verify the digest", testVerifyDigest},
		{"past", testPast},
		{"export", testExport},
		{"snapshots", testSnapshots},
		{"snapshot places", testSnapshotPlaces},
		{"foreign snapshot", testForeignSnapshot},
		{"scratch", testScratch},
		{"trim", testTrim},
		{"trim policy", testTrimPolicy},
		{"backup", testBackup},
		{"compatibility", testCompat},
		{"truncated log", testTruncatedLog},
		{"skip", testSkip},
		{"forged events", testForgedEvents},
		{"rebuild live", testRebuildLive},
		{"bench", testBench},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			test.run(t, p)
		})
	}
}

// Bounds of what a test waits for. They are generous: a slow machine is no
// failure.
const (
	startTimeout = 30 * time.Second // from the start of the program to its ready line
	endTimeout   = 5 * time.Second  // from a signal to the program's end; promised
	waitTimeout  = time.Minute      // for anything else
)

// program is the binary under test.
type program struct {
	path  string
	limit []string // of the shell's ulimit, for servers; nil: none
}

// limited returns the program for servers to which the shell's ulimit is
// applied: an option and its value.
func (p program) limited(option string, value int) program {
	p.limit = []string{option, strconv.Itoa(value)}
	return p
}

// server is the command of a server.
func (p program) server(args []string) *exec.Cmd {
	if p.limit == nil {
		return exec.Command(p.path, args...)
	}
	return exec.Command("sh", append([]string{"-c", `ulimit "$0" "$1" && shift && exec "$@"`, p.limit[0], p.limit[1], p.path}, args...)...)
}

func build(t *testing.T) program {
	t.Helper()
	path := filepath.Join(t.TempDir(), "reddot")
	// Without what only debuggers read, as go test links the tests themselves.
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-ldflags", "-s -w", "-o", path, ".").CombinedOutput(); err != nil {
		t.Fatalf("build the program: %v\n%s", err, out)
	}
	return program{path: path}
}

// result is what a finished run left behind.
type result struct {
	code           int
	stdout, stderr string
}

// run runs a command line to its end.
func (p program) run(t *testing.T, stdin io.Reader, args ...string) result {
	t.Helper()
	r, err := p.command(t.Context(), stdin, args...)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// command runs a command line to its end. Its error is not the program's own.
func (p program) command(ctx context.Context, stdin io.Reader, args ...string) (result, error) {
	ctx, cancel := context.WithTimeout(ctx, 2*waitTimeout)
	defer cancel()
	var stdout, stderr bytes.Buffer
	cmd := exec.CommandContext(ctx, p.path, args...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = stdin, &stdout, &stderr
	err := cmd.Run()
	if exit := new(exec.ExitError); errors.As(err, &exit) {
		err = nil
	}
	if err = errors.Join(err, ctx.Err()); err != nil {
		return result{}, fmt.Errorf("%s: %w\n%s", cmd, err, stderr.String())
	}
	return result{cmd.ProcessState.ExitCode(), stdout.String(), stderr.String()}, nil
}

// done checks that the run succeeded and returns its standard output.
func (r result) done(t *testing.T) string {
	t.Helper()
	if r.code != 0 {
		t.Fatalf("exit code %d: %s", r.code, r.stderr)
	}
	return r.stdout
}

// stored checks that everything was stored, refused or not, and returns the
// run's standard output.
func (r result) stored(t *testing.T) string {
	t.Helper()
	if r.code != 0 && !strings.HasSuffix(r.stderr, " refused\n") {
		t.Fatalf("exit code %d: %s", r.code, r.stderr)
	}
	return r.stdout
}

// failed checks the exit code, and that the error is one line with the words.
func (r result) failed(t *testing.T, code int, words ...string) {
	t.Helper()
	if r.code != code {
		t.Errorf("exit code %d, want %d", r.code, code)
	}
	if !strings.HasPrefix(r.stderr, "reddot: ") || strings.Count(r.stderr, "\n") != 1 || !strings.HasSuffix(r.stderr, "\n") {
		t.Errorf("stderr is not one line of reddot's: %q", r.stderr)
	}
	for _, w := range words {
		if !strings.Contains(r.stderr, w) {
			t.Errorf("stderr lacks %q: %s", w, r.stderr)
		}
	}
	if r.stdout != "" {
		t.Errorf("stdout is not empty: %q", r.stdout)
	}
}

// child is a running "reddot serve".
type child struct {
	cmd    *exec.Cmd
	nats   string // URL of its NATS server
	http   string // host:port
	stdout *output
	stderr *output
	exited chan struct{} // closed at its end
}

// output is what a process writes.
type output struct {
	testkit.Buffer
	whole sync.Once
	line  chan struct{} // closed once there is a whole line
}

func newOutput() *output { return &output{line: make(chan struct{})} }

func (o *output) Write(p []byte) (int, error) {
	n, err := o.Buffer.Write(p)
	if bytes.IndexByte(p, '\n') >= 0 {
		o.whole.Do(func() { close(o.line) })
	}
	return n, err
}

// start starts a server on free ports and does not wait for anything. env is
// added to its environment. It is killed at the end of the test.
func (p program) start(t *testing.T, dir string, env []string, args ...string) *child {
	t.Helper()
	given := strings.Join(args, " ")
	if !strings.Contains(given, "--listen") && !strings.Contains(given, "--nats") {
		args = append(args, "--listen", "127.0.0.1:0")
	}
	c := &child{stdout: newOutput(), stderr: newOutput(), exited: make(chan struct{})}
	c.cmd = p.server(append([]string{"serve", "--data", dir, "--http", "127.0.0.1:0"}, args...))
	c.cmd.Env = append(c.cmd.Environ(), env...)
	c.cmd.Stdout, c.cmd.Stderr = c.stdout, c.stderr
	if err := c.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		_ = c.cmd.Wait() // what it says is in ProcessState
		close(c.exited)
	}()
	t.Cleanup(func() {
		c.kill()
		if t.Failed() {
			t.Logf("stderr of %s:\n%s", c.cmd, c.stderr)
		}
	})
	return c
}

// serve starts a server and waits until it is ready.
func (p program) serve(t *testing.T, dir string, args ...string) *child {
	t.Helper()
	c := p.start(t, dir, nil, args...)
	c.ready(t)
	return c
}

// ready waits for the ready line and reads it.
func (c *child) ready(t *testing.T) {
	t.Helper()
	select {
	case <-c.stdout.line:
	case <-c.exited:
		t.Fatalf("%s ended: %s\n%s", c.cmd, c.cmd.ProcessState, c.stderr)
	case <-time.After(startTimeout):
		t.Fatalf("%s is not ready after %v\n%s", c.cmd, startTimeout, c.stderr)
	}
	line := regexp.MustCompile(`^ready nats=(nats://127\.0\.0\.1:\d+) http=(127\.0\.0\.1:\d+)\n$`).FindStringSubmatch(c.stdout.String())
	if line == nil {
		t.Fatalf("the ready line is %q", c.stdout)
	}
	c.nats, c.http = line[1], line[2]
}

// kill ends the process as a crash would. A second call does nothing.
func (c *child) kill() {
	_ = c.cmd.Process.Kill() // an error says that it has ended
	<-c.exited
}

// terminate asks the process to end, and checks that it does so in time and in
// good order.
func (c *child) terminate(t *testing.T) {
	t.Helper()
	start := time.Now()
	if err := c.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	select {
	case <-c.exited:
	case <-time.After(endTimeout):
		t.Fatalf("%s goes on %v after SIGTERM\n%s", c.cmd, endTimeout, c.stderr)
	}
	if code := c.cmd.ProcessState.ExitCode(); code != 0 {
		t.Fatalf("exit code %d after SIGTERM:\n%s", code, c.stderr)
	}
	t.Logf("ended %v after SIGTERM", time.Since(start).Round(time.Millisecond))
}
