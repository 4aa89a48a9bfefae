package server

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"reddot/cmd/reddot/repository"
	"reddot/projector"
	"reddot/projector/log"
	"reddot/snapshot"
)

// checkLog finds out whether the log lacks commands from which something is
// derived: the store, events, snapshots. That ends the server with a
// *log.TruncatedError, unless it is to go on with what is left. A log that is
// embedded is checked before anybody can publish: else the seqs of those that
// are gone would be given again.
func (s *Server) checkLog(ctx context.Context, conn *nats.Conn, snaps *snapshots) error {
	js, err := jetstream.New(conn)
	if err != nil {
		return err
	}
	l, err := log.Find(ctx, js, s.subjects, s.log)
	switch {
	case errors.Is(err, jetstream.ErrStreamNotFound):
		return s.checkUnread(s.subjects.CommandStream())
	case errors.Is(err, log.ErrNotWhole):
		return nil // the projector says what is wrong
	}
	if err != nil {
		return err
	}
	if snaps != nil {
		if err := repository.Recognise(ctx, l, snaps.repo); err != nil {
			return err
		}
	}
	stores := s.cfg.Data.Store()
	lost, err := projector.FindTruncation(ctx, l, js, stores)
	if err != nil {
		return err
	}
	var foreign []snapshot.Entry
	if snaps != nil {
		if foreign, err = repository.Foreign(ctx, l, snaps.repo, lost.Last); err != nil {
			return err
		}
	}
	for _, e := range foreign {
		lost.Add("snapshot "+e.ID, e.Seq)
	}
	switch {
	case lost.Derived == 0:
		return nil
	case s.cfg.AcceptTruncation == 0 || lost.Missing() > uint64(s.cfg.AcceptTruncation):
		return lost
	}
	if err := s.accept(ctx, l, js, stores, lost); err != nil {
		return err
	}
	for _, e := range foreign { // last, as they may be all that knows of what is gone
		s.log.Error("removing a snapshot of commands that are gone", "id", e.ID)
		if err := snaps.repo.Remove(ctx, e.ID); err != nil {
			return err
		}
	}
	return nil
}

// accept goes on with a log that was truncated.
func (s *Server) accept(ctx context.Context, l *log.Log, js jetstream.JetStream, stores string, t *log.TruncatedError) error {
	if t.Missing() == 0 || s.cfg.Filling == nil {
		return projector.AcceptTruncation(ctx, l, js, stores, t, nil)
	}
	show := s.cfg.Filling(t.Missing())
	err := projector.AcceptTruncation(ctx, l, js, stores, t, show.Set)
	show.Finish(err == nil)
	return err
}

// checkUnread finds out whether the embedded server does not have a stream
// because it could not read its description: a new one of that name would take
// over the messages, but not be the same.
func (s *Server) checkUnread(stream string) error {
	if s.cfg.IsExternal() {
		return nil
	}
	described := filepath.Join(s.cfg.Data.NATS(), "jetstream", "$G", "streams", stream, "meta.inf")
	if _, err := os.Stat(described); err != nil {
		return nil // it is new
	}
	return fmt.Errorf("the NATS server can't read stream %s: file %s, or meta.sum beside it, is damaged; restore both from a backup", stream, described)
}
