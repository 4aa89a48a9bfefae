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
		end := Save(nil)
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
// than what lives would have garbage collected without end. What has many pointers may
// leave more garbage.
func TestLimit(t *testing.T) {
	for _, c := range []struct {
		use                  use
		least, percent, want int64
	}{
		{use{}, floor, scanned, floor},
		{use{live: floor / 4}, floor, scanned, floor},
		{use{live: floor}, floor, scanned, floor + floor/4},
		{use{live: floor, other: step}, floor, scanned, floor + floor/4 + step},
		{use{live: floor, other: 1}, floor, scanned, floor + floor/4 + step},
		{use{live: floor, pointers: floor / 2}, floor, scanned, floor + floor/4},
		{use{live: floor, pointers: floor}, floor, scanned, floor + floor/2},
		{use{live: floor, pointers: floor}, floor, catchUp, floor + floor + floor/2},
		{use{live: floor}, floor / 4, scanned, floor + floor/16},
		{use{live: 1}, 100, scanned, step},
	} {
		if got := c.use.limit(c.least, c.percent); got != c.want {
			t.Errorf("%+v: %d, want %d", c, got, c.want)
		}
	}
}

// TestBounds: a container with little memory has a lower floor, and never leaves more garbage.
func TestBounds(t *testing.T) {
	for _, c := range []struct {
		memory uint64
		err    error
		want   bounds
	}{
		{1 << 40, nil, bounds{floor, catchUp}},
		{plenty, nil, bounds{floor, catchUp}},
		{plenty - 1, nil, bounds{floor, scanned}},
		{512 << 20, nil, bounds{256 << 20, scanned}},
		{0, errors.New("no limit"), bounds{floor, catchUp}},
	} {
		if got := boundsOf(c.memory, c.err); got != c.want {
			t.Errorf("%d, %v: %+v, want %+v", c.memory, c.err, got, c.want)
		}
	}
}

// TestCatchUp: more garbage may pile up until the projection has caught up, and not after that.
func TestCatchUp(t *testing.T) {
	t.Setenv("GOGC", "")
	t.Setenv("GOMEMLIMIT", "")
	lives := make([]*byte, floor/8) // of pointers, so that it is what lives that the limit goes by
	runtime.GC()
	use := measure()
	between := use.live + use.other + use.pointers // of the two phases
	if use.limit(floor, scanned) >= between || between >= use.limit(floor, catchUp) {
		t.Fatalf("%+v: from %d to %d", use, use.limit(floor, scanned), use.limit(floor, catchUp))
	}
	caughtUp := make(chan struct{})
	defer save(bounds{floor, catchUp}, caughtUp)()
	testkit.Eventually(t, "much may pile up", func() bool { _, limit := settings(); return between < limit && limit < math.MaxInt64 })
	close(caughtUp)
	testkit.Eventually(t, "less may pile up", func() bool { _, limit := settings(); return limit < between })
	runtime.KeepAlive(lives)
}

// TestMeasure: what lives is seen, and what of it may have pointers.
func TestMeasure(t *testing.T) {
	const size, tolerance = 64 << 20, 4 << 20
	measured := func() use {
		runtime.GC()
		return measure()
	}
	grown := func(before, after use, live, pointers int64) {
		t.Helper()
		more := use{live: after.live - before.live, pointers: after.pointers - before.pointers}
		if max(more.live-live, live-more.live, more.pointers-pointers, pointers-more.pointers) > tolerance || after.other < 0 {
			t.Errorf("%+v more, want %d and %d of pointers: from %+v to %+v", more, live, pointers, before, after)
		}
	}
	none := measured()
	bytes := make([]byte, size)
	plain := measured()
	grown(none, plain, size, 0)
	pointers := make([]*byte, size/8)
	grown(plain, measured(), size, size)
	runtime.KeepAlive(bytes)
	runtime.KeepAlive(pointers)
}
