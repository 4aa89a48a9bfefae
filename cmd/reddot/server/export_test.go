package server

import (
	"context"
	"log/slog"
	"time"

	"github.com/nats-io/nats.go"

	"reddot/events"
)

// What the tests know beside the exported surface.
var (
	ErrNotYet    = errNotYet
	ErrStarting  = errStarting
	KnownServers = knownServers
	ParseDenial  = parseDenial
)

// Replicas, a link and what a server denies are as within.
type (
	Replicas = replicas
	Link     = link
	Denial   = denial
)

// NewReplicas makes replicas as fit the cluster.
func NewReplicas(log *slog.Logger, settle time.Duration) *Replicas {
	return &replicas{log: log, settle: settle}
}

func (r *replicas) Of(conn *nats.Conn) (int, error)          { return r.choose(conn) }
func (r *replicas) Refused(conn *nats.Conn, err error) error { return r.explainRefusal(conn, err) }
func (r *replicas) SetSettle(settle time.Duration)           { r.settle = settle }

// NewLink makes a link of a server to nowhere.
func NewLink(cfg *Config, log *slog.Logger) (*Link, error) {
	needs, err := cfg.Permissions()
	return &link{cfg: cfg, needs: needs, log: log}, err
}

func (l *link) Heard(connection string, err error) { l.onError(connection, err) }
func (l *link) IsVital(d Denial) bool              { return l.isVital(d) }

// NewDenial is what a server does not permit.
func NewDenial(v Verb, subject string) Denial { return denial{v, subject} }

// NewestWithout is what a query waits for where no projector is at work yet.
func NewestWithout(why error) func(context.Context) error {
	s := new(projection)
	s.begin(why)
	return s.Newest()
}

// StatusBefore is a status that is asked for before there is a scheduler of the snapshots.
func StatusBefore(ctx context.Context, why error) (events.Status, error) {
	s := &projection{snapshots: new(snapshots)}
	s.now.Store(&phase{why: why})
	return s.Status(ctx)
}
