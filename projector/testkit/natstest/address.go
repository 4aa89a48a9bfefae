package natstest

import (
	"fmt"
	"math/rand/v2"
	"net"
	"sync/atomic"
	"testing"
)

// Ports that the system gives to no outgoing connection.
const (
	firstPort = 20_000
	ports     = 10_000
)

// nextPort counts the ports that Address has tried, from anywhere.
var nextPort = func() *atomic.Uint32 {
	n := new(atomic.Uint32)
	n.Store(rand.Uint32N(ports))
	return n
}()

// Address returns a free address for a server that comes back to it. Its port is
// none that the system gives to outgoing connections, so that nobody takes it
// meanwhile, and no other test of this process gets it.
func Address(tb testing.TB) string {
	tb.Helper()
	for range 100 {
		l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", firstPort+nextPort.Add(1)%ports))
		if err != nil {
			continue
		}
		if err := l.Close(); err != nil {
			tb.Fatal(err)
		}
		return l.Addr().String()
	}
	tb.Fatalf("found no free port from %d on", firstPort)
	return ""
}
