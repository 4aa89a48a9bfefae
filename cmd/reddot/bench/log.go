package bench

import (
	"context"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"reddot/events"
	"reddot/projector/log/pull"
)

// Names of figures that aims are about.
const (
	rebuilt      = "commands applied"
	sharded      = "by as many shards as processors"
	untilApplied = "until the last is applied"
	untilStored  = "until the last event is stored"
)

// filled is a command stream filled, on a bare server.
type filled struct {
	*server
	joins, last int // seqs of the last join and the last command
}

// commandStream is the stream as reddot makes it.
func commandStream(s events.Subjects) jetstream.StreamConfig {
	return jetstream.StreamConfig{
		Name: s.CommandStream(), Subjects: []string{s.Commands()}, Storage: jetstream.FileStorage,
		Discard: jetstream.DiscardNew, DenyDelete: true, MaxMsgSize: 1 << 20,
	}
}

// fill starts a bare server and publishes n commands to it, after the joins.
// It returns how long the commands took.
func (b *bench) fill(ctx context.Context, name string, n int) (l *filled, took time.Duration, err error) {
	s, err := b.startNATS(ctx, name)
	if err != nil {
		return nil, 0, err
	}
	if _, err := s.js.CreateStream(ctx, commandStream(b.subjects)); err != nil {
		return nil, 0, fmt.Errorf("create a stream: %w", err)
	}
	r, err := b.script.open()
	if err != nil {
		return nil, 0, err
	}
	defer r.close()
	if err := s.publish(ctx, r.next, b.script.joins, new(Step)); err != nil {
		return nil, 0, err
	}
	l = &filled{server: s, joins: b.script.joins, last: b.script.joins + n}
	err = b.step(name, n, func(step *Step) error {
		start := time.Now()
		err := s.publish(ctx, r.next, n, step)
		took = time.Since(start)
		return err
	})
	if err == nil {
		err = s.holds(ctx, b.subjects.CommandStream(), l.last)
	}
	return l, took, err
}

// age makes the log one that has been written long before: its window for duplicates has
// passed. A server that starts reads what came within it, and keeps the subjects of that in
// mind for two minutes, which costs time and memory of whoever is in the same process.
func (l *filled) age(ctx context.Context, subjects events.Subjects) error {
	stream, err := l.js.Stream(ctx, subjects.CommandStream())
	if err != nil {
		return err
	}
	config := stream.CachedInfo().Config
	config.Duplicates = 100 * time.Millisecond // the least there may be
	if _, err := l.js.UpdateStream(ctx, config); err != nil {
		return fmt.Errorf("shorten the window for duplicates: %w", err)
	}
	return nil
}

// perSecond is a rate.
func perSecond(n int, took time.Duration) float64 { return float64(n) / took.Seconds() }

// publish is the stage of that name.
func (b *bench) publish(ctx context.Context) error {
	l, took, err := b.fill(ctx, "publish", b.sizes.all)
	if err != nil {
		return err
	}
	b.log, b.rates.publish = l, perSecond(b.sizes.all, took)
	b.note(figure("publish", "commands stored", PerSecond, b.rates.publish))
	return nil
}

// read is the stage of that name: the stream as reddot reads it, and nothing done
// with what is read.
func (b *bench) read(ctx context.Context) error {
	n := b.sizes.all
	return b.step("read", n, func(step *Step) error {
		start := time.Now()
		if err := b.log.read(ctx, b.subjects, n, step); err != nil {
			return err
		}
		b.rates.read = perSecond(n, time.Since(start))
		b.note(figure("read", "commands read", PerSecond, b.rates.read).compare("publish", b.rates.publish))
		return nil
	})
}

// read reads the n commands after the joins.
func (l *filled) read(ctx context.Context, subjects events.Subjects, n int, step *Step) error {
	from := uint64(l.joins) + 1
	err := pull.New(l.js, subjects.CommandStream()).Read(ctx, pull.Options{From: from}, func(m *pull.Message) error {
		read := m.Seq + 1 - from
		step.done.Store(int64(read))
		if read == uint64(n) {
			return pull.ErrEnough
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("read the stream: %w", err)
	}
	return nil
}
