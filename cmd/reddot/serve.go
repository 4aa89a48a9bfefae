package main

import (
	"log/slog"
	"os"
	"time"

	"github.com/spf13/cobra"

	"reddot/events"
	"reddot/projector/emit"
	"reddot/snapshot"
)

// serveConfig is the command line of serve.
type serveConfig struct {
	data          string     // directory of everything stored
	listen        string     // address of the embedded NATS server
	nats          string     // URL of an existing NATS server; the embedded one if empty
	creds         string     // credentials file for it
	prefix        string     // first token of every subject
	sync          syncPolicy // of the embedded server's streams
	fanoutLimit   int        // members up to which a group's changes go to everyone
	eventEncoding string     // msgpack or json
	http          string     // address of health and metrics; none if empty
	eventsMaxAge  time.Duration
	eventsMaxSize int64 // bytes of stored events

	snapshots        string        // folder, bucket:NAME, "off"; empty: in the data folder
	snapshotEvery    uint64        // commands; 0: not by number
	snapshotInterval time.Duration // 0: not by time
	snapshotKeep     int
	trim             bool // the log, once two snapshots have its commands
	acceptCut        bool // go on with a log that lacks commands of which something was made

	profiles  bool // on the HTTP listener
	logLevel  slog.Level
	logFormat string // text or json
}

func (a *app) serveCommand() *cobra.Command {
	cfg := serveConfig{sync: syncPolicy{every: time.Second}}
	cmd := &cobra.Command{
		Use:     "serve",
		GroupID: groupServer,
		Short:   "Start the server",
		Long: `Start everything: a NATS server with JetStream, the projector and the queries.
Prints one line that starts with "ready" once commands are accepted and queries
are answered. SIGTERM or SIGINT ends it cleanly.

Snapshots of the state are taken meanwhile. A store that is missing or damaged is
built anew from one of them and the log. A log that is not whole is not served:
the error says what is missing, and what to do.`,
		Example: `  # everything in one process, data in ./reddot-data
  reddot serve

  # on free ports, every command on disk before it is acknowledged
  reddot serve --data /var/lib/reddot --listen 127.0.0.1:0 --http 127.0.0.1:0 --sync always

  # with a NATS server that runs already
  reddot serve --nats nats://nats.example.com:4222 --creds reddot.creds`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			for _, name := range []string{"listen", "sync"} {
				if cfg.nats != "" && cmd.Flags().Changed(name) {
					return usagef("--%s is for the embedded NATS server: leave it out, or leave out --nats", name)
				}
			}
			if err := cfg.validate(); err != nil {
				return err
			}
			return a.serve(cmd.Context(), cfg)
		},
	}
	f := cmd.Flags()
	f.StringVar(&cfg.data, "data", "./reddot-data", "`directory` of the data")
	f.StringVar(&cfg.listen, "listen", "127.0.0.1:4222", "`address` of the embedded NATS server; port 0 picks a free one")
	f.StringVar(&cfg.nats, "nats", "", "`URL` of an existing NATS server to use instead of the embedded one")
	f.StringVar(&cfg.creds, "creds", "", "NATS credentials `file` for --nats")
	f.StringVar(&cfg.prefix, "prefix", events.DefaultPrefix, "first token of every subject")
	f.Var(&cfg.sync, "sync", "when stored messages are forced to disk: an interval, or always")
	f.IntVar(&cfg.fanoutLimit, "fanout-limit", 1000, "members up to which a group's changes go to everyone, not only to watchers")
	f.StringVar(&cfg.eventEncoding, "event-encoding", "msgpack", "`encoding` of events: msgpack or json")
	f.DurationVar(&cfg.eventsMaxAge, "events-max-age", emit.DefaultMaxAge, "how long events are stored for durable consumers")
	f.Int64Var(&cfg.eventsMaxSize, "events-max-bytes", emit.DefaultMaxBytes, "`bytes` of stored events")
	f.StringVar(&cfg.snapshots, "snapshots", "", "`place` where snapshots are kept: a directory, bucket:NAME (a NATS object store) or off (default the directory snapshots of --data)")
	f.Uint64Var(&cfg.snapshotEvery, "snapshot-every", 5_000_000, "take a snapshot after this many `commands`; 0 for never")
	f.DurationVar(&cfg.snapshotInterval, "snapshot-interval", time.Hour, "take a snapshot after this time, if anything was applied since; 0 for never")
	f.IntVar(&cfg.snapshotKeep, "snapshot-keep", 3, "snapshots kept, 2 or more")
	f.BoolVar(&cfg.trim, "trim", false, "after each snapshot, remove the commands that two sound snapshots have from the log, for ever")
	f.BoolVar(&cfg.acceptCut, "accept-cut", false, "go on with what the log holds where commands that were applied or told of are gone from its end, as after a power cut with --sync 1s")
	f.StringVar(&cfg.http, "http", "127.0.0.1:8480", "`address` of health (/healthz, /readyz) and metrics (/metrics); port 0 picks a free one, empty turns them off")
	f.BoolVar(&cfg.profiles, "profiles", false, "serve Go's profiles at /debug/pprof/ of --http")
	f.TextVar(&cfg.logLevel, "log-level", slog.LevelInfo, "least `level` that is logged: debug, info, warn or error")
	f.StringVar(&cfg.logFormat, "log-format", "text", "`format` of the log on standard error: text or json")
	return cmd
}

