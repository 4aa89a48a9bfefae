package main

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"reddot/cmd/reddot/bench"
	"reddot/projector/testkit"
)

func TestRenderBench(t *testing.T) {
	missed := &bench.Aim{AtLeast: true, Bar: 0.25, Moonshot: 0.4}
	reached := &bench.Aim{Bar: 600e6, Moonshot: 300e6, Met: true}
	golden(t, "bench.txt", renderBench(&bench.Result{Joins: 5_000, Commands: 1_000_000, Runs: 3, Figures: []bench.Figure{
		{Stage: "read", Name: "commands read", Unit: bench.PerSecond, Value: 650_123.4},
		{Stage: "rebuild", Name: "commands applied", Unit: bench.PerSecond, Value: 130_024.7, Against: "read", Reference: 650_123.4, Ratio: 0.2, Aim: missed},
		{Stage: "disk", Name: "store, per command", Unit: bench.Bytes, Value: 58.123},
		{Stage: "memory", Name: "resident at most", Unit: bench.Bytes, Value: 433_123_456, Aim: reached},
		{Stage: "memory", Name: "the same, with twice the commands", Unit: bench.Bytes, Value: 440_123_456, Against: "once", Reference: 433_123_456, Ratio: 1.016},
		{Stage: "query", Name: "echo, idle", Unit: bench.PerSecond, Value: 54_647.2, Times: &bench.Times{P50: 0.00076, P99: 0.00464}},
		{Stage: "fanout", Name: "a message to 10, emission off", Unit: bench.Seconds, Value: 7.2749e-6},
		{Stage: "fanout", Name: "a message to 100000, emission on", Unit: bench.Seconds, Value: 13.6312},
		{Stage: "failover", Name: "both started at the same moment, it tells", Unit: bench.Count, Value: 30, Against: "started", Reference: 30, Ratio: 1,
			Aim: &bench.Aim{AtLeast: true, Bar: 1, Moonshot: 1, Met: true}},
		{Stage: "failover", Name: "SIGKILL of the emitting reddot, events silent", Unit: bench.Seconds, Value: 1.8912, Aim: &bench.Aim{Bar: 2.5, Moonshot: 2, Met: true}},
		{Stage: "failover", Name: "SIGKILL of the emitting reddot, commands refused", Unit: bench.Seconds, Aim: &bench.Aim{Met: true}},
	}}))
}

func TestBenchFails(t *testing.T) {
	for line, words := range map[string]string{
		"bench swim":           `unknown stage "swim"`,
		"bench --users 1":      "1 users",
		"bench --runs 0":       "0 runs",
		"bench --starts 0":     "0 starts",
		"bench --sync 1h read": "--sync",
	} {
		reddot(t, nil, strings.Fields(line)...).failed(t, exitUsage, words, `--help"`)
	}
	file := filepath.Join(t.TempDir(), "commands.jsonl")
	if err := os.WriteFile(file, []byte(`{"subject":"unread.cmd.user.alice.message","payload":{}}`), 0o600); err != nil {
		t.Fatal(err)
	}
	reddot(t, nil, "bench", "--commands", file, "publish").failed(t, exitFailed, "line 1", "id")
	reddot(t, nil, "bench", "--dir", filepath.Join(t.TempDir(), "none"), "publish").failed(t, exitFailed, "--dir")
}

// TestFiguresCanBePrinted: what the pages say has printed their figures can be run.
func TestFiguresCanBePrinted(t *testing.T) {
	stages, _ := bench.Stages()
	run := map[string]bool{}
	for _, page := range []string{"figures", "operate"} {
		text := testkit.Must(os.ReadFile(filepath.Join("../../api/docs", page+".md")))(t)
		for _, line := range regexp.MustCompile("`reddot bench ([^`]+)`").FindAllStringSubmatch(string(text), -1) {
			cmd := (&app{}).benchCommand()
			if err := cmd.ParseFlags(strings.Fields(line[1])); err != nil {
				t.Errorf("%s: %v", line[0], err)
			}
			for _, stage := range cmd.Flags().Args() {
				if run[stage] = true; !slices.Contains(stages, stage) {
					t.Errorf("%s: there is no stage %s", line[0], stage)
				}
			}
		}
	}
	if len(run) < 10 {
		t.Errorf("only %v are measured", run)
	}
}
