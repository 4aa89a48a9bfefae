package server

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/prometheus/client_golang/prometheus"

	"reddot/api"
	"reddot/api/gate"
	"reddot/api/rest"
	"reddot/api/stream"
	"reddot/cmd/reddot/datadir"
	"reddot/cmd/reddot/natsconn"
	"reddot/cmd/reddot/natsserver"
	"reddot/cmd/reddot/repository"
	"reddot/cmd/reddot/term"
	"reddot/events"
	"reddot/projector/emit"
	"reddot/projector/emit/journal"
	"reddot/snapshot"
)

// Config is what a server does. The zero value of a field is a value like any other;
// where Validate refuses it, it says so. Default has those of the command line.
type Config struct {
	Data           datadir.Dir     // everything that is stored on this machine; must be named
	Listen         string          // HOST:PORT of the embedded NATS server; must be given
	NATS           string          // URLs of an existing NATS server; see IsExternal
	Auth           natsconn.Config // as whom it is connected to
	UserRate       int             // commands a second that a user may ask for; 0: any number
	ReplyPrefixes  []string        // of reply subjects that are answered beside inboxes
	Prefix         string          // first token of every subject; must be one
	Sync           natsserver.SyncPolicy
	Replicas       int           // servers that a stream is put on that has to be made; 0: as fits the cluster
	FanoutLimit    int           // members up to which a group's changes go to everyone; 0: to watchers alone
	EventEncoding  string        // msgpack or json
	HTTP           string        // HOST:PORT of the HTTP API, health and metrics; empty: none
	EventsMaxAge   time.Duration // of the stored events, 1s or more
	EventsMaxBytes term.Size     // of the stored events, 1 MiB or more
	Takeover       time.Duration // after which silence of another reddot is taken for its end; see minTakeover

	Snapshots        string        // a folder, bucket:NAME, repository.Off; empty: in the data folder
	SnapshotEvery    uint64        // commands; 0: not by number
	SnapshotInterval time.Duration // 0: not by time
	SnapshotKeep     int           // snapshot.MinKeep or more
	Trim             bool          // the log, once two snapshots have its commands
	Skip             []events.Seq  // commands that are passed over if nobody can read them
	AcceptTruncation uint64        // commands that may be missing at the log's end although something is derived from them

	AuthFile     string           // who may come in; empty: everybody, and nobody is asked
	Sessions     string           // file of the secret of the console's sessions; empty: the data folder's own
	AuthCallout  string           // file of a seed: an existing NATS server asks who connects; empty: it does not
	TLSCert      string           // file of the certificate of all listeners; empty: none
	TLSKey       string           // file of its key
	H2C          bool             // HTTP/2 without TLS, for a proxy in front
	WebSocket    bool             // the embedded NATS server is at /nats of HTTP, too
	InsecureOpen bool             // whoever reaches the listeners may do everything
	Webhooks     string           // file of the endpoints that are told of events; empty: none
	Reload       <-chan os.Signal // on which AuthFile and Webhooks are read again; nil: never
	Streams      int              // over HTTP, at once; must be given
	QueryToken   bool             // a token may stand in the URL of a stream
	Profiles     bool             // on the HTTP listener
	Heartbeat    time.Duration    // after so much silence a stream says that it lives; 0: stream.DefaultHeartbeat

	Logger         *slog.Logger           // nil: nothing is logged
	Settings       []slog.Attr            // what the command line and the environment say, for the log
	Program        string                 // the build, for the log, manifests of snapshots and other reddots
	ServiceVersion string                 // the build as the query service wants it (SemVer); empty: 0.0.0
	Figures        []prometheus.Collector // beside the server's own

	// Ready, unless nil, is called once, when commands are accepted and queries are
	// answered, with the URL of the NATS server and the address of the HTTP server; the
	// latter is empty if there is none.
	Ready func(nats, http string)
	// Filling begins to show how a truncated log is filled up with so many commands;
	// nil: nobody looks.
	Filling func(commands uint64) Progress
}

// Progress shows how far something is. Its Finish is called in the end, with whether
// all of it was done.
type Progress interface {
	Set(done uint64)
	Finish(complete bool)
}

// ownInbox is the inbox prefix of the server: nobody else may listen to the commands
// that come to it.
const ownInbox = "_INBOX_reddot"

