package bench

import (
	"slices"
	"time"
)

// sample is times that something took.
type sample []time.Duration

// at is the time within which a share of them was done: the smallest one that
// so many are not above. 0 if there are none.
func (s sample) at(share float64) time.Duration {
	if len(s) == 0 {
		return 0
	}
	if !slices.IsSorted(s) {
		slices.Sort(s)
	}
	within := int(share*float64(len(s)) + 0.999999)
	return s[min(max(within, 1), len(s))-1]
}

// quantile is a share with its usual name.
type quantile struct {
	name  string
	share float64
}

// quantiles are those that are reported of a latency.
func quantiles() []quantile {
	return []quantile{{"p50", 0.5}, {"p90", 0.9}, {"p99", 0.99}, {"max", 1}}
}
