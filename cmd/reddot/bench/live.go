package bench

import (
	"context"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"

	"reddot/events"
)

// Names of figures that aims are about.
const (
	peakName        = "resident at most"
	peakDoubledName = "the same, with twice the commands"
)

// traffic is a reddot and the commands that it is sent.
type traffic struct {
	*server
	subjects events.Subjects
	script   *reader // of the commands; nil if it is sent others
	last     int     // seq of the last command sent
}

// startServed starts a fresh reddot.
func (b *bench) startServed(ctx context.Context, name string, args ...string) (*traffic, error) {
	s, err := b.startReddot(ctx, name, args...)
	return &traffic{server: s, subjects: b.subjects}, err
}

// startTraffic starts a fresh reddot and has it apply the joins and store
// their events.
func (b *bench) startTraffic(ctx context.Context, name string) (*traffic, error) {
	t, err := b.startServed(ctx, name)
	if err != nil {
		return nil, err
	}
	if t.script, err = b.script.open(); err != nil {
		return nil, err
	}
	if b.script.joins > 0 {
		_, _, err = t.follow(ctx, t.script.next, b.script.joins, new(Step))
	}
	return t, err
}

// end ends the server and removes its data.
func (t *traffic) end() error {
	if t.script != nil {
		t.script.close()
	}
	return t.server.end()
}

// follow publishes n commands and returns after which time the last was
// applied, and after which its events were stored.
func (t *traffic) follow(ctx context.Context, next source, n int, step *Step) (applied, stored time.Duration, err error) {
	t.last += n
	start := time.Now()
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return t.publish(ctx, next, n, step) })
	g.Go(func() error {
		err := t.applied(ctx, events.Seq(t.last))
		applied = time.Since(start)
		return err
	})
	g.Go(func() error {
		err := t.emitted(ctx, events.Seq(t.last))
		stored = time.Since(start)
		return err
	})
	err = g.Wait()
	return applied, stored, err
}

// live is the stage of that name.
func (b *bench) live(ctx context.Context) error {
	if err := b.endLog(); err != nil {
		return err
	}
	t, err := b.startTraffic(ctx, "live")
	if err != nil {
		return err
	}
	n := b.sizes.all
	err = b.step("live", n, func(step *Step) error {
		applied, stored, err := t.follow(ctx, t.script.next, n, step)
		b.rates.live = perSecond(n, applied)
		b.note(figure("live", untilApplied, PerSecond, b.rates.live).compare("publish", b.rates.publish))
		b.note(figure("live", untilStored, Seconds, stored.Seconds()).compare("until applied", applied.Seconds()))
		return err
	})
	if err != nil {
		return err
	}
	return t.end()
}

// endLog ends the bare server, so that nothing but what is measured runs.
func (b *bench) endLog() error {
	if b.log == nil {
		return nil
	}
	l := b.log
	b.log = nil
	return l.end()
}

// memory is the stage of that name: live, and the same again.
func (b *bench) memory(ctx context.Context) error {
	if err := b.endLog(); err != nil {
		return err
	}
	t, err := b.startTraffic(ctx, "memory")
	if err != nil {
		return err
	}
	var peaks [2]int64
	for i, n := range []int{b.sizes.once, b.sizes.twice - b.sizes.once} {
		err := b.step(fmt.Sprintf("memory %d of 2", i+1), n, func(step *Step) error {
			_, _, err := t.follow(ctx, t.script.next, n, step)
			return err
		})
		if err != nil {
			return err
		}
		if peaks[i], err = t.Peak(); err != nil {
			return err
		}
	}
	if peaks[0] > 0 { // the system tells
		b.note(figure("memory", peakName, Bytes, float64(peaks[0])))
		b.note(figure("memory", peakDoubledName, Bytes, float64(peaks[1])))
	}
	return t.end()
}
