package server

import (
	"context"

	"github.com/nats-io/nats.go"

	"reddot/projector"
)

// open opens the snapshots and the first projector; further ones are opened later.
// explain says what their errors mean.
func (s *Server) open(ctx context.Context, next projector.Config, conn *nats.Conn, explain func(error) error) error {
	snaps, err := s.openSnapshots(ctx, conn, next.Replicas)
	if err != nil {
		return explain(err)
	}
	s.source.snapshots = snaps
	s.source.open = func(ctx context.Context) (*projector.Projector, error) {
		p, err := s.openProjector(ctx, next, snaps, conn)
		return p, explain(err)
	}
	return s.source.openFirst(ctx)
}

// openProjector opens the first projector or a further one.
func (s *Server) openProjector(ctx context.Context, cfg projector.Config, snaps *snapshots, conn *nats.Conn) (*projector.Projector, error) {
	if !s.checked {
		if err := s.checkLog(ctx, conn, snaps); err != nil {
			return nil, err
		}
	}
	s.checked = false
	if snaps != nil {
		cfg.Restore = snaps.restore
	}
	p, err := projector.Open(ctx, cfg)
	return p, snaps.advise(ctx, conn, err)
}
