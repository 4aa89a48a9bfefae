package server

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"reddot/api/identity"
)

// authorityLook is how often it is looked whether the keys are here that tokens are
// checked with.
const authorityLook = 50 * time.Millisecond

// loadAuthority reads who may come in, and counts who does and who does not.
func (s *Server) loadAuthority() (err error) {
	decided := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "reddot_auth_total", Help: "Credentials by how somebody says who they are, and what became of it.",
	}, []string{"method", "outcome"})
	if err := s.registry.Register(decided); err != nil {
		return err
	}
	options := identity.Options{Logger: s.log, Observe: func(m identity.Method, o identity.Outcome) {
		decided.WithLabelValues(string(m), string(o)).Inc()
	}}
	if s.cfg.AuthFile == "" {
		s.authority = identity.Open(options)
		return nil
	}
	if s.authority, err = identity.Load(s.cfg.AuthFile, options); err != nil {
		return fmt.Errorf("--auth: %w", err)
	}
	return nil
}

// sessions are those of the authority's keys; nil where nobody is asked who they are.
func (s *Server) sessions() (*identity.Sessions, error) {
	if s.authority.IsOpen() {
		return nil, nil
	}
	secret := s.sealing
	if secret == nil {
		var err error
		if secret, err = s.cfg.Data.Sessions(); err != nil {
			return nil, err
		}
	}
	return identity.NewSessions(s.authority, secret), nil
}

// keepAuthority has the authority fetch key sets, and reads its file again when asked to,
// until ctx ends. The function that it returns waits for that.
func (s *Server) keepAuthority(ctx context.Context) (wait func()) {
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		s.authority.Run(ctx)
	}()
	reading := make(chan struct{})
	go func() {
		defer close(reading)
		for {
			select {
			case <-ctx.Done():
				return
			case <-s.cfg.Reload:
				s.reload()
			}
		}
	}()
	return func() {
		<-ended
		<-reading
	}
}

// reload reads the files again that are read again.
func (s *Server) reload() {
	if s.authority.IsOpen() && s.cfg.Webhooks == "" {
		s.log.Info("nothing is read again: there is neither --auth nor --webhooks")
		return
	}
	if !s.authority.IsOpen() {
		s.reloadAuthority()
	}
	if s.cfg.Webhooks != "" {
		s.reloadWebhooks()
	}
}

// reloadAuthority reads the file again, and closes what keys have open that are no longer
// in it. One that can't be used changes nothing.
func (s *Server) reloadAuthority() {
	gone, err := s.authority.Reload()
	switch {
	case err != nil:
		s.log.Error("the file of --auth can't be used: who may come in stays as it was", "error", err)
	default:
		closed := 0
		for _, name := range gone {
			closed += s.disconnectGuest(keyGuest(name))
			if w := s.web.now.Load(); w != nil {
				closed += w.streams.DisconnectKey(name)
			}
		}
		s.log.Info("the file of --auth is read again", "file", s.cfg.AuthFile, "keys_gone", gone, "closed", closed)
	}
}

// errStopping is why a server is not ready in the end.
var errStopping = errors.New("stopping")

// readyUntil says why the server is not ready, as it is not once ctx has ended.
func (s *Server) readyUntil(ctx context.Context) func() error {
	return func() error {
		if ctx.Err() != nil {
			return errStopping
		}
		return s.ready()
	}
}

// ready says why the server is not ready.
func (s *Server) ready() error {
	if err := s.source.Ready(); err != nil {
		return err
	}
	return s.authority.Ready()
}

// awaitAuthority returns true when tokens can be checked, or false when ctx ends.
func (s *Server) awaitAuthority(ctx context.Context) bool {
	for s.authority.Ready() != nil {
		select {
		case <-ctx.Done():
			return false
		case <-time.After(authorityLook):
		}
	}
	return true
}
