package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/spf13/cobra"

	"reddot/events"
	"reddot/projector"
	"reddot/projector/store"
	"reddot/snapshot"
)

// shownDifferences is how many rows that differ are named.
const shownDifferences = 10

// verifyConfig is the command line of verify.
type verifyConfig struct {
	placeConfig
	against string
}

func (a *app) verifyCommand() *cobra.Command {
	var cfg verifyConfig
	cmd := &cobra.Command{
		Use:     "verify",
		GroupID: groupProof,
		Short:   "Fold the log again and compare",
		Long: `Fold the log again into a scratch store and compare its digest with the server's
at the same command: with a snapshot that the server takes for it, or with an
older one. If they differ, the first rows that differ are named and the exit
code is 1. The folding is done by this command, not by the server.

The log is folded from its start; one that was trimmed, from the oldest snapshot
from which it goes on.`,
		Example: `  reddot verify

  # is the snapshot of seq 1200000 what the log says?
  reddot verify --against 1200000`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := cfg.clientConfig.validate(); err != nil {
				return err
			}
			return a.withClient(cmd.Context(), &cfg.clientConfig, "verify", func(c *client) error {
				ctx, unbind := c.bind(cmd.Context())
				defer unbind()
				err := a.verify(ctx, c, &cfg)
				if err != nil && ctx.Err() != nil {
					return ended(ctx)
				}
				return err
			})
		},
	}
	cfg.placeConfig.addFlags(cmd)
	cmd.Flags().StringVar(&cfg.against, "against", "", "compare with this snapshot, a `seq` or an id of \"reddot snapshot list\", instead of one taken now")
	return cmd
}

// verification is one run of verify.
type verification struct {
	*app
	log    *projector.Log
	repo   *snapshot.Repository
	dir    string // for scratch stores
	seq    events.Seq
	digest string // to compare with
	id     string // of the snapshot
}

func (a *app) verify(ctx context.Context, c *client, cfg *verifyConfig) error {
	log, err := a.findLog(ctx, c)
	if err != nil {
		return err
	}
	storage, err := cfg.storage(ctx, c.jetStream)
	if err != nil {
		return err
	}
	return withScratch(cfg.data, func(dir string) error {
		repo, err := openRepository(ctx, storage, filepath.Join(dir, "snapshot"), a.warnings())
		if err != nil {
			return err
		}
		v := &verification{app: a, log: log, repo: repo, dir: dir, id: cfg.against}
		if cfg.against == "" {
			taken, err := a.takeSnapshot(ctx, c)
			if err != nil {
				return err
			}
			v.seq, v.digest = taken.Seq, taken.Digest
		} else {
			e, err := repo.Find(ctx, cfg.against)
			if err == nil {
				err = e.Err
			}
			if err != nil {
				return err
			}
			v.seq, v.digest, v.id = e.Seq, e.Manifest.Digest.String(), e.ID
		}
		return v.run(ctx)
	})
}

// run folds the log up to the seq and compares.
func (v *verification) run(ctx context.Context) error {
	first, last, err := v.log.Range(ctx)
	if err != nil {
		return err
	}
	if v.seq > last {
		return fmt.Errorf("the log ends at seq %d, but the state to verify is that of seq %d: the log was cut", last, v.seq)
	}
	folded := filepath.Join(v.dir, "folded")
	s, err := v.begin(ctx, folded, first)
	if err != nil {
		return err
	}
	from := s.Position().Applied
	s.SetEmitted(v.seq) // nobody is told
	bar := newBar(v.stderr, "verify", "commands", uint64(v.seq-from))
	err = v.log.Build(ctx, s, v.seq, func(seq events.Seq) { bar.set(uint64(seq - from)) })
	bar.finish(err == nil)
	digest := fmt.Sprintf("%016x", s.Position().Digest())
	if err = errors.Join(err, s.Close()); err != nil {
		return err
	}
	if digest == v.digest {
		return v.print(fmt.Sprintf("verified: the state at seq %d is what the log says from seq %d on, digest %s\n", v.seq, from+1, digest))
	}
	if err := v.differences(ctx, folded); err != nil {
		return fmt.Errorf("the state at seq %d has digest %s, the log says %s; the rows can't be compared here: %w", v.seq, v.digest, digest, err)
	}
	return fmt.Errorf(`the state at seq %d has digest %s, the log says %s: build it anew with "reddot rebuild"`, v.seq, v.digest, digest)
}

// begin opens the store that the log is folded into.
func (v *verification) begin(ctx context.Context, dir string, first events.Seq) (*store.Store, error) {
	if first == 1 {
		return store.Open(store.Config{Dir: dir, Identity: v.log.Identity(), Logger: v.warnings()})
	}
	entries, err := v.repo.List(ctx)
	if err != nil {
		return nil, err
	}
	for i := len(entries) - 1; i >= 0; i-- { // the oldest first
		e := entries[i]
		if e.Err != nil || e.Seq >= v.seq || e.Seq+1 < first || !e.Manifest.Stream.Equal(streamOf(v.log.Identity())) {
			continue
		}
		want := snapshot.Want{Stream: e.Manifest.Stream, First: first, StoreFormat: store.Format, ID: e.ID}
		if _, err := v.repo.Restore(ctx, want, dir, nil); err != nil {
			fmt.Fprintf(v.stderr, "%s: %s\n", e.ID, oneLine(err))
			continue
		}
		return store.Open(store.Config{Dir: dir, Identity: v.log.Identity(), Logger: v.warnings()})
	}
	return nil, fmt.Errorf("the log begins at seq %d: to fold it again takes a sound snapshot of seq %d to %d, and there is none",
		first, first-1, v.seq-1)
}

// differences names the first rows of the snapshot that differ from those
// folded.
func (v *verification) differences(ctx context.Context, folded string) error {
	e, err := v.repo.Find(ctx, textOr(v.id, number(v.seq)))
	if err != nil {
		return err
	}
	is := filepath.Join(v.dir, "is")
	want := snapshot.Want{Stream: streamOf(v.log.Identity()), StoreFormat: store.Format, ID: e.ID}
	if _, err := v.repo.Restore(ctx, want, is, nil); err != nil {
		return err
	}
	rows, err := store.Diff(ctx, vfs.Default, is, folded, shownDifferences)
	if err != nil {
		return err
	}
	for _, d := range rows {
		if err := v.print(fmt.Sprintf("%s\n  is:     %s\n  should: %s\n", d.Row, textOr(d.A, "not there"), textOr(d.B, "not there"))); err != nil {
			return err
		}
	}
	return nil
}

// textOr is the text, or another if it is empty.
func textOr(text, other string) string {
	if text == "" {
		return other
	}
	return text
}
