package main

import (
	"context"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/spf13/cobra"

	"reddot/cmd/reddot/repository"
	"reddot/cmd/reddot/term"
	"reddot/snapshot"
)

// placeConfig is the command line of what works on the place of the snapshots
// itself. The server is only talked to if that is a bucket.
type placeConfig struct {
	clientConfig
	repository.Place
}

func (cfg *placeConfig) addFlags(cmd *cobra.Command) {
	cfg.clientConfig.addFlags(cmd)
	cfg.Place.AddFlags(cmd.Flags())
}

// validate reports a usageError.
func (cfg *placeConfig) validate() error {
	if cfg.At == repository.Off {
		return usagef("--snapshots off: name a directory or bucket:NAME")
	}
	if err := wrongUsage(cfg.Place.Validate()); err != nil {
		return err
	}
	return cfg.clientConfig.validate()
}

// withRepository opens the snapshots for a command, where there are any.
func (a *app) withRepository(ctx context.Context, cfg *placeConfig, use func(ctx context.Context, r *snapshot.Repository) error) error {
	if err := cfg.validate(); err != nil {
		return err
	}
	open := func(ctx context.Context, js func() (jetstream.JetStream, error)) error {
		return a.openPlace(ctx, &cfg.Place, js, func(r *snapshot.Repository) error { return use(ctx, r) })
	}
	if _, ok := cfg.Bucket(); ok {
		return a.withBound(ctx, &cfg.clientConfig, "snapshot", func(ctx context.Context, c *client) error { return open(ctx, c.jetStream) })
	}
	err := open(ctx, nil)
	if err != nil && ctx.Err() != nil {
		return errInterrupted
	}
	return err
}

// openPlace opens the snapshots at a place, with scratch space.
func (a *app) openPlace(ctx context.Context, place *repository.Place, js func() (jetstream.JetStream, error), use func(*snapshot.Repository) error) error {
	storage, err := place.Find(ctx, js)
	if err != nil {
		return err
	}
	return place.Data.WithScratch(func(dir string) error {
		r, err := repository.Open(ctx, storage, dir, version(), a.warnings())
		if err != nil {
			return err
		}
		return use(r)
	})
}

// readProgress shows on a bar how far a snapshot is read.
func readProgress(bar *term.Bar) func(snapshot.Progress) {
	return func(p snapshot.Progress) {
		if p.Step == snapshot.StepRead {
			bar.SetTotal(p.Total)
			bar.Set(p.Done)
		}
	}
}

// named are the ids of the snapshots that the arguments name.
func named(ctx context.Context, r *snapshot.Repository, which []string) (ids []string, err error) {
	for _, w := range which {
		e, err := r.Find(ctx, w)
		if err != nil {
			return nil, err
		}
		ids = append(ids, e.ID)
	}
	return ids, nil
}
