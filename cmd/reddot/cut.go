package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"reddot/cmd/reddot/datadir"
	"reddot/cmd/reddot/repository"
	"reddot/cmd/reddot/term"
	"reddot/events"
	"reddot/projector"
	"reddot/projector/log"
	"reddot/snapshot"
)

// checkLog finds out whether the log lacks commands of which something was
// made: the store, events, snapshots. That ends the server with a
// *log.TruncatedError, unless it is to go on with what is left. A log that is
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
	l, err := log.Find(ctx, js, subjects, s.log)
	switch {
	case errors.Is(err, jetstream.ErrStreamNotFound):
		return s.checkUnread(subjects.CommandStream())
	case errors.Is(err, log.ErrNotWhole):
		return nil // the projector says what is wrong
	}
	if err != nil {
		return err
	}
	if taker != nil {
		if err := repository.Recognise(ctx, l, taker.repo); err != nil {
			return err
		}
	}
	stores := datadir.Dir(s.cfg.data).Store()
	cut, err := projector.FindTruncation(ctx, l, js, stores)
	if err != nil {
		return err
	}
	var foreign []snapshot.Entry
	if taker != nil {
		if foreign, err = repository.Foreign(ctx, l, taker.repo, cut.Last); err != nil {
			return err
		}
	}
	for _, e := range foreign {
		cut.Add("snapshot "+e.ID, e.Seq)
	}
	switch {
	case cut.Derived == 0:
		return nil
	case s.cfg.acceptCut == 0 || cut.Missing() > uint64(s.cfg.acceptCut):
		return cut
	}
	if err := s.accept(ctx, l, js, stores, cut); err != nil {
		return err
	}
	for _, e := range foreign { // last, as they may be all that tells of what is gone
		s.log.Error("removing a snapshot of commands that are gone", "id", e.ID)
		if err := taker.repo.Remove(ctx, e.ID); err != nil {
			return err
		}
	}
	return nil
}

// accept goes on with a log that was cut, with a bar on a terminal.
func (s *serving) accept(ctx context.Context, l *log.Log, js jetstream.JetStream, stores string, cut *log.TruncatedError) error {
	if cut.Missing() == 0 || !term.IsTerminal(s.stderr) {
		return projector.AcceptTruncation(ctx, l, js, stores, cut, nil)
	}
	bar := term.StartBar(s.stderr, "commands filled up", cut.Missing())
	err := projector.AcceptTruncation(ctx, l, js, stores, cut, bar.Set)
	bar.Finish(err == nil)
	return err
}

// acceptance is the flag --accept-cut: how many commands may be missing; 0: none.
type acceptance uint64

// Set reads the flag.
func (a *acceptance) Set(text string) error {
	switch text {
	case "true":
		*a = log.MostMissing
	case "false":
		*a = 0
	default:
		n, err := strconv.ParseUint(text, 10, 64)
		if err != nil {
			return errors.New("use true or false, or the number of missing commands that the error names")
		}
		*a = acceptance(n)
	}
	return nil
}

// String is the flag's text.
func (a *acceptance) String() string {
	if *a == 0 {
		return "false"
	}
	return strconv.FormatUint(uint64(*a), 10)
}

// Type is the flag's type in the help.
func (a *acceptance) Type() string { return "acceptance" }

// checkUnread finds out whether the embedded server does not have a stream
// because it could not read its description: a new one of that name would take
// over the messages, but not be the same.
func (s *serving) checkUnread(stream string) error {
	if s.cfg.external() {
		return nil
	}
	described := filepath.Join(datadir.Dir(s.cfg.data).NATS(), "jetstream", "$G", "streams", stream, "meta.inf")
	if _, err := os.Stat(described); err != nil {
		return nil // it is new
	}
	return fmt.Errorf("the NATS server can't read stream %s: file %s, or meta.sum beside it, is damaged; restore both from a backup", stream, described)
}