// Default is what the server does unless something else is said.
func Default() Config {
	return Config{
		Data: datadir.Default, Listen: "127.0.0.1:4222", HTTP: "127.0.0.1:8480",
		Auth: natsconn.Config{OwnInbox: ownInbox}, UserRate: gate.DefaultRate,
		Prefix: events.DefaultPrefix, Sync: natsserver.SyncPolicy{Every: time.Second},
		FanoutLimit: 1000, EventEncoding: events.Msgpack.String(),
		EventsMaxAge: journal.DefaultMaxAge, EventsMaxBytes: journal.DefaultMaxBytes, Takeover: emit.DefaultTakeover,
		Streams:       stream.DefaultStreams,
		SnapshotEvery: 5_000_000, SnapshotInterval: time.Hour, SnapshotKeep: 3,
	}
}

// Bounds of Takeover: a reddot that is only slow should not be taken for dead, and
// nobody waits for longer.
const (
	minTakeover = 500 * time.Millisecond
	maxTakeover = time.Minute
)

// maxRate bounds UserRate, as no user has more than the whole server takes.
const maxRate = 1_000_000

// maxStreams bounds Streams: each takes some 40 KiB.
const maxStreams = 1_000_000

// Validate reports what can't be carried out as it stands.
func (cfg *Config) Validate() error {
	if cfg.Data == "" {
		return errors.New("--data is empty: name a directory")
	}
	if _, _, err := natsserver.ParseListen(cfg.Listen); err != nil {
		return fmt.Errorf("--listen: %w", err)
	}
	if cfg.HTTP != "" {
		if _, _, err := natsserver.ParseListen(cfg.HTTP); err != nil {
			return fmt.Errorf("--http: %w", err)
		}
	}
	for _, validate := range []func() error{cfg.validateOpen, cfg.validateTLS, cfg.validateNATS, cfg.validateGate, cfg.validateEvents, cfg.validateSnapshots} {
		if err := validate(); err != nil {
			return err
		}
	}
	return nil
}

// validateEvents is about what is emitted, and to whom.
func (cfg *Config) validateEvents() error {
	if cfg.EventsMaxAge < time.Second {
		return fmt.Errorf("--events-max-age %s: use 1s or more", cfg.EventsMaxAge)
	}
	if cfg.EventsMaxBytes < 1<<20 {
		return fmt.Errorf("--events-max-bytes %s: use 1MiB or more", &cfg.EventsMaxBytes)
	}
	if cfg.Takeover < minTakeover || cfg.Takeover > maxTakeover {
		return fmt.Errorf("--takeover %s: use %s to %s", cfg.Takeover, minTakeover, maxTakeover)
	}
	if cfg.FanoutLimit < 0 {
		return fmt.Errorf("--fanout-limit %d: use 0 or more", cfg.FanoutLimit)
	}
	if _, err := events.ParseEncoding(cfg.EventEncoding); err != nil {
		return fmt.Errorf("--event-encoding %q: use msgpack or json", cfg.EventEncoding)
	}
	return nil
}

// validateSnapshots is about the snapshots, and the trimming of the log.
func (cfg *Config) validateSnapshots() error {
	place := cfg.place()
	if err := place.Validate(); err != nil {
		return err
	}
	if cfg.SnapshotKeep < snapshot.MinKeep {
		return fmt.Errorf("--snapshot-keep %d: use %d or more", cfg.SnapshotKeep, snapshot.MinKeep)
	}
	if cfg.SnapshotInterval != 0 && cfg.SnapshotInterval < time.Second {
		return fmt.Errorf("--snapshot-interval %s: use 1s or more, or 0", cfg.SnapshotInterval)
	}
	if cfg.Trim && cfg.Snapshots == repository.Off {
		return errors.New("--trim needs snapshots: leave out --snapshots off")
	}
	return nil
}

// validateGate is about what others may ask for.
func (cfg *Config) validateGate() error {
	if cfg.Streams < 1 || cfg.Streams > maxStreams {
		return fmt.Errorf("--streams %d: use 1 to %d", cfg.Streams, maxStreams)
	}
	if cfg.UserRate < 0 || cfg.UserRate > maxRate {
		return fmt.Errorf("--user-rate %d: use 1 to %d commands a second, or 0 for any number", cfg.UserRate, maxRate)
	}
	subjects, err := events.NewSubjects(cfg.Prefix)
	if err != nil {
		return fmt.Errorf("--prefix: %w", err)
	}
	for _, p := range cfg.ReplyPrefixes {
		if err := api.CheckReplyPrefix(subjects, p); err != nil {
			return fmt.Errorf("--reply-prefix: %w", err)
		}
	}
	return nil
}

