package main

import (
	"context"
	"errors"
	"path/filepath"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"reddot/events"
	"reddot/projector"
	"reddot/snapshot"
)

// checkLog finds out whether the log lacks commands of which something was
// made: the store, events, snapshots. That ends the server with a
// *projector.CutError, unless it is to go on with what is left. A log that is
// embedded is checked before anybody can publish: else the seqs of those that
// are gone would be given again.
func (s *serving) checkLog(ctx context.Context, conn *nats.Conn, taker *snapshots) error {
	js, err := jetstream.New(conn)
	if err != nil {
		return err
	}
	subjects, err := events.NewSubjects(s.cfg.prefix)
	if err != nil {
		return err
	}
	log, err := projector.FindLog(ctx, js, subjects, s.log)
	if errors.Is(err, jetstream.ErrStreamNotFound) || errors.Is(err, projector.ErrLog) {
		return nil // it is new, or the projector says what is wrong
	}
	if err != nil {
		return err
	}
	stores := filepath.Join(s.cfg.data, storeFolder)
	cut, err := log.FindCut(ctx, js, stores)
	if err != nil {
		return err
	}
	foreign, err := taker.foreign(ctx, log, cut.Last)
	if err != nil {
		return err
	}
	for _, e := range foreign {
		cut.Add("snapshot "+e.ID, e.Seq)
	}
	switch {
	case cut.Made == 0:
		return nil
	case !s.cfg.acceptCut:
		return cut
	}
	for _, e := range foreign {
		s.log.Error("removing a snapshot of commands that are gone", "id", e.ID)
		if err := taker.repo.Remove(ctx, e.ID); err != nil {
			return err
		}
	}
	return log.AcceptCut(ctx, js, stores, cut)
}

// foreign are the snapshots that were made of other commands than the log has,
// the newest first: its end is before them, or what it has at their seq was
// taken in at another time.
func (s *snapshots) foreign(ctx context.Context, log *projector.Log, last events.Seq) (foreign []snapshot.Entry, err error) {
	if s == nil {
		return nil, nil
	}
	entries, err := s.repo.List(ctx)
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		if e.Err != nil || !e.Manifest.Stream.Equal(streamOf(log.Identity())) {
			continue
		}
		made := false
		if e.Seq <= last {
			if made, err = madeOf(ctx, log, e.Manifest); err != nil {
				return nil, err
			}
		}
		if !made {
			foreign = append(foreign, e)
		}
	}
	return foreign, nil
}
