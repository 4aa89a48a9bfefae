package main_test

import (
	"net"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"reddot/projector/testkit"
)

// testSystemd: the service manager is told when the server is ready, meanwhile that it
// runs, and when it ends.
func testSystemd(t *testing.T, p program) {
	dir := testkit.Must(os.MkdirTemp("", "reddot"))(t) // a socket's name must be short
	defer os.RemoveAll(dir)
	socket := testkit.Must(net.ListenUnixgram("unixgram", &net.UnixAddr{Net: "unixgram", Name: filepath.Join(dir, "notify")}))(t)
	defer socket.Close()
	next := func(want string) {
		t.Helper()
		testkit.OK(t, socket.SetReadDeadline(time.Now().Add(waitTimeout)))
		for buffer := make([]byte, 256); ; {
			n, err := socket.Read(buffer)
			if err != nil {
				t.Fatalf("%s is not told: %v", want, err)
			}
			if got := string(buffer[:n]); got == want {
				return
			} else if got != "WATCHDOG=1" {
				t.Fatalf("told is %s, want %s", got, want)
			}
		}
	}
	c := p.start(t, t.TempDir(), []string{"NOTIFY_SOCKET=" + socket.LocalAddr().String(), "WATCHDOG_USEC=200000"})
	next("READY=1")
	c.ready(t)
	for range 3 {
		next("WATCHDOG=1")
	}
	c.signal(t, syscall.SIGTERM)
	next("STOPPING=1")
	<-c.exited
	if code := c.cmd.ProcessState.ExitCode(); code != 0 {
		t.Errorf("exit code %d", code)
	}
}
