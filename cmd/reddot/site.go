package main

import (
	"context"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"reddot/events"
)

const (
	// siteEvery is how often it is looked where the streams are.
	siteEvery = 5 * time.Second
	// siteTimeout bounds what one stream is waited for.
	siteTimeout = 2 * time.Second
)

// site is where a server runs: its NATS server, and the servers that its streams
// are on.
type site struct {
	conn    *nats.Conn
	js      jetstream.JetStream
	streams []string
	asked   int // --replicas
	log     *slog.Logger

	kept atomic.Pointer[[]events.StreamSite] // as looked last
	told map[string]int                      // the replicas of streams that were told to be too few; of look
}

func newSite(conn *nats.Conn, cfg *serveConfig, s events.Subjects, log *slog.Logger) (*site, error) {
	js, err := jetstream.New(conn)
	if err != nil {
		return nil, err
	}
	at := &site{conn: conn, js: js, streams: []string{s.CommandStream(), s.EventStream()}, asked: cfg.replicas, log: log, told: map[string]int{}}
	if name, ok := (&snapshotPlace{at: cfg.snapshots}).bucket(); ok {
		at.streams = append(at.streams, bucketStream(name))
	}
	return at, nil
}

// run looks until ctx ends.
func (s *site) run(ctx context.Context) error {
	tick := time.NewTicker(siteEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		s.look(ctx)
	}
}

// look looks once. Of a stream that can't be asked the last is kept that is known,
// but for its leader.
func (s *site) look(ctx context.Context) {
	var before []events.StreamSite
	if last := s.kept.Load(); last != nil {
		before = *last
	}
	var now []events.StreamSite
	for _, name := range s.streams {
		kept, ok := s.stream(ctx, name)
		if !ok {
			for _, b := range before {
				if b.Stream == name {
					b.Leader, b.Current = "", 0
					now = append(now, b)
				}
			}
			continue
		}
		s.tell(kept)
		now = append(now, kept)
	}
	s.kept.Store(&now)
}

func (s *site) stream(ctx context.Context, name string) (events.StreamSite, bool) {
	ctx, cancel := context.WithTimeout(ctx, siteTimeout)
	defer cancel()
	stream, err := s.js.Stream(ctx, name)
	if err != nil {
		return events.StreamSite{}, false
	}
	info := stream.CachedInfo()
	at := events.StreamSite{Stream: name, Replicas: max(info.Config.Replicas, 1), Current: 1}
	if c := info.Cluster; c != nil {
		at.Leader = c.Leader
		if c.Leader == "" {
			at.Current = 0
		}
		for _, r := range c.Replicas {
			if r.Current && !r.Offline {
				at.Current++
			}
		}
	}
	if wanted := s.wanted(); at.Replicas < wanted {
		at.Wanted = wanted
		at.Advice = fmt.Sprintf("nats stream edit %s --replicas %d", name, wanted)
	}
	return at, true
}

// wanted is on how many servers a stream should be.
func (s *site) wanted() int {
	switch {
	case s.asked > 0:
		return s.asked
	case s.conn.ConnectedClusterName() != "" && len(knownServers(s.conn)) >= clusterReplicas:
		return clusterReplicas
	}
	return 1
}

// tell says once that a stream is on too few servers. It is the operator's to
// change that.
func (s *site) tell(at events.StreamSite) {
	if at.Wanted == 0 {
		delete(s.told, at.Stream)
		return
	}
	if s.told[at.Stream] != at.Replicas {
		s.log.Warn("a stream is on fewer servers than it should be, and is lost with them", "stream", at.Stream,
			"replicas", at.Replicas, "wanted", at.Wanted, "change_it_with", at.Advice)
	}
	s.told[at.Stream] = at.Replicas
}

// status is where the server runs, as far as is known.
func (s *site) status() *events.Site {
	at := &events.Site{
		Server: s.conn.ConnectedServerName(), Cluster: s.conn.ConnectedClusterName(), Domain: s.js.Options().Domain,
		Servers: knownServers(s.conn),
	}
	if at.Domain == "" {
		at.Domain = s.conn.ConnectedDomain()
	}
	if url := s.conn.ConnectedUrl(); url != "" {
		at.URL = redacted(url)
	}
	if kept := s.kept.Load(); kept != nil {
		at.Streams = *kept
	}
	return at
}

// logged is the status in the log.
func (s *site) logged() {
	at := s.status()
	attrs := []slog.Attr{slog.String("server", at.Server), slog.String("url", at.URL), slog.String("version", s.conn.ConnectedServerVersion())}
	if at.Cluster != "" {
		attrs = append(attrs, slog.String("cluster", at.Cluster), slog.Any("servers", at.Servers))
	}
	if at.Domain != "" {
		attrs = append(attrs, slog.String("domain", at.Domain))
	}
	for _, k := range at.Streams {
		of := []any{slog.Int("replicas", k.Replicas)}
		if k.Leader != "" {
			of = append(of, slog.String("leader", k.Leader))
		}
		attrs = append(attrs, slog.Group(k.Stream, of...))
	}
	s.log.LogAttrs(context.Background(), slog.LevelInfo, "where it runs", attrs...)
}
