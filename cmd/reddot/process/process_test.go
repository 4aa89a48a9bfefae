package process_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"reddot/cmd/reddot/process"
)

// tooLong is how long a test waits for what must happen.
const tooLong = time.Minute

// script starts a shell script.
func script(t *testing.T, text string, failed func(error)) *process.Process {
	t.Helper()
	file := filepath.Join(t.TempDir(), "script")
	if err := os.WriteFile(file, []byte("#!/bin/sh\n"+text), 0o700); err != nil {
		t.Fatal(err)
	}
	p, err := process.Start(process.Config{Program: file, Args: []string{"serve"}, Kept: 8, Failed: failed})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Kill)
	return p
}

func line(t *testing.T, p *process.Process) (string, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), tooLong)
	defer cancel()
	return p.Line(ctx)
}

// TestStop: a process that is asked to end does so in order, whatever it has still
// said that nobody reads; its environment has nothing of reddot's.
func TestStop(t *testing.T) {
	t.Setenv("REDDOT_DATA", "x")
	p := script(t, "trap 'seq 100; exit 0' TERM\n echo \"ready $REDDOT_DATA\"\n while :; do sleep 0.01; done", func(err error) { t.Error(err) })
	if got, err := line(t, p); err != nil || got != "ready " {
		t.Errorf("%q %v", got, err)
	}
	if err := p.Stop(); err != nil {
		t.Error(err)
	}
}

// TestFailed: one that ends by itself, and not well, says so, with the end of its
// log.
func TestFailed(t *testing.T) {
	why := make(chan error, 1)
	p := script(t, "echo 0123456789 >&2\n exit 3", func(err error) { why <- err })
	if _, err := line(t, p); err == nil || !strings.Contains(err.Error(), "serve") || !strings.HasSuffix(err.Error(), ": 3456789\n") {
		t.Errorf("%v", err)
	}
	select {
	case err := <-why:
		if !strings.Contains(err.Error(), "exit status 3") {
			t.Error(err)
		}
	case <-time.After(tooLong):
		t.Error("nobody says that it has ended")
	}
	if _, err := process.Start(process.Config{Program: filepath.Join(t.TempDir(), "none")}); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%v", err)
	}
}

// TestKill: one that is stopped can be killed, and that is no failure.
func TestKill(t *testing.T) {
	p := script(t, "echo ready\n while :; do sleep 0.01; done", func(err error) { t.Error(err) })
	if _, err := line(t, p); err != nil {
		t.Fatal(err)
	}
	p.Signal(syscall.SIGSTOP)
	p.Kill()
	select {
	case <-p.Exited():
	default:
		t.Error("it has not ended")
	}
}
