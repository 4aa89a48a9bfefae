package bench

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"github.com/nats-io/nats.go"
)

// Who asks the question of the read index: one after the other, and as many at a
// time as of any other question.
const (
	oneAtATime = "one at a time"
	together   = "two reddots"
)

// indexed is what totals take while a reddot is alone, and while there are two and
// each answer takes a read index: one request at a time, and many.
type indexed struct {
	question
	one, many struct{ alone, two answers }
}

// askAlone asks while there is one reddot.
func (x *indexed) askAlone(ctx context.Context, conn *nats.Conn, lasts time.Duration) (err error) {
	if x.one.alone, err = x.ask(ctx, conn, 1, lasts); err != nil {
		return err
	}
	x.many.alone, err = x.ask(ctx, conn, askers, lasts)
	return err
}

// askTwo asks while there is a second reddot on the log, which answers as well.
func (b *bench) askTwo(ctx context.Context, t *traffic, conn *nats.Conn, x *indexed) error {
	return b.turns("query: two reddots", 2, func(step *Step) (err error) {
		dir := filepath.Join(b.dir, "query-second")
		second, err := b.startServer(ctx, dir, "serve", "--data", dir, "--nats", t.url, "--snapshots", "off", "--http", "", "--log-level", "error")
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, second.end()) }()
		requests, err := conn.SubscribeSync("$JS.API.STREAM.INFO." + b.subjects.CommandStream())
		if err != nil {
			return fmt.Errorf("hear what the stream is asked: %w", err)
		}
		defer requests.Unsubscribe() // with the connection, if that is lost
		if x.one.two, err = x.ask(ctx, conn, 1, b.cfg.For/4); err != nil {
			return err
		}
		step.done.Add(1)
		heard, _, err := requests.Pending()
		if err == nil && heard < len(x.one.two.times)/2 {
			err = fmt.Errorf("%d answers while there are two reddots, and the stream was asked %d times only", len(x.one.two.times), heard)
		}
		if err != nil {
			return err
		}
		x.many.two, err = x.ask(ctx, conn, askers, b.cfg.For/4)
		step.done.Add(1)
		return err
	})
}

// note notes what was found.
func (x *indexed) note(b *bench) {
	alone, two := x.one.alone, x.one.two
	b.note(figure("query", x.name+", "+oneAtATime, Seconds, alone.times.at(0.5).Seconds()))
	b.note(figure("query", x.name+", "+oneAtATime+", "+together, Seconds, two.times.at(0.5).Seconds()).compare("one reddot", alone.times.at(0.5).Seconds()))
	b.note(figure("query", x.name+", "+together, PerSecond, x.many.two.perSecond()).compare("one reddot", x.many.alone.perSecond()).with(x.many.two.times))
}
