package main

import (
	"strings"
	"testing"

	"reddot/cmd/reddot/server"
)

// TestCompletion: what the shell is given for a word that is not there yet.
func TestCompletion(t *testing.T) {
	for line, want := range map[string]string{
		"show --kind":                           "c2c group :4",
		"read-all alice --kind":                 "c2c group :4",
		"policy --own-message":                  "keep advance :4",
		"key new --role":                        "backend viewer operator metrics :4",
		"serve --event-encoding":                "msgpack json :4",
		"serve --log-level":                     "debug info warn error :4",
		"serve --log-format":                    "text json :4",
		"serve --sync":                          "always 1s :4",
		"serve --data":                          ":16", // folders
		"publish":                               "jsonl jsonl.gz gz :8",
		"show":                                  ":4",
		"snapshot remove --data " + t.TempDir(): ":36",
	} {
		out := reddot(t, nil, append(append([]string{"__complete"}, strings.Fields(line)...), "")...).stdout
		if got := strings.Join(strings.Fields(out), " "); got != want {
			t.Errorf("%s: %q, want %q", line, got, want)
		}
	}
}

// TestCompletionOfSnapshots lists those that are there.
func TestCompletionOfSnapshots(t *testing.T) {
	dir := t.TempDir()
	address, stop := served(t, dir, "127.0.0.1:0", func(cfg *server.Config) { cfg.Snapshots = "" })
	url := "nats://" + address
	reddot(t, strings.NewReader(messageLines(3)), "publish", "--wait", "--server", url).done(t)
	reddot(t, nil, "snapshot", "create", "--server", url).done(t)
	stop()
	for _, args := range [][]string{{"snapshot", "restore"}, {"snapshot", "verify", "3"}, {"snapshot", "remove"}, {"verify", "--against"}} {
		args := append(append([]string{"__complete"}, args...), "--data", dir, "")
		if args[len(args)-4] == "--against" {
			args = []string{"__complete", "verify", "--data", dir, "--against", ""}
		}
		out := reddot(t, nil, args...).stdout
		if !strings.HasPrefix(out, "3\ttaken at 20") || !strings.HasSuffix(out, ":36\n") {
			t.Errorf("%q: %q", args, out)
		}
	}
}
