package main_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"reddot/cmd/reddot/bench"
)

// testBench runs every stage with little to do, and checks that each measures
// something and that nothing is left behind. How much it measures is not
// looked at.
func testBench(t *testing.T, p program) {
	tmp := t.TempDir()
	tiny := []string{"bench", "--json", "--dir", tmp, "--count", "1000", "--users", "200", "--groups", "10", "--for", "100ms"}
	figures := benched(t, p, tiny...)
	var seen []string
	for _, f := range figures {
		seen = append(seen, f.Stage)
		if f.Value <= 0 || f.Against != "" && f.Ratio <= 0 {
			t.Errorf("nothing was measured: %+v", f)
		}
	}
	names, _ := bench.Stages()
	names = slices.DeleteFunc(names, func(name string) bool { return name == "failover" || name == "recipes" }) // the test "cluster" does the first, the second needs a Redis
	if diff := cmp.Diff(names, slices.Compact(seen)); diff != "" {
		t.Errorf("stages (-want +got):\n%s", diff)
	}

	var lines strings.Builder
	for i := range 50 {
		lines.WriteString(`{"subject":"unread.cmd.user.alice.message","payload":{"id":"m` + strconv.Itoa(i) + `","from":"bob"}}` + "\n")
	}
	file := filepath.Join(t.TempDir(), "commands.jsonl")
	if err := os.WriteFile(file, []byte(lines.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	if n := len(benched(t, p, "bench", "--json", "--dir", tmp, "--for", "100ms", "--commands", file, "rebuild", "memory", "query", "growth")); n == 0 {
		t.Error("nothing was measured with commands from a file")
	}
	if left, err := os.ReadDir(tmp); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v %v", left, err)
	}
}

// benched are the figures of one run of the program.
func benched(t *testing.T, p program, args ...string) []bench.Figure {
	t.Helper()
	var result bench.Result
	if err := json.Unmarshal([]byte(p.run(t, nil, args...).done(t)), &result); err != nil {
		t.Fatal(err)
	}
	return result.Figures
}
