package sim

import (
	"flag"
	"math/rand/v2"
	"strings"
	"testing"
	"time"
)

var (
	seedFlag    = flag.Uint64("seed", 0, "run this seed and those after it; 0 draws one")
	seedsFlag   = flag.Int("seeds", 0, "run so many seeds; 0: for a time")
	forFlag     = flag.Duration("for", 3*time.Second, "run seeds for so long, unless -seeds is given")
	replaysFlag = flag.Int("replays", 20, "seeds that TestReplay runs twice")
	printFlag   = flag.Bool("print", false, "print what happens")
)

// drawSeed returns the first seed to run.
func drawSeed() uint64 {
	if *seedFlag != 0 {
		return *seedFlag
	}
	return rand.Uint64() >> 16
}

// enough seeds meet whatever a plan may have.
const enough = 100

// TestSimulation runs seeds. A seed that fails says how to run it again.
func TestSimulation(t *testing.T) {
	seed := drawSeed()
	t.Logf("from seed %d on", seed)
	start := time.Now()
	var sum outcome
	n := 0
	for more := true; more; n++ {
		out := simulate(t, seed, *printFlag, sabotage{})
		if *printFlag {
			t.Logf("seed %d:\n%s", seed, strings.Join(out.lines, "\n"))
		}
		if len(out.failures) > 0 {
			t.Errorf("seed %d: %s\nrun it again with: go test ./projector/sim -run %s -seed %d -seeds 1 -print -v",
				seed, strings.Join(out.failures, "\n"), t.Name(), seed)
			return
		}
		sum.commands += out.commands
		sum.events += out.events
		sum.repeats += out.repeats
		sum.runs += out.runs
		sum.aside += out.aside
		sum.behind += out.behind
		sum.count += out.count
		seed++
		more = time.Since(start) < *forFlag
		if *seedsFlag > 0 {
			more = n+1 < *seedsFlag
		}
	}
	took := time.Since(start)
	t.Logf("%d seeds in %v, %.0f a minute: %d commands, %d runs of a process, %d events, %d of them told again since they had left the stream, %d from lists read aside, %d while something older waited, %d things happened",
		n, took.Round(time.Millisecond), float64(n)/took.Minutes(), sum.commands, sum.runs, sum.events, sum.repeats, sum.aside, sum.behind, sum.count)
	if n >= enough && (sum.aside == 0 || sum.behind == 0) {
		t.Error("nothing was read aside, or nothing waited")
	}
}

// TestReplay runs some seeds twice: the same things happen at the same times.
func TestReplay(t *testing.T) {
	seed := drawSeed()
	t.Logf("from seed %d on", seed)
	for range *replaysFlag {
		a, b := simulate(t, seed, true, sabotage{}), simulate(t, seed, true, sabotage{})
		if a.hash != b.hash {
			t.Fatalf("seed %d: %d things happened, then %d:\n%s", seed, a.count, b.count, firstDifference(a.lines, b.lines))
		}
		seed++
	}
}

func firstDifference(a, b []string) string {
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			return strings.Join(a[max(0, i-20):i], "\n") + "\n1: " + a[i] + "\n2: " + b[i]
		}
	}
	return "one goes on"
}
