package server

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"reddot/cmd/reddot/natsconn"
	"reddot/cmd/reddot/repository"
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
	asked   int  // --replicas
	alone   bool // JetStream is not one of a cluster
	log     *slog.Logger

	kept   atomic.Pointer[[]events.StreamSite] // as looked last
	warned map[string]int                      // the replicas of streams that were logged to be too few; of look
}

func newSite(conn *nats.Conn, cfg *Config, s events.Subjects, alone bool, log *slog.Logger) (*site, error) {
	js, err := jetstream.New(conn)
	if err != nil {
		return nil, err
	}
	at := &site{conn: conn, js: js, streams: []string{s.CommandStream(), s.EventStream()}, asked: cfg.Replicas, alone: alone, log: log, warned: map[string]int{}}
	place := cfg.place()
	if name, ok := place.Bucket(); ok {
		at.streams = append(at.streams, repository.BucketStream(name))
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
	found := make([]*events.StreamSite, len(s.streams))
	var asking sync.WaitGroup
	for i, name := range s.streams {
		asking.Go(func() { found[i] = s.ask(ctx, name) })
	}
	asking.Wait()
	now := []events.StreamSite{}
	for i, name := range s.streams {
		if found[i] == nil {
			found[i] = s.lastKnown(name)
		} else {
			s.warn(*found[i])
		}
		if found[i] != nil {
			now = append(now, *found[i])
		}
	}
	s.kept.Store(&now)
}

// lastKnown returns what was known of a stream; nil: nothing.
func (s *site) lastKnown(name string) *events.StreamSite {
	kept := s.kept.Load()
	if kept == nil {
		return nil
	}
	for _, k := range *kept {
		if k.Stream == name {
			k.Leader, k.Current = "", 0
			return &k
		}
	}
	return nil
}

// ask asks for a stream; nil: nobody answers.
func (s *site) ask(ctx context.Context, name string) *events.StreamSite {
	ctx, cancel := context.WithTimeout(ctx, siteTimeout)
	defer cancel()
	stream, err := s.js.Stream(ctx, name)
	if err != nil {
		return nil
	}
	info := stream.CachedInfo()
	at := &events.StreamSite{Stream: name, Replicas: max(info.Config.Replicas, 1), Current: 1}
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
	return at
}

// wanted is on how many servers a stream should be.
func (s *site) wanted() int {
	switch {
	case s.asked > 0:
		return s.asked
	case !s.alone && s.conn.ConnectedClusterName() != "" && len(knownServers(s.conn)) >= clusterReplicas:
		return clusterReplicas
	}
	return 1
}

// warn logs once that a stream is on too few servers. It is the operator's to
// change that.
func (s *site) warn(at events.StreamSite) {
	if at.Wanted == 0 {
		delete(s.warned, at.Stream)
		return
	}
	if s.warned[at.Stream] != at.Replicas {
		s.log.Warn("a stream is on fewer servers than it should be, and is lost with them", "stream", at.Stream,
			"replicas", at.Replicas, "wanted", at.Wanted, "change_it_with", at.Advice)
	}
	s.warned[at.Stream] = at.Replicas
}

// status is where the server runs, as far as is known.
func (s *site) status() *events.Site {
	at := &events.Site{
		Server: s.conn.ConnectedServerName(), Cluster: s.conn.ConnectedClusterName(), Domain: s.js.Options().Domain,
		Servers: knownServers(s.conn), Streams: []events.StreamSite{},
	}
	if at.Domain == "" {
		at.Domain = s.conn.ConnectedDomain()
	}
	if url := s.conn.ConnectedUrl(); url != "" {
		at.URL = natsconn.Redacted(url)
	}
	if kept := s.kept.Load(); kept != nil {
		at.Streams = *kept
	}
	return at
}

// logStatus logs the status.
func (s *site) logStatus() {
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
