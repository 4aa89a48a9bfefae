package main

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"reddot/api"
	"reddot/cmd/reddot/datadir"
	"reddot/cmd/reddot/natsconn"
	"reddot/cmd/reddot/natsserver"
	"reddot/cmd/reddot/repository"
	"reddot/cmd/reddot/term"
	"reddot/events"
	"reddot/projector/emit"
	"reddot/snapshot"
)

// serveConfig is the command line of serve.
type serveConfig struct {
	data          string          // directory of everything stored
	listen        string          // address of the embedded NATS server
	nats          string          // URLs of an existing NATS server; see external
	auth          natsconn.Config // as whom it is connected to
	gate          gateConfig
	prefix        string                // first token of every subject
	sync          natsserver.SyncPolicy // of the embedded server's streams
	replicas      int                   // servers that a stream is put on that has to be made; 0: as fits the cluster
	fanoutLimit   int                   // members up to which a group's changes go to everyone
	eventEncoding string                // msgpack or json
	http          string                // address of health and metrics; none if empty
	eventsMaxAge  time.Duration
	eventsMaxSize term.Size // of the stored events
	takeover      time.Duration

	snapshots        string        // folder, bucket:NAME, "off"; empty: in the data folder
	snapshotEvery    uint64        // commands; 0: not by number
	snapshotInterval time.Duration // 0: not by time
	snapshotKeep     int
	trim             bool       // the log, once two snapshots have its commands
	skip             seqs       // commands that are passed over if nobody can read them
	acceptCut        acceptance // go on with a log that lacks commands of which something was made

	insecureOpen bool // whoever reaches the listeners may do everything

	profiles  bool // on the HTTP listener
	logLevel  level
	logFormat string // text or json
}

