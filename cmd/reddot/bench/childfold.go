package bench

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"reddot/cmd/reddot/natsserver"
	"reddot/cmd/reddot/process"
	"reddot/events"
	"reddot/projector/log"
	"reddot/projector/loop"
	"reddot/projector/store"
)

// ChildCommand is the hidden command as which the benchmark starts this
// program for the parts that run in processes of their own.
const ChildCommand = "bench-child"

// reportEvery is how often a child says how far it is.
const reportEvery = 100 * time.Millisecond

// openStore opens a store of the commands at a server, and their log.
func openStore(ctx context.Context, url, dir string) (*log.Log, *store.Store, func(), error) {
	conn, err := nats.Connect(url, nats.Name("reddot bench"))
	if err != nil {
		return nil, nil, nil, fmt.Errorf("connect to a server of the benchmark: %w", err)
	}
	log, s, err := openStoreBy(ctx, conn, store.Config{Dir: dir}, nil)
	return log, s, conn.Close, err
}

// openStoreBy is openStore by a connection to a server, whose files may be in this process.
func openStoreBy(ctx context.Context, conn *nats.Conn, opts store.Config, files func(stream string) log.Files) (*log.Log, *store.Store, error) {
	js, err := jetstream.New(conn)
	if err != nil {
		return nil, nil, err
	}
	subjects, err := events.NewSubjects(events.DefaultPrefix)
	if err != nil {
		return nil, nil, err
	}
	cfg := log.Config{Subjects: subjects, Logger: slog.New(slog.DiscardHandler), Derived: func() (store.Info, string, error) { return store.Info{}, opts.Dir, nil }}
	if files != nil {
		cfg.Files = files(subjects.CommandStream())
	}
	log, err := log.Ensure(ctx, js, cfg)
	if err != nil {
		return nil, nil, err
	}
	opts.Identity = log.Identity()
	s, err := store.Open(opts)
	return log, s, err
}

// ChildFold folds a log into a fresh store, as serve does with a NATS server of its
// own, and says how long the commands between two seqs took.
func ChildFold(ctx context.Context, cfg natsserver.Config, opts store.Config, from, upto events.Seq, out io.Writer) error {
	server, err := natsserver.Open(cfg)
	if err != nil {
		return err
	}
	err = childFold(ctx, server, opts, from, upto, out)
	return errors.Join(err, server.Shutdown())
}

func childFold(ctx context.Context, server *natsserver.Server, opts store.Config, from, upto events.Seq, out io.Writer) error {
	conn, err := server.Connect()
	if err != nil {
		return err
	}
	defer conn.Close()
	log, s, err := openStoreBy(ctx, conn, opts, func(stream string) log.Files { return server.Records(stream) })
	if err != nil {
		return err
	}
	reports := json.NewEncoder(out)
	start, reported, begun := time.Now(), time.Now(), events.Seq(0)
	err = loop.Build(ctx, log, s, upto, func(at events.Seq) {
		now := time.Now()
		if begun < from && at < upto {
			start, begun = now, at
		}
		if now.Sub(reported) >= reportEvery {
			reported = now
			_ = reports.Encode(folding{Applied: int(at)}) // who listens is gone: so will be this process
		}
	})
	if err != nil {
		return err
	}
	// Batches do not end where the joins do.
	took := time.Duration(float64(time.Since(start)) * float64(upto-from) / float64(upto-begun))
	if err := s.Close(); err != nil {
		return err
	}
	peak, err := process.PeakOf("self")
	if err != nil {
		return err
	}
	return reports.Encode(folding{Applied: int(upto), Took: took, Peak: peak})
}

// ChildCompact compacts a store of the log at a server.
func ChildCompact(ctx context.Context, url, dir string, out io.Writer) error {
	_, s, done, err := openStore(ctx, url, dir)
	if err != nil {
		return err
	}
	defer done()
	if err := s.Compact(ctx); err != nil {
		return err
	}
	if err := s.Close(); err != nil {
		return err
	}
	_, err = fmt.Fprintln(out, "compacted")
	return err
}
