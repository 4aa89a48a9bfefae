package sim

import (
	"cmp"
	"strings"
	"testing"
	"time"

	"reddot/projector/testkit"
)

func TestMain(m *testing.M) { testkit.Main(m) }

// drawSeed returns the first seed to run: those after it follow.
func drawSeed(t *testing.T) uint64 { return cmp.Or(testkit.GivenSeed(), testkit.Draw(t)>>16) }

// enough seeds meet whatever a plan may have.
const enough = 100

// TestSimulation runs seeds for a while; a seed that is given runs alone, and what
// happens is printed.
func TestSimulation(t *testing.T) {
	seed, alone := drawSeed(t), testkit.GivenSeed() != 0
	start := time.Now()
	var sum outcome
	n := 0
	for more := true; more; n++ {
		out := simulate(t, seed, alone, sabotage{})
		if alone {
			t.Logf("seed %d:\n%s", seed, strings.Join(out.lines, "\n"))
		}
		if len(out.failures) > 0 {
			t.Errorf("seed %d: %s\nreplay with: %s -v", seed, strings.Join(out.failures, "\n"), testkit.Replay(t, seed))
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
		more = !alone && time.Since(start) < testkit.Duration(3*time.Second)
	}
	took := time.Since(start)
	t.Logf("%d seeds in %v, %.0f a minute: %d commands, %d runs of a process, %d events, %d of them emitted again since they had left the stream, %d from lists read aside, %d while something older waited, %d things happened",
		n, took.Round(time.Millisecond), float64(n)/took.Minutes(), sum.commands, sum.runs, sum.events, sum.repeats, sum.aside, sum.behind, sum.count)
	if n >= enough && (sum.aside == 0 || sum.behind == 0) {
		t.Error("nothing was read aside, or nothing waited")
	}
}

// TestReplay runs some seeds twice: the same things happen at the same times.
func TestReplay(t *testing.T) {
	seed := drawSeed(t)
	for range testkit.Effort(20) {
		a, b := simulate(t, seed, true, sabotage{}), simulate(t, seed, true, sabotage{})
		if a.hash != b.hash {
			t.Fatalf("seed %d: %d things happened, then %d:\n%s\nreplay with: %s", seed, a.count, b.count, firstDifference(a.lines, b.lines), testkit.Replay(t, seed))
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