func (a *app) serveCommand() *cobra.Command {
	cfg := serveConfig{sync: natsserver.SyncPolicy{Every: time.Second}, auth: natsconn.Config{OwnInbox: ownInbox}, eventsMaxSize: emit.DefaultMaxBytes}
	cmd := &cobra.Command{
		Use:     "serve",
		GroupID: groupServer,
		Short:   "Start the server",
		Long: `Start everything: a NATS server with JetStream, the projector and the queries.
Prints one line that starts with "ready" once commands are accepted and queries
are answered. SIGTERM or SIGINT ends it cleanly.

Snapshots of the state are taken meanwhile. A store that is missing or damaged is
built anew from one of them and the log. A log that is not whole is not served:
the error says what is missing, and what to do.

With --nats or --nats-context an existing NATS server is used, or any of several of
a cluster, which is waited for if it is not there yet; /readyz says so meanwhile.
NATS_URL is for the client commands alone: serve does not hear it, REDDOT_NATS it
does. In a cluster of three or more a stream that has to be made is put on three of
them; one that is there already on fewer is told of, see "reddot status".

Nobody is asked who they are yet: whoever reaches --listen may do everything,
and whoever reaches --http may read the figures. So both are for this machine
alone unless --insecure-open says that the network around them is safe.

Everything in --data is for this user alone (folders 0700, files 0600).`,
		Example: `  # everything in one process, data in ./reddot-data
  reddot serve

  # on free ports, every command on disk before it is acknowledged
  reddot serve --data /var/lib/reddot --listen 127.0.0.1:0 --http 127.0.0.1:0 --sync always

  # with a NATS server that runs already
  reddot serve --nats tls://nats.example.com:4222 --nats-creds reddot.creds

  # one of two on a cluster; each has a data folder of its own, and both the snapshots
  reddot serve --nats tls://a.example.com,tls://b.example.com,tls://c.example.com \
    --nats-creds reddot.creds --snapshots bucket:reddot

  # the same, by environment variables, with a password in a file
  REDDOT_NATS=tls://a.example.com,tls://b.example.com REDDOT_NATS_USER=reddot \
    REDDOT_NATS_PASSWORD_FILE=/run/secrets/nats REDDOT_NATS_CA=ca.pem reddot serve`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			for _, name := range []string{"listen", "sync"} {
				if cfg.external() && cmd.Flags().Changed(name) {
					return usagef("--%s is for the embedded NATS server: leave it out, or leave out --nats", name)
				}
			}
			if err := cfg.validate(); err != nil {
				return err
			}
			if cfg.external() {
				if _, err := cfg.auth.Options(); err != nil {
					return err // before anything is begun
				}
			}
			return a.serve(cmd.Context(), cfg, settings(cmd.Flags()))
		},
	}
	f := cmd.Flags()
	f.StringVar(&cfg.data, "data", "./reddot-data", "`directory` of the data")
	f.StringVar(&cfg.listen, "listen", "127.0.0.1:4222", "`address` of the embedded NATS server; port 0 picks a free one")
	f.StringVar(&cfg.nats, "nats", "", "`URL` of an existing NATS server to use instead of the embedded one, or several with commas")
	cfg.auth.AddFlags(f)
	cfg.gate.addFlags(f)
	f.StringVar(&cfg.prefix, "prefix", events.DefaultPrefix, "first token of every subject")
	f.Var(&cfg.sync, "sync", fmt.Sprintf("when stored messages are forced to disk: always, or after an `interval` of %v to %v", natsserver.MinSync, natsserver.MaxSync))
	f.IntVar(&cfg.replicas, "replicas", 0, "`servers` that each stream is put on that has to be made, 1 to 5 (default 3 in a cluster of three or more NATS servers, else 1)")
	f.IntVar(&cfg.fanoutLimit, "fanout-limit", 1000, "members up to which a group's changes go to everyone, not only to watchers")
	f.StringVar(&cfg.eventEncoding, "event-encoding", "msgpack", "`encoding` of events: msgpack or json")
	f.DurationVar(&cfg.eventsMaxAge, "events-max-age", emit.DefaultMaxAge, "how long events are stored for durable consumers")
	f.Var(&cfg.eventsMaxSize, "events-max-bytes", "`size` of the stored events, as 512MB or 1GiB")
	f.DurationVar(&cfg.takeover, "takeover", emit.DefaultTakeover, "how long another reddot on the same streams may tell nothing, although there is something to tell, until this one does")
	f.StringVar(&cfg.snapshots, "snapshots", "", "`place` where snapshots are kept: a directory, bucket:NAME (a NATS object store) or off (default the directory snapshots of --data)")
	f.Uint64Var(&cfg.snapshotEvery, "snapshot-every", 5_000_000, "take a snapshot after this many `commands`; 0 for never")
	f.DurationVar(&cfg.snapshotInterval, "snapshot-interval", time.Hour, "take a snapshot after this time, if anything was applied since; 0 for never")
	f.IntVar(&cfg.snapshotKeep, "snapshot-keep", 3, "snapshots kept, 2 or more")
	f.BoolVar(&cfg.trim, "trim", false, "after each snapshot, remove the commands that two sound snapshots have from the log, for ever")
	f.Var(&cfg.acceptCut, "accept-cut", "go on with what the log holds where commands that were applied or told of are gone from its end, as after a power cut with --sync 1s; above 1000000 of them with their `number`")
	f.Lookup("accept-cut").NoOptDefVal = "true"
	cfg.skip.addSkip(f)
	f.StringVar(&cfg.http, "http", "127.0.0.1:8480", "`address` of health (/healthz, /readyz) and metrics (/metrics); port 0 picks a free one, empty turns them off")
	f.BoolVar(&cfg.insecureOpen, "insecure-open", false, "let --listen and --http be reached from other machines, by anybody, and under any name")
	f.BoolVar(&cfg.profiles, "profiles", false, "serve Go's profiles at /debug/pprof/ of --http")
	f.Var(&cfg.logLevel, "log-level", "least `level` that is logged: debug, info, warn or error")
	f.StringVar(&cfg.logFormat, "log-format", "text", "`format` of the log on standard error: text or json")
	return cmd
}

