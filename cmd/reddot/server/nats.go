package server

import (
	"context"
	"errors"

	"github.com/nats-io/nats.go"

	"reddot/cmd/reddot/natsserver"
)

// runExternal serves with an existing NATS server.
func (s *Server) runExternal(ctx context.Context, http string) error {
	urls, err := s.cfg.urls()
	if err != nil {
		return err
	}
	return s.runAt(ctx, &link{cfg: s.cfg, urls: urls, needs: permissionsOf(s.cfg, s.subjects), log: s.log, stop: s.fail, waiting: s.source.begin}, http)
}

// runEmbedded serves with a NATS server in this process.
func (s *Server) runEmbedded(ctx context.Context, http string) error {
	reads, err := ReadsAtStart(s.cfg.place(), s.subjects.CommandStream())
	if err != nil {
		return err
	}
	server, err := natsserver.Open(natsserver.Config{
		Data: s.cfg.Data, Listen: s.cfg.Listen, Sync: s.cfg.Sync, Reads: reads, Logger: s.log, Failed: s.fail,
		Admit: s.admit(), WebSocket: s.cfg.WebSocket, TLS: s.certificate.config(),
	})
	if err != nil {
		return err
	}
	defer func() {
		if e := server.Shutdown(); e != nil {
			s.log.Error("ending the NATS server", "error", e)
		}
	}()
	err = s.listen(ctx, server)
	if ctx.Err() != nil && errors.Is(err, context.Canceled) {
		return nil // asked to end while the log was checked
	}
	if err != nil {
		return err
	}
	s.embedded.Store(server)
	defer s.embedded.Store(nil)
	how := []nats.Option{server.InProcess()}
	return s.runAt(ctx, &link{cfg: s.cfg, urls: server.InProcessURL(), how: how, log: s.log, stop: s.fail, waiting: s.source.begin}, http)
}

// listen checks the log of the embedded server and then lets others connect.
func (s *Server) listen(ctx context.Context, server *natsserver.Server) error {
	conn, err := server.Connect()
	if err != nil {
		return err
	}
	snaps, err := s.openSnapshots(ctx, conn, 1)
	if err == nil {
		err = s.checkLog(ctx, conn, snaps)
	}
	conn.Close()
	if err != nil {
		return err
	}
	s.checked = true
	return server.Listen()
}
