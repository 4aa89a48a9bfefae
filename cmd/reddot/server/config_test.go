package server_test

import (
	"strings"
	"testing"
	"time"

	"reddot/cmd/reddot/repository"
	"reddot/cmd/reddot/server"
)

// TestDefault: what the command line has by itself can be carried out.
func TestDefault(t *testing.T) {
	cfg := server.Default()
	if err := cfg.Validate(); err != nil {
		t.Error(err)
	}
	if cfg.IsExternal() {
		t.Error("it is with an existing NATS server")
	}
}

// TestValidate: what can't be carried out is named by its flag, before anything is begun.
func TestValidate(t *testing.T) {
	for says, change := range map[string]func(*server.Config){
		"--data is empty":             func(c *server.Config) { c.Data = "" },
		"--listen":                    func(c *server.Config) { c.Listen = "4222" },
		"--listen 0.0.0.0:1":          func(c *server.Config) { c.Listen = "0.0.0.0:1" },
		"--http":                      func(c *server.Config) { c.HTTP = "x" },
		"--http :8480":                func(c *server.Config) { c.HTTP = ":8480" },
		"--nats":                      func(c *server.Config) { c.NATS = "http://x" },
		"--replicas 6":                func(c *server.Config) { c.NATS, c.Replicas = "nats://x", 6 },
		"--replicas 2":                func(c *server.Config) { c.Replicas = 2 },
		"--user-rate -1":              func(c *server.Config) { c.UserRate = -1 },
		"--user-rate 1000001":         func(c *server.Config) { c.UserRate = 1_000_001 },
		"--prefix":                    func(c *server.Config) { c.Prefix = "a b" },
		"--reply-prefix":              func(c *server.Config) { c.ReplyPrefixes = []string{"unread.cmd."} },
		"--events-max-age 1ms":        func(c *server.Config) { c.EventsMaxAge = time.Millisecond },
		"--events-max-bytes":          func(c *server.Config) { c.EventsMaxBytes = 1<<20 - 1 },
		"--session-secret":            func(c *server.Config) { c.Sessions = "secret" },
		"--takeover 499ms: use 500ms": func(c *server.Config) { c.Takeover = 499 * time.Millisecond },
		"--takeover 1m0.001s":         func(c *server.Config) { c.Takeover = time.Minute + time.Millisecond },
		"--fanout-limit -1":           func(c *server.Config) { c.FanoutLimit = -1 },
		"--event-encoding":            func(c *server.Config) { c.EventEncoding = "xml" },
		"--snapshots":                 func(c *server.Config) { c.Snapshots = "bucket:a.b" },
		"--snapshot-keep 1":           func(c *server.Config) { c.SnapshotKeep = 1 },
		"--snapshot-interval 1ms":     func(c *server.Config) { c.SnapshotInterval = time.Millisecond },
		"--trim needs snapshots":      func(c *server.Config) { c.Trim, c.Snapshots = true, repository.Off },
	} {
		cfg := server.Default()
		change(&cfg)
		if err := cfg.Validate(); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v", says, err)
		}
		if _, err := server.New(cfg); err == nil {
			t.Errorf("%s: there is a server", says)
		}
	}
	for name, change := range map[string]func(*server.Config){
		"no HTTP":           func(c *server.Config) { c.HTTP = "" },
		"no snapshots":      func(c *server.Config) { c.SnapshotEvery, c.SnapshotInterval = 0, 0 },
		"any rate":          func(c *server.Config) { c.UserRate = 0 },
		"watchers alone":    func(c *server.Config) { c.FanoutLimit = 0 },
		"insecure":          func(c *server.Config) { c.Listen, c.HTTP, c.InsecureOpen = ":1", ":2", true },
		"existing replicas": func(c *server.Config) { c.NATS, c.Replicas = "nats://x", 5 },
	} {
		cfg := server.Default()
		change(&cfg)
		if err := cfg.Validate(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}
