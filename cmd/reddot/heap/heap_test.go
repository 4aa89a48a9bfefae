package heap

import (
	"errors"
	"math"
	"runtime"
	"runtime/debug"
	"testing"

	"reddot/projector/testkit"
)

// settings are those of the process: asking for them changes nothing.
func settings() (percent int, limit int64) {
	percent = debug.SetGCPercent(100)
	debug.SetGCPercent(percent)
	return percent, debug.SetMemoryLimit(-1)
}

// TestEnvironment: what the environment says holds, and all is as before at the end.
func TestEnvironment(t *testing.T) {
	debug.SetGCPercent(90) // as whatever was before
	defer debug.SetGCPercent(100)
	for _, c := range []struct {
		gogc, gomemlimit string
		percent          int
		limited          bool
	}{{"", "", percent, true}, {"90", "", 90, false}, {"", "1GiB", percent, false}, {"90", "1GiB", 90, false}} {
		t.Setenv("GOGC", c.gogc)
		t.Setenv("GOMEMLIMIT", c.gomemlimit)
		end := Save()
		if c.limited {
			testkit.Eventually(t, "there is a soft limit", func() bool { _, limit := settings(); return limit < math.MaxInt64 })
		}
		if got, limit := settings(); got != c.percent || limit < math.MaxInt64 != c.limited {
			t.Errorf("%+v: %d %%, a limit of %d", c, got, limit)
		}
		end()
		if got, limit := settings(); got != 90 || limit != math.MaxInt64 {
			t.Errorf("%+v, afterwards: %d %%, a limit of %d", c, got, limit)
		}
	}
}

// TestLimit: the soft limit follows what lives, and is never less than the floor: less
// than what lives would have garbage collected without end.
func TestLimit(t *testing.T) {
	for _, c := range []struct {
		use         use
		least, want int64
	}{
		{use{}, floor, floor},
		{use{live: floor / 4}, floor, floor},
		{use{live: floor}, floor, (floor*13/10 + step - 1) / step * step},
		{use{live: floor, other: step}, floor, (floor*13/10+step-1)/step*step + step},
		{use{live: 1}, 100, step},
	} {
		if got := c.use.limit(c.least); got != c.want {
			t.Errorf("%+v: %d, want %d", c, got, c.want)
		}
	}
	if got := least(1<<40, nil); got != floor {
		t.Errorf("much memory: %d", got)
	}
	if got := least(512<<20, nil); got != 256<<20 {
		t.Errorf("512 MiB: %d", got)
	}
	if got := least(0, errors.New("no limit")); got != floor {
		t.Errorf("no limit: %d", got)
	}
}

// TestMeasure: what lives is seen.
func TestMeasure(t *testing.T) {
	runtime.GC()
	before := measure()
	kept := make([]byte, 64<<20)
	runtime.GC()
	after := measure()
	runtime.KeepAlive(kept)
	if grown := after.live - before.live; grown < 60<<20 || after.other < 0 || before.other < 0 {
		t.Errorf("64 MiB more: %d, from %+v to %+v", grown, before, after)
	}
}
