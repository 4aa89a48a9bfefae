package testkit

import (
	"flag"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// endWithin is how long goroutines may take to end after the last test. It is far
// longer than they take.
const endWithin = 20 * time.Second

// Main runs the tests of a package, and fails if goroutines are left behind: each
// part of the program ends what it started before its own end is over.
//
//	func TestMain(m *testing.M) { testkit.Main(m) }
func Main(m *testing.M) {
	if err := record(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	// Those that are parallel wait most of the time, for servers and for time to pass: more
	// of them run at once than there are processors, unless the flag says how many.
	if err := flag.Set("test.parallel", strconv.Itoa(2*runtime.GOMAXPROCS(0))); err != nil {
		panic(err)
	}
	// Next to nothing of what tests make lives on, so heaps are small, and collected far more often
	// than is worth it, unless the environment says how often. The race detector's take gigabytes.
	if os.Getenv("GOGC") == "" && spared == 1 {
		debug.SetGCPercent(400)
	}
	code := m.Run()
	if code == 0 {
		if err := leaked(endWithin); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
	}
	os.Exit(code)
}

// orphan is a goroutine of nats.go that waits for the end of a connection which had ended
// before it asked to be notified: the first asynchronous publish on a connection that is
// closed meanwhile leaves one for ever.
const orphan = "github.com/nats-io/nats.go/jetstream.(*jetStream).resetPendingAcksOnReconnect"

// leaked returns an error that shows the goroutines that do not end in time.
func leaked(within time.Duration) (err error) {
	for end := time.Now().Add(within); ; {
		if err = goleak.Find(goleak.IgnoreTopFunction(orphan)); err == nil || time.Now().After(end) {
			return err
		}
	}
}
