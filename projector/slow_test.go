package projector_test

import (
	"bufio"
	"fmt"
	"net"
	"runtime"
	"strings"
	"testing"
	"time"

	"reddot/projector/testkit"
)

// TestSlowListener folds and emits many changes of few users, with nobody
// listening and with a listener that never reads: values merge, memory stays
// bounded, and the fold does not wait. (How fast each is depends on the machine;
// it is logged.)
func TestSlowListener(t *testing.T) {
	testkit.Unraced(t)
	const users = 1_000
	changes := testkit.Effort(40_000) // each for one of the users
	rate := map[string]float64{}
	for _, listener := range []string{"nobody listens", "one never reads"} {
		b := newBus(t)
		a := b.author()
		b.run(t.TempDir()).stop()
		for i := range changes {
			a.message(member(i%users), fmt.Sprintf("sender%d", i%7), fmt.Sprint("m", i))
		}
		a.flush()
		if listener == "one never reads" {
			b.deaf("unread.evt.>")
		}
		grown := heapGrowth(t)
		start := time.Now()
		p := b.run(t.TempDir())
		if err := p.WaitApplied(testkit.Context(t), a.last()); err != nil {
			t.Fatal(err)
		}
		rate[listener] = float64(a.last()) / time.Since(start).Seconds()
		p.settle(a.last())
		all := b.storedEvents(1)
		t.Logf("%s: %.0f commands/s folded, all told after %v in %d events, heap grows by %d MB", listener,
			rate[listener], time.Since(start).Round(time.Millisecond), len(all), grown()>>20)
		if grown() > 400<<20 {
			t.Errorf("%s: the heap grows by %d MB", listener, grown()>>20)
		}
		l := newLedger(t)
		for _, s := range all {
			l.enter(&s)
		}
		v := p.view(a.last())
		for i := range users {
			l.settled(v, member(i))
		}
		if err := v.Close(); err != nil {
			t.Error(err)
		}
		p.stop()
	}
	t.Logf("with a listener that never reads, the fold is %.2f times as fast as without", rate["one never reads"]/rate["nobody listens"])
}

// deaf subscribes with a connection that is never read from.
func (b *bus) deaf(subject string) {
	b.t.Helper()
	conn := testkit.Must(net.Dial("tcp", strings.TrimPrefix(b.URL(), "nats://")))(b.t)
	b.t.Cleanup(func() { conn.Close() })
	testkit.Must(fmt.Fprintf(conn, "CONNECT {\"verbose\":false}\r\nSUB %s 1\r\nPING\r\n", subject))(b.t)
	r := bufio.NewReaderSize(conn, 16)
	for line := ""; !strings.HasPrefix(line, "PONG"); {
		line = testkit.Must(r.ReadString('\n'))(b.t)
	}
}

// heapGrowth watches the heap; growth returns how many bytes it has been
// above where it began.
func heapGrowth(t *testing.T) (growth func() uint64) {
	var begin, now runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&begin)
	most := make(chan uint64, 1)
	most <- 0
	look := func() uint64 {
		runtime.ReadMemStats(&now)
		m := max(<-most, now.HeapAlloc)
		most <- m
		return m - min(begin.HeapAlloc, m)
	}
	done := make(chan struct{})
	t.Cleanup(func() { close(done) })
	go func() {
		tick := time.NewTicker(20 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				var s runtime.MemStats
				runtime.ReadMemStats(&s)
				most <- max(<-most, s.HeapAlloc)
			case <-done:
				return
			}
		}
	}()
	return look
}
