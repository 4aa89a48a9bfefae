package bench

import (
	"maps"
	"slices"

	"reddot/events"
)

// Unit is what a figure counts.
type Unit string

// The units.
const (
	PerSecond Unit = "/s"
	Seconds   Unit = "s"
	Bytes     Unit = "bytes"
	Count     Unit = ""
)

// Figure is one thing measured. Reference and Ratio are 0 if it is not
// compared with anything.
type Figure struct {
	Stage     string  `json:"stage"`
	Name      string  `json:"name"`
	Unit      Unit    `json:"unit"`
	Value     float64 `json:"value"`
	Against   string  `json:"against,omitempty"` // what the reference is
	Reference float64 `json:"reference,omitempty"`
	Ratio     float64 `json:"ratio,omitempty"` // value / reference
	Aim       *Aim    `json:"aim,omitempty"`
	Times     *Times  `json:"times,omitempty"` // of each, if it is a rate of answers
}

// Times are how long things took, in seconds.
type Times struct {
	P50 float64 `json:"p50"`
	P99 float64 `json:"p99"`
}

// Aim is what a figure should be: its ratio if it has one, else its value.
type Aim struct {
	AtLeast  bool    `json:"at_least"` // else at most
	Bar      float64 `json:"bar"`
	Moonshot float64 `json:"moonshot"` // far beyond the bar
	Met      bool    `json:"met"`      // the bar
}

func atLeast(bar, moonshot float64) Aim { return Aim{AtLeast: true, Bar: bar, Moonshot: moonshot} }

func atMost(bar, moonshot float64) Aim { return Aim{Bar: bar, Moonshot: moonshot} }

// judge says whether a value meets the bar.
func (a Aim) judge(v float64) *Aim {
	a.Met = v == a.Bar || (v > a.Bar) == a.AtLeast
	return &a
}

// key names a figure.
type key struct{ stage, name string }

// aims are what reddot should reach, all in one place.
func aims() map[key]Aim {
	all := map[key]Aim{
		{"rebuild", rebuilt}:                                                  atLeast(0.40, 0.50),
		{"rebuild", sharded}:                                                  atLeast(1.3, 1.6),
		{"latency", latencyName(200, "p50")}:                                  atMost(1.7, 1.4),
		{"latency", latencyName(200, "p99")}:                                  atMost(2, 1.5),
		{"latency", latencyName(10_000, "p99")}:                               atMost(10, 4),
		{"query", queryName(events.QueryTotals, 100) + ", " + idle}:           atLeast(0.4, 0.7),
		{"query", queryName(events.QueryTotals, 100) + ", p99 " + duringLive}: atMost(5, 2),
		{"query", queryName(events.QueryTotals, 100) + besideEcho}:            atMost(1.5, 1.2),
		{"fanout", fanoutName(100_000, "off")}:                                atMost(1.3, 1.1),
		{"live", untilApplied}:                                                atLeast(0.45, 0.50),
		{"live", untilStored}:                                                 atMost(1.5, 1.2),
		{"memory", peakName}:                                                  atMost(750e6, 600e6),
		{"memory", peakDoubledName}:                                           atMost(1_000e6, 700e6),
		{"disk", storeBytes}:                                                  atMost(120, 60),
		{"growth", growthName}:                                                atMost(1.4, 1.2),
	}
	maps.Copy(all, failoverAims())
	maps.Copy(all, viewsAims())
	maps.Copy(all, webAims())
	maps.Copy(all, streamsAims())
	maps.Copy(all, hookAims())
	maps.Copy(all, recipesAims())
	for _, w := range bulks(1) {
		all[key{"fairness", w.name + appliedLongest}] = atMost(0.050, 0.020)
		all[key{"fairness", w.name + toldLongest}] = w.heardAim()
	}
	return all
}

// compare relates a figure to what was measured in the same run.
func (f Figure) compare(against string, reference float64) Figure {
	f.Against, f.Reference, f.Ratio = against, reference, 0
	if reference > 0 {
		f.Ratio = f.Value / reference
	}
	return f
}

// with adds how long each took.
func (f Figure) with(s sample) Figure {
	f.Times = &Times{s.at(0.5).Seconds(), s.at(0.99).Seconds()}
	return f
}

// judged is what the aim is about.
func (f *Figure) judged() float64 {
	if f.Against != "" {
		return f.Ratio
	}
	return f.Value
}

// medians takes each figure of several runs from the run in which it was the
// median, so that value, reference and ratio belong together. Of an even number
// of runs it is the lower one of the two in the middle.
func medians(runs [][]Figure) []Figure {
	var result []Figure
	all := aims()
	for i := range runs[0] {
		var same []Figure
		for _, run := range runs {
			same = append(same, run[i])
		}
		slices.SortFunc(same, func(a, b Figure) int {
			switch x, y := a.judged(), b.judged(); {
			case x < y:
				return -1
			case x > y:
				return 1
			}
			return 0
		})
		f := same[(len(same)-1)/2]
		if aim, ok := all[key{f.Stage, f.Name}]; ok {
			f.Aim = aim.judge(f.judged())
		}
		result = append(result, f)
	}
	return result
}