// validate reports a usageError.
func (cfg *serveConfig) validate() error {
	if cfg.data == "" {
		return usagef("--data is empty: name a directory")
	}
	if _, _, err := parseListen(cfg.listen); err != nil {
		return usagef("--listen: %w", err)
	}
	if cfg.http != "" {
		if _, _, err := parseListen(cfg.http); err != nil {
			return usagef("--http: %w", err)
		}
	}
	if _, err := parseURL(cfg.nats); err != nil {
		return usagef("--nats: %w", err)
	}
	if cfg.creds != "" && cfg.nats == "" {
		return usagef("--creds is for an existing NATS server: name it with --nats")
	}
	if cfg.creds != "" {
		if _, err := os.Stat(cfg.creds); err != nil {
			return usagef("--creds: %w", err)
		}
	}
	if _, err := events.NewSubjects(cfg.prefix); err != nil {
		return usagef("--prefix: %w", err)
	}
	if cfg.eventsMaxAge < time.Second {
		return usagef("--events-max-age %s: use 1s or more", cfg.eventsMaxAge)
	}
	if cfg.eventsMaxSize < 1<<20 {
		return usagef("--events-max-bytes %d: use 1048576 (1 MiB) or more", cfg.eventsMaxSize)
	}
	if err := (&snapshotPlace{data: cfg.data, at: cfg.snapshots}).validate(); err != nil {
		return err
	}
	if cfg.snapshotKeep < snapshot.MinKeep {
		return usagef("--snapshot-keep %d: use %d or more", cfg.snapshotKeep, snapshot.MinKeep)
	}
	if cfg.snapshotInterval != 0 && cfg.snapshotInterval < time.Second {
		return usagef("--snapshot-interval %s: use 1s or more, or 0", cfg.snapshotInterval)
	}
	if cfg.trim && cfg.snapshots == noSnapshots {
		return usagef("--trim needs snapshots: leave out --snapshots off")
	}
	if cfg.logFormat != "text" && cfg.logFormat != "json" {
		return usagef("--log-format %q: use text or json", cfg.logFormat)
	}
	if cfg.fanoutLimit < 0 {
		return usagef("--fanout-limit %d: use 0 or more", cfg.fanoutLimit)
	}
	if _, err := events.ParseEncoding(cfg.eventEncoding); err != nil {
		return usagef("--event-encoding %q: use msgpack or json", cfg.eventEncoding)
	}
	return nil
}
