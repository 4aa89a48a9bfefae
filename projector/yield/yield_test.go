package yield

import (
	"runtime"
	"testing"
	"testing/synctest"
	"time"
)

// TestTurnAlone: where nobody waits for a processor, bulk work goes on at once.
func TestTurnAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		for range 1_000 {
			Turn(true)
			Last(time.Second)
		}
		if took := time.Since(start); took != 0 {
			t.Errorf("a thousand turns of its own rested for %v", took)
		}
	})
}

// TestTurnOfOthers: others that need the only processor get it, and then some
// time without the bulk work.
func TestTurnOfOthers(t *testing.T) {
	for _, c := range []struct {
		name string
		turn func()
		rest time.Duration // at least
	}{
		{"bulk", func() { Turn(true) }, rest},
		{"last", func() { Last(2 * time.Millisecond) }, 2 * (share - 1) * time.Millisecond},
		{"last, after little", func() { Last(0) }, rest},
	} {
		t.Run(c.name, func(t *testing.T) { testTurnOfOthers(t, c.turn, c.rest) })
	}
}

func testTurnOfOthers(t *testing.T, turn func(), rest time.Duration) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	for range 100 { // now and then the runtime lets whoever yields go on first
		start := time.Now()
		done := make(chan time.Time, 1)
		go func() {
			for time.Since(start) < 10*waited {
			}
			done <- time.Now()
		}()
		turn()
		if now := time.Now(); now.Sub(start) >= 10*waited+rest && now.Sub(<-done) >= rest {
			return
		}
	}
	t.Error("bulk work never rested after a turn of others")
}
