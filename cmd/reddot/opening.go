package main

import (
	"context"

	"github.com/nats-io/nats.go"

	"reddot/projector"
)

// open opens the snapshots and the first projector; further ones are opened later.
// Their errors are as opened says.
func (s *serving) open(ctx context.Context, next projector.Config, conn *nats.Conn, opened func(error) error) error {
	taker, err := openSnapshots(ctx, s.cfg, conn, next.Replicas, s.log)
	if err != nil {
		return opened(err)
	}
	s.source.snapshots = taker
	s.source.open = func(ctx context.Context) (*projector.Projector, error) {
		p, err := s.openProjector(ctx, next, taker, conn)
		return p, opened(err)
	}
	return s.source.openFirst(ctx)
}

// openProjector opens the first projector or a further one.
func (s *serving) openProjector(ctx context.Context, cfg projector.Config, taker *snapshots, conn *nats.Conn) (*projector.Projector, error) {
	if !s.checked {
		if err := s.checkLog(ctx, conn, taker); err != nil {
			return nil, err
		}
	}
	s.checked = false
	if taker != nil {
		cfg.Restore = taker.restore
	}
	p, err := projector.Open(ctx, cfg)
	return p, taker.advise(ctx, conn, err)
}
