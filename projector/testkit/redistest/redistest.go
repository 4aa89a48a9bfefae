// Package redistest starts a Redis for tests that are tagged redis: the program
// redis-server, in memory.
package redistest

import (
	"net"
	"os/exec"
	"testing"

	"reddot/projector/testkit"
	"reddot/projector/testkit/natstest"
)

// Start starts a Redis on the loopback device that ends with the test, and returns its
// URL. args are more of its command line. Without the program the test fails.
func Start(tb testing.TB, args ...string) (url string) {
	tb.Helper()
	program, err := exec.LookPath("redis-server")
	if err != nil {
		tb.Fatalf("this test needs a Redis: install it, as with \"apt-get install redis-server\" (%v)", err)
	}
	address := natstest.Address(tb)
	_, port, err := net.SplitHostPort(address)
	testkit.OK(tb, err)
	said := new(testkit.Buffer)
	cmd := exec.Command(program, append([]string{"--bind", "127.0.0.1", "--port", port, "--dir", tb.TempDir(), "--save", "", "--appendonly", "no"}, args...)...)
	cmd.Stdout, cmd.Stderr = said, said
	testkit.OK(tb, cmd.Start())
	tb.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait() // it says that it was killed
		if tb.Failed() {
			tb.Log(said)
		}
	})
	testkit.Eventually(tb, "no Redis answers at "+address, func() bool {
		conn, err := net.Dial("tcp", address)
		if err == nil {
			testkit.OK(tb, conn.Close())
		}
		return err == nil
	})
	return "redis://" + address
}
