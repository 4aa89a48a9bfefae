package main

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"github.com/coreos/go-systemd/v22/daemon"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"reddot/cmd/reddot/heap"
	"reddot/cmd/reddot/natsserver"
	"reddot/cmd/reddot/server"
	"reddot/cmd/reddot/term"
)

// logConfig is how the server's log looks.
type logConfig struct {
	level  level
	format string // text or json
}

// validate reports a usageError.
func (cfg *logConfig) validate() error {
	if cfg.format != "text" && cfg.format != "json" {
		return usagef("--log-format %q: use text or json", cfg.format)
	}
	return nil
}

func (a *app) serveCommand() *cobra.Command {
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

With --auth everybody is asked who they are, on NATS and over HTTP: "reddot key" makes
keys for programs, and users bring tokens (JWT). The file is read again on SIGHUP. Without
it whoever reaches a listener may do everything, so both are for this machine alone
unless --insecure-open says that the network around them is safe.

Settings can stand in a file, --config, with the flags' names as keys; "reddot config
check" shows what comes of them.

Everything in --data is for this user alone (folders 0700, files 0600).`,
		Example: `  # everything in one process, data in ./reddot-data
  reddot serve

  # on free ports, every command on disk before it is acknowledged
  reddot serve --data /var/lib/reddot --listen 127.0.0.1:0 --http 127.0.0.1:0 --sync always

  # for other machines, who have to say who they are
  reddot serve --auth auth.json --listen 0.0.0.0:4222 --http 0.0.0.0:8480

  # with a NATS server that runs already
  reddot serve --nats tls://nats.example.com:4222 --nats-creds reddot.creds

  # one of two on a cluster; each has a data folder of its own, and both the snapshots
  reddot serve --nats tls://a.example.com,tls://b.example.com,tls://c.example.com \
    --nats-creds reddot.creds --snapshots bucket:reddot

  # the same, by environment variables, with a password in a file
  REDDOT_NATS=tls://a.example.com,tls://b.example.com REDDOT_NATS_USER=reddot \
    REDDOT_NATS_PASSWORD_FILE=/run/secrets/nats REDDOT_NATS_CA=ca.pem reddot serve`,
		Args: cobra.NoArgs,
	}
	cfg, logging := serveSettings(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if err := checkSettings(cmd.Flags(), cfg, logging); err != nil {
			return err
		}
		cfg.Logger, cfg.Settings = a.logger(logging), settings(cmd.Flags())
		return a.serve(cmd.Context(), *cfg)
	}
	return cmd
}

// serveSettings gives a command the flags of serve, and returns what they fill.
func serveSettings(cmd *cobra.Command) (*server.Config, *logConfig) {
	cfg, logging := server.Default(), logConfig{format: "text"}
	f := cmd.Flags()
	addServeFlags(f, &cfg)
	addConfig(f)
	renamed(cmd)
	f.Var(&logging.level, "log-level", "least `level` that is logged: debug, info, warn or error")
	f.StringVar(&logging.format, "log-format", logging.format, "`format` of the log on standard error: text or json")
	return &cfg, &logging
}

// checkSettings reports a usageError.
func checkSettings(flags *pflag.FlagSet, cfg *server.Config, logging *logConfig) error {
	return cmp.Or(onlyEmbedded(flags, cfg), wrongUsage(cfg.Validate()), logging.validate())
}

// onlyEmbedded refuses what is for the embedded NATS server where there is another.
func onlyEmbedded(flags *pflag.FlagSet, cfg *server.Config) error {
	for _, name := range []string{"listen", "sync"} {
		if cfg.IsExternal() && flags.Changed(name) {
			return usagef("--%s is for the embedded NATS server: leave it out, or leave out --nats", name)
		}
	}
	return nil
}

// addServeFlags adds the flags that fill cfg; what it has are their defaults.
func addServeFlags(f *pflag.FlagSet, cfg *server.Config) {
	f.StringVar((*string)(&cfg.Data), "data", string(cfg.Data), "`directory` of the data")
	f.StringVar(&cfg.Listen, "listen", cfg.Listen, "`address` of the embedded NATS server; port 0 picks a free one")
	f.StringVar(&cfg.NATS, "nats", "", "`URL` of an existing NATS server to use instead of the embedded one, or several with commas")
	cfg.Auth.AddFlags(f)
	f.IntVar(&cfg.UserRate, "user-rate", cfg.UserRate, "`commands` a second that a user may ask for, three times as many at once; 0 for any number")
	f.StringArrayVar(&cfg.ReplyPrefixes, "reply-prefix", nil, "`beginning` of reply subjects that are answered, beside _INBOX, _R_. and the inboxes of users; may be repeated")
	f.StringVar(&cfg.Prefix, "prefix", cfg.Prefix, "first token of every subject")
	f.Var(&cfg.Sync, "sync", fmt.Sprintf("when stored messages are forced to disk: always, or after an `interval` of %v to %v", natsserver.MinSync, natsserver.MaxSync))
	f.IntVar(&cfg.Replicas, "replicas", 0, "`servers` that each stream is put on that has to be made, 1 to 5 (default 3 in a cluster of three or more NATS servers, else 1)")
	f.IntVar(&cfg.FanoutLimit, "fanout-limit", cfg.FanoutLimit, "members up to which a group's changes go to everyone, not only to watchers")
	f.StringVar(&cfg.EventEncoding, "event-encoding", cfg.EventEncoding, "`encoding` of events: msgpack or json")
	f.DurationVar(&cfg.EventsMaxAge, "events-max-age", cfg.EventsMaxAge, "how long events are stored for durable consumers")
	f.Var(&cfg.EventsMaxBytes, "events-max-bytes", "`size` of the stored events, as 512MB or 1GiB")
	f.DurationVar(&cfg.Takeover, "takeover", cfg.Takeover, "how long another reddot on the same streams may tell nothing, although there is something to tell, until this one does")
	f.StringVar(&cfg.Snapshots, "snapshots", "", "`place` where snapshots are kept: a directory, bucket:NAME (a NATS object store) or off (default the directory snapshots of --data)")
	f.Uint64Var(&cfg.SnapshotEvery, "snapshot-every", cfg.SnapshotEvery, "take a snapshot after this many `commands`; 0 for never")
	f.DurationVar(&cfg.SnapshotInterval, "snapshot-interval", cfg.SnapshotInterval, "take a snapshot after this time, if anything was applied since; 0 for never")
	f.IntVar(&cfg.SnapshotKeep, "snapshot-keep", cfg.SnapshotKeep, "snapshots kept, 2 or more")
	f.BoolVar(&cfg.Trim, "trim", false, "after each snapshot, remove the commands that two sound snapshots have from the log, for ever")
	f.Var((*acceptance)(&cfg.AcceptTruncation), "accept-truncation", "go on with what the log holds where commands that were applied or told of are gone from its end, as after a power cut with --sync 1s; above 1000000 of them with their `number`")
	f.Lookup("accept-truncation").NoOptDefVal = "true"
	(*seqs)(&cfg.Skip).addSkip(f)
	f.StringVar(&cfg.HTTP, "http", cfg.HTTP, "`address` of the HTTP API (/v1), health (/healthz, /readyz) and metrics (/metrics); port 0 picks a free one, empty turns them off")
	f.StringVar(&cfg.AuthFile, "auth", "", "`file` of who may come in: keys, and what tokens are checked with; read again on SIGHUP")
	f.StringVar(&cfg.Sessions, "session-secret", "", "`file` of the secret that seals the console's sessions, the same at every reddot behind one address (default one of the data folder's own)")
	f.StringVar(&cfg.Webhooks, "webhooks", "", "`file` of the endpoints that are told of events over HTTP; read again on SIGHUP")
	f.StringVar(&cfg.TLSCert, "tls-cert", "", "`file` of the TLS certificate of --http and --listen, with those in between; read again when it changes")
	f.StringVar(&cfg.TLSKey, "tls-key", "", "`file` of its key")
	f.BoolVar(&cfg.H2C, "h2c", false, "take HTTP/2 without TLS at --http, from a proxy in front")
	f.StringVar(&cfg.AuthCallout, "auth-callout", "", "`file` of the seed of an account's NATS key: an existing NATS server asks reddot who connects; see \"reddot nats-config\"")
	f.IntVar(&cfg.Streams, "streams", cfg.Streams, "most streams of --http at once (/v1/events and its like); each takes some 40 KiB and a file")
	f.BoolVar(&cfg.QueryToken, "allow-query-token", false, "take a user's token in the URL of /v1/events as access_token, for clients that send no headers; proxies may log it")
	f.BoolVar(&cfg.WebSocket, "websocket", false, "let browsers reach the embedded NATS server, at /nats of --http")
	f.BoolVar(&cfg.InsecureOpen, "insecure-open", false, "let --listen and --http be reached from other machines, by anybody, and under any name")
	f.BoolVar(&cfg.Profiles, "profiles", false, "serve Go's profiles at /debug/pprof/ of --http")
}

// serve runs the server until ctx ends or a part of it fails.
func (a *app) serve(ctx context.Context, cfg server.Config) error {
	cfg.Program, cfg.ServiceVersion, cfg.Figures = version(), serviceVersion(), []prometheus.Collector{buildFigure()}
	caughtUp := make(chan struct{})
	cfg.Ready = func(nats, http string) {
		close(caughtUp)
		line := "ready nats=" + nats
		if http != "" {
			line += " http=" + http
		}
		fmt.Fprintln(a.stdout, line)
		tellSystemd(cfg.Logger, daemon.SdNotifyReady)
	}
	stopping := context.AfterFunc(ctx, func() { tellSystemd(cfg.Logger, daemon.SdNotifyStopping) })
	defer stopping()
	watched, end := context.WithCancel(context.WithoutCancel(ctx)) // until it has ended
	defer end()
	go feedWatchdog(watched, cfg.Logger)
	if term.IsTerminal(a.stderr) {
		cfg.Filling = func(commands uint64) server.Progress { return term.StartBar(a.stderr, "commands filled up", commands) }
	}
	hangup := make(chan os.Signal, 1)
	signal.Notify(hangup, syscall.SIGHUP)
	defer signal.Stop(hangup)
	cfg.Reload = hangup
	defer heap.Save(caughtUp)()
	s, err := server.New(cfg)
	if err != nil {
		return err
	}
	return s.Run(ctx)
}

// settings are the flags that are not as they are by themselves. None holds a
// secret but for the URL, of which the log keeps none.
func settings(flags *pflag.FlagSet) (set []slog.Attr) {
	flags.Visit(func(f *pflag.Flag) {
		set = append(set, slog.String(f.Name, shownValue(f)))
	})
	return set
}
