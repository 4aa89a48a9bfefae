package testkit

import (
	"flag"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"regexp"
	"runtime/debug"
	"strconv"
	"strings"
	"testing"
	"time"
)

// The flags of every test binary. Only this package registers them: those of two
// packages in one binary would clash.
var (
	seedFlag    = newSeed("seed", "replay the random choices of this `seed`; new draws one, without it a test takes its own")
	effortFlag  = flag.Uint("effort", 1, "how many `times` as much as by default a slow test does; 0 is 1")
	rewriteFlag = flag.Bool("rewrite", false, "write the golden files instead of comparing with them")
)

// seed is what the flag -seed says.
type seed struct {
	given uint64 // 0: none
	fresh bool   // each test draws a new one
}

func newSeed(name, usage string) *seed {
	s := new(seed)
	flag.Func(name, usage, func(text string) (err error) {
		*s = seed{fresh: text == "new"}
		if !s.fresh {
			s.given, err = strconv.ParseUint(text, 10, 64)
		}
		return err
	})
	return s
}

// GivenSeed is the seed of the flag -seed; 0 if it gives none.
func GivenSeed() uint64 { return seedFlag.given }

// Draw returns the seed of a random run: that of the flag -seed, a new one if the flag
// asks for that, or else one that is the test's own, so that what passed once passes
// until the code changes.
func Draw(tb testing.TB) uint64 {
	switch {
	case seedFlag.given > 0:
		return seedFlag.given
	case seedFlag.fresh:
		return max(1, rand.Uint64())
	}
	own := fnv.New64a()
	own.Write([]byte(tb.Name()))
	return max(1, own.Sum64())
}

// Seed is [Draw] that logs the command that replays the run.
func Seed(tb testing.TB) uint64 {
	tb.Helper()
	seed := Draw(tb)
	tb.Log("replay with: " + Replay(tb, seed))
	return seed
}

// Rand returns random numbers from [Seed].
func Rand(tb testing.TB) *rand.Rand {
	tb.Helper()
	return rand.New(rand.NewPCG(Seed(tb), 1))
}

// Replay returns the command that runs a test with a seed.
func Replay(tb testing.TB, seed uint64) string {
	names := strings.Split(tb.Name(), "/")
	for i, name := range names {
		names[i] = "^" + regexp.QuoteMeta(name) + "$"
	}
	command := fmt.Sprintf("go test %s -run '%s' -seed %d", packagePath(), strings.Join(names, "/"), seed)
	if times() > 1 {
		command += fmt.Sprintf(" -effort %d", times())
	}
	return command
}

// packagePath is the package whose tests run, as go test takes it.
func packagePath() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "."
	}
	return "." + strings.TrimSuffix(strings.TrimPrefix(info.Path, info.Main.Path), ".test")
}

// Effort is how often a slow test does something: n, times the flag -effort; a quarter
// of that with the race detector.
func Effort(n int) int { return max(1, n*times()/spared) }

// Unraced skips a test with the race detector, unless the flag -effort asks for more: one
// that takes long there, and whose goroutines other tests of its package run as well.
// Without the detector it runs always.
func Unraced(tb testing.TB) {
	tb.Helper()
	if spared > 1 && times() == 1 {
		tb.Skip("too long with the race detector; -effort 2 runs it")
	}
}

// Duration is how long a slow test goes on: d, times the flag -effort.
func Duration(d time.Duration) time.Duration { return d * time.Duration(times()) }

func times() int { return int(max(1, *effortFlag)) }

// Rewrite reports whether golden files are to be written, not compared with.
func Rewrite() bool { return *rewriteFlag }