// validateNATS is about the existing NATS server, and what only one has.
func (cfg *Config) validateNATS() error {
	switch {
	case cfg.IsExternal():
		if err := cfg.Auth.Validate(cfg.NATS); err != nil {
			return fmt.Errorf("--nats: %w", err)
		}
	default:
		if given := append(cfg.Auth.Given(), cfg.Auth.Trust()...); len(given) > 0 {
			return fmt.Errorf("%s is for an existing NATS server: name it with --nats", given[0])
		}
	}
	switch {
	case cfg.AuthCallout != "" && !cfg.IsExternal():
		return errors.New("--auth-callout is for an existing NATS server: name it with --nats; the embedded one asks by itself")
	case cfg.AuthCallout != "" && cfg.AuthFile == "":
		return errors.New("--auth-callout needs to know who may come in: say it with --auth")
	case cfg.WebSocket && cfg.IsExternal():
		return errors.New("--websocket is for the embedded NATS server: leave it out, or leave out --nats")
	case cfg.WebSocket && cfg.HTTP == "":
		return errors.New("--websocket is at the address of --http: give one")
	case cfg.Replicas < 0 || cfg.Replicas > mostReplicas:
		return fmt.Errorf("--replicas %d: use 1 to %d, or leave it out", cfg.Replicas, mostReplicas)
	case cfg.Replicas > 1 && !cfg.IsExternal():
		return fmt.Errorf("--replicas %d: the embedded NATS server is one alone: name those of a cluster with --nats, or leave --replicas out", cfg.Replicas)
	}
	return nil
}

// validateTLS is about the listeners' certificate.
func (cfg *Config) validateTLS() error {
	switch {
	case (cfg.TLSCert == "") != (cfg.TLSKey == ""):
		return errors.New("--tls-cert and --tls-key go together: give both")
	case cfg.TLSCert != "" && cfg.H2C:
		return errors.New("--h2c is HTTP/2 without TLS, which --tls-cert has: leave one out")
	}
	return nil
}

// validateOpen is about an address that other machines reach while nobody is asked who
// they are.
func (cfg *Config) validateOpen() error {
	switch {
	case cfg.AuthFile != "" && cfg.InsecureOpen:
		return errors.New("--auth asks everybody who they are, --insecure-open nobody: leave one out")
	case cfg.Sessions != "" && cfg.AuthFile == "":
		return errors.New("--session-secret is for keys that log in: say with --auth who may come in, or leave it out")
	case cfg.AuthFile != "" || cfg.InsecureOpen:
		return nil
	}
	for _, l := range []struct{ flag, address, may string }{
		{"--listen", cfg.Listen, "do everything"},
		{"--http", cfg.HTTP, "do everything"},
	} {
		if l.address == "" || l.flag == "--listen" && cfg.IsExternal() {
			continue
		}
		if host, _, _ := net.SplitHostPort(l.address); !rest.Loopback(host) {
			return fmt.Errorf("%s %s: whoever reaches it from another machine could %s: say with --auth who may come in, use 127.0.0.1, or say with --insecure-open that the network is safe",
				l.flag, l.address, l.may)
		}
	}
	return nil
}

// IsExternal reports whether an existing NATS server is used, not an embedded one.
func (cfg *Config) IsExternal() bool { return cfg.NATS != "" || cfg.Auth.HasContext() }

// urls are those of the existing NATS server.
func (cfg *Config) urls() (string, error) {
	if cfg.NATS != "" {
		return cfg.NATS, nil
	}
	context, err := cfg.Auth.Context()
	if err != nil {
		return "", err
	}
	return cmp.Or(strings.Join(context.Servers, ","), nats.DefaultURL), nil
}

// place is where snapshots are kept.
func (cfg *Config) place() repository.Place {
	return repository.Place{Data: cfg.Data, At: cfg.Snapshots}
}

// gateRate is UserRate as the gate wants it.
func (cfg *Config) gateRate() int {
	if cfg.UserRate == 0 {
		return -1
	}
	return cfg.UserRate
}