// settings are the flags that are not as they are by themselves. None holds a
// secret but for the URL, of which the log keeps none.
func settings(flags *pflag.FlagSet) (set []slog.Attr) {
	flags.Visit(func(f *pflag.Flag) {
		value := f.Value.String()
		if f.Name == "nats" {
			value = natsconn.Redacted(value)
		}
		set = append(set, slog.String(f.Name, value))
	})
	return set
}

// Bounds of --takeover: a reddot that is only slow should not be taken for dead, and
// nobody waits for longer.
const (
	minTakeover = 500 * time.Millisecond
	maxTakeover = time.Minute
)

// validate reports a usageError.
func (cfg *serveConfig) validate() error {
	if cfg.data == "" {
		return usagef("--data is empty: name a directory")
	}
	if _, _, err := natsserver.ParseListen(cfg.listen); err != nil {
		return usagef("--listen: %w", err)
	}
	if cfg.http != "" {
		if _, _, err := natsserver.ParseListen(cfg.http); err != nil {
			return usagef("--http: %w", err)
		}
	}
	if err := cfg.validateOpen(); err != nil {
		return err
	}
	if err := errors.Join(cfg.validateNATS(), cfg.validateReplicas()); err != nil {
		return err
	}
	if err := cfg.gate.validate(cfg.prefix); err != nil {
		return err
	}
	if cfg.eventsMaxAge < time.Second {
		return usagef("--events-max-age %s: use 1s or more", cfg.eventsMaxAge)
	}
	if cfg.eventsMaxSize < 1<<20 {
		return usagef("--events-max-bytes %s: use 1MiB or more", &cfg.eventsMaxSize)
	}
	if cfg.takeover < minTakeover || cfg.takeover > maxTakeover {
		return usagef("--takeover %s: use %s to %s", cfg.takeover, minTakeover, maxTakeover)
	}
	if err := wrongUsage((&repository.Place{Data: datadir.Dir(cfg.data), At: cfg.snapshots}).Validate()); err != nil {
		return err
	}
	if cfg.snapshotKeep < snapshot.MinKeep {
		return usagef("--snapshot-keep %d: use %d or more", cfg.snapshotKeep, snapshot.MinKeep)
	}
	if cfg.snapshotInterval != 0 && cfg.snapshotInterval < time.Second {
		return usagef("--snapshot-interval %s: use 1s or more, or 0", cfg.snapshotInterval)
	}
	if cfg.trim && cfg.snapshots == repository.Off {
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

// external reports whether an existing NATS server is used.
func (cfg *serveConfig) external() bool { return cfg.nats != "" || cfg.auth.HasContext() }

// urls are those of the existing NATS server.
func (cfg *serveConfig) urls() (string, error) {
	if cfg.nats != "" {
		return cfg.nats, nil
	}
	context, err := cfg.auth.Context()
	if err != nil {
		return "", err
	}
	return cmp.Or(strings.Join(context.Servers, ","), nats.DefaultURL), nil
}

// validateNATS reports a usageError.
func (cfg *serveConfig) validateNATS() error {
	if !cfg.external() {
		if given := append(cfg.auth.Given(), cfg.auth.Trust()...); len(given) > 0 {
			return usagef("%s is for an existing NATS server: name it with --nats", given[0])
		}
		return nil
	}
	if err := cfg.auth.Validate(cfg.nats); err != nil {
		return usagef("--nats: %w", err)
	}
	return nil
}

// validateOpen reports a usageError for an address that other machines reach
// while nobody is asked who they are.
func (cfg *serveConfig) validateOpen() error {
	if cfg.insecureOpen {
		return nil
	}
	for _, l := range []struct{ flag, address, may string }{
		{"--listen", cfg.listen, "do everything"},
		{"--http", cfg.http, "read all figures"},
	} {
		if l.address == "" || l.flag == "--listen" && cfg.external() {
			continue
		}
		if host, _, _ := net.SplitHostPort(l.address); !api.Loopback(host) {
			return usagef("%s %s: whoever reaches it from another machine could %s: use 127.0.0.1, or say with --insecure-open that the network is safe",
				l.flag, l.address, l.may)
		}
	}
	return nil
}
