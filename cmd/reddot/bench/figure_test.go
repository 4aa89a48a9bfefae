package bench

import (
	"strings"
	"testing"
	"time"
)

func TestSampleAt(t *testing.T) {
	var hundred sample
	for i := range 100 {
		hundred = append(hundred, time.Duration(100-i))
	}
	for _, c := range []struct {
		of    sample
		share float64
		want  time.Duration
	}{
		{nil, 0.5, 0}, {sample{7}, 0, 7}, {sample{7}, 0.5, 7}, {sample{7}, 1, 7},
		{sample{3, 1}, 0.5, 1}, {sample{3, 1}, 0.51, 3}, {sample{3, 1, 2}, 0.5, 2},
		{hundred, 0.5, 50}, {hundred, 0.9, 90}, {hundred, 0.99, 99}, {hundred, 0.991, 100}, {hundred, 1, 100},
	} {
		if got := c.of.at(c.share); got != c.want {
			t.Errorf("%v of %d: got %d, want %d", c.share, len(c.of), got, c.want)
		}
	}
}

func TestAim(t *testing.T) {
	for _, c := range []struct {
		aim   Aim
		value float64
		met   bool
	}{
		{atLeast(2, 4), 2, true}, {atLeast(2, 4), 3, true}, {atLeast(2, 4), 1, false},
		{atMost(2, 1), 2, true}, {atMost(2, 1), 1, true}, {atMost(2, 1), 3, false},
	} {
		if got := c.aim.judge(c.value).Met; got != c.met {
			t.Errorf("%+v of %v: %t", c.aim, c.value, got)
		}
	}
}

// TestMedians: value, reference and ratio come from one run, the one whose
// ratio is in the middle; the aim is judged by it.
func TestMedians(t *testing.T) {
	run := func(value, reference float64) []Figure {
		return []Figure{
			figure("read", "commands read", PerSecond, value),
			figure("rebuild", rebuilt, PerSecond, value).compare("read", reference),
		}
	}
	got := medians([][]Figure{run(10, 100), run(30, 40), run(20, 40)})
	if got[0].Value != 20 || got[0].Aim != nil {
		t.Errorf("without a reference: %+v", got[0])
	}
	if f := got[1]; f.Value != 20 || f.Reference != 40 || f.Ratio != 0.5 || f.Aim == nil || !f.Aim.Met {
		t.Errorf("with a reference: %+v", f)
	}
	if f := medians([][]Figure{run(30, 40), run(10, 100)})[1]; f.Ratio != 0.1 || f.Aim.Met {
		t.Errorf("of two runs: %+v", f)
	}
}

func TestSelected(t *testing.T) {
	for asked, want := range map[string]string{
		"":                "publish read rebuild disk live memory latency query http streams webhooks fanout views fairness recovery growth",
		"publish":         "publish",
		"rebuild":         "publish read rebuild",
		"live disk":       "publish read rebuild disk live",
		"latency latency": "latency",
		"failover":        "failover",
		"recipes":         "publish live recipes",
	} {
		c := Config{Stages: strings.Fields(asked)}
		chosen, err := c.selected()
		if err != nil {
			t.Fatal(err)
		}
		var names []string
		for _, s := range chosen {
			names = append(names, s.name)
		}
		if got := strings.Join(names, " "); got != want {
			t.Errorf("asked for %q: got %q, want %q", asked, got, want)
		}
	}
	if _, err := (&Config{Stages: []string{"publish", "swim"}}).selected(); err == nil || !strings.Contains(err.Error(), `"swim"`) {
		t.Errorf("an unknown stage: %v", err)
	}
}

// TestAims: there is an aim only for what is measured.
func TestAims(t *testing.T) {
	names := map[string]bool{}
	for _, s := range stages() {
		names[s.name] = true
	}
	for k := range aims() {
		if !names[k.stage] {
			t.Errorf("an aim for %+v, which no stage measures", k)
		}
	}
}

func TestValidate(t *testing.T) {
	good := Config{Workload: Workload{Users: 2, Groups: 1, Commands: 10}, Runs: 1, Starts: 1, For: time.Second}
	if err := good.Validate(); err != nil {
		t.Error(err)
	}
	for words, change := range map[string]func(*Config){
		"unknown stage":  func(c *Config) { c.Stages = []string{"swim"} },
		"1 users":        func(c *Config) { c.Workload.Users = 1 },
		"0 groups":       func(c *Config) { c.Workload.Groups = 0 },
		"use less than":  func(c *Config) { c.Workload.Users = 1e8 },
		"9 commands":     func(c *Config) { c.Workload.Commands = 9 },
		"0 runs":         func(c *Config) { c.Runs = 0 },
		"0 starts":       func(c *Config) { c.Starts = 0 },
		"a measurement:": func(c *Config) { c.For = 0 },
	} {
		c := good
		change(&c)
		if err := c.Validate(); err == nil || !strings.Contains(err.Error(), words) {
			t.Errorf("%s: %v", words, err)
		}
	}
}
