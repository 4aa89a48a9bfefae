package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"golang.org/x/time/rate"

	"reddot/cmd/reddot/term"
	"reddot/events"
)

// maxInFlight bounds the commands sent and not yet acknowledged. At 4,096 a
// local server is busy all the time; more only makes the doubt after a lost
// connection larger.
const maxInFlight = 4096

// rateBurst is the share of a second whose commands may be sent at once under
// a rate limit. Sleeping once per command would be too coarse.
const rateBurst = 20

// publisher stores commands in the order of their lines.
//
// One goroutine reads, checks and sends lines; another takes their
// acknowledgements in the same order. Nothing is ever sent again, for that
// could reorder: the first command that isn't acknowledged ends it.
type publisher struct {
	client   *client
	js       jetstream.JetStream
	lines    *lineReader
	parser   *events.LineParser
	fromLine int
	limit    *rate.Limiter
	inFlight chan flight
	refused  *refusals // hears which are refused; nil: nobody asks
	early    doubtful  // the first line with a time that can't be meant; owned by send until run returns

	acked   atomic.Int64 // commands acknowledged
	lastSeq events.Seq   // of the last of them; owned by collect until run returns
}

// flight is a command that was sent.
type flight struct {
	line int
	ack  jetstream.PubAckFuture
}

// Times of this century in seconds, as milliseconds, are of January to April 1970.
const (
	firstSeconds events.Time = 900_000_000
	lastSeconds  events.Time = 9_999_999_999
)

// doubtful is a line with a time that can't be meant.
type doubtful struct {
	line int
	at   events.Time
}

func (d doubtful) String() string {
	return fmt.Sprintf("line %d: at %d is in the year %d: times are in milliseconds, are these in seconds?",
		d.line, d.at, time.UnixMilli(int64(d.at)).UTC().Year())
}

// errFromLine says that a publish was to begin behind its last line.
var errFromLine = errors.New("there is nothing to publish")

// stop is why a publish ended before its last line.
type stop struct {
	line int // the first one that isn't known to be stored
	err  error
}

func newPublisher(c *client, lines *lineReader, cfg *publishConfig) (*publisher, error) {
	// The channel holds maxInFlight, the collector one, the sender one.
	js, err := jetstream.New(c.Conn.Conn, jetstream.WithPublishAsyncMaxPending(maxInFlight+2))
	if err != nil {
		return nil, fmt.Errorf("use JetStream: %w", err)
	}
	p := &publisher{client: c, js: js, lines: lines, parser: events.NewLineParser(c.subjects), fromLine: cfg.fromLine,
		limit: rate.NewLimiter(rate.Inf, 0), inFlight: make(chan flight, maxInFlight)}
	p.parser.AnyPrefix = cfg.rewritePrefix
	if cfg.rate > 0 {
		p.limit = rate.NewLimiter(rate.Limit(cfg.rate), max(1, cfg.rate/rateBurst))
	}
	return p, nil
}

// run publishes every line. When it returns, every command before the line
// that its error names is stored. ctx is bound to the connection.
func (p *publisher) run(ctx context.Context) error {
	sending, halt := context.WithCancel(ctx)
	defer halt()
	collected := make(chan *stop, 1)
	go func() {
		s := p.collect()
		if s != nil {
			halt()
		}
		collected <- s
	}()
	sent := p.send(sending)
	close(p.inFlight)
	// What a line's acknowledgement says comes before what a later line does.
	s := <-collected
	if s == nil {
		s = sent
	}
	if s == nil {
		return nil
	}
	if ctx.Err() != nil {
		s.err = ended(ctx)
	}
	return p.describe(s)
}

// send reads, checks and sends lines until the last one, or until ctx ends.
func (p *publisher) send(ctx context.Context) *stop {
	// No retries: a command sent again would be stored after later ones.
	options := []jetstream.PublishOpt{jetstream.WithRetryAttempts(0), jetstream.WithStallWait(p.client.timeout)}
	for {
		line, err := p.lines.next()
		at := p.lines.n
		if errors.Is(err, io.EOF) && at < p.fromLine-1 {
			return &stop{at, errFromLine}
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return &stop{at, err}
		}
		if at < p.fromLine {
			continue
		}
		subject, payload, err := p.parser.Parse(line)
		if err != nil {
			return &stop{at, lineAdvice(line, p.client.subjects, err)}
		}
		if when, has := p.parser.At(); has && p.early.line == 0 && when >= firstSeconds && when <= lastSeconds {
			p.early = doubtful{at, when}
		}
		if err := p.limit.Wait(ctx); err != nil {
			return &stop{at, err}
		}
		ack, err := p.js.PublishAsync(subject, payload, options...)
		if err != nil {
			return &stop{at, fmt.Errorf("send: %w", err)}
		}
		select {
		case p.inFlight <- flight{at, ack}:
		case <-ctx.Done():
			return &stop{at, ctx.Err()}
		}
	}
}

// collect takes the acknowledgements in the order of the lines. It goes on
// when the user interrupts, so that the position told is exact.
func (p *publisher) collect() *stop {
	patience := time.NewTimer(p.client.timeout)
	defer patience.Stop()
	for f := range p.inFlight {
		patience.Reset(p.client.timeout)
		ack, err := p.await(f.ack, patience.C)
		if err == nil {
			err = p.check(ack)
		}
		if err != nil {
			return &stop{f.line, err}
		}
		p.lastSeq = events.Seq(ack.Sequence)
		p.refused.stored(f.line, p.lastSeq)
		p.acked.Add(1)
	}
	return nil
}

// await waits for one acknowledgement. One that is already here counts even
// if the connection is gone.
func (p *publisher) await(f jetstream.PubAckFuture, expired <-chan time.Time) (*jetstream.PubAck, error) {
	select {
	case ack := <-f.Ok():
		return ack, nil
	case err := <-f.Err():
		return nil, p.client.ackError(err)
	case <-p.client.Lost().Done():
		select {
		case ack := <-f.Ok():
			return ack, nil
		default:
			return nil, context.Cause(p.client.Lost())
		}
	case <-expired:
		return nil, fmt.Errorf("no acknowledgement in %v", p.client.timeout)
	}
}

// ackError says what a refused command means for the user.
func (c *client) ackError(err error) error {
	switch {
	case errors.Is(err, jetstream.ErrNoStreamResponse):
		return fmt.Errorf(`no stream at %s takes commands under the prefix %s: start "reddot serve" there, or name yours with --server or --prefix`,
			c.URL, c.subjects.Prefix())
	case errors.Is(err, nats.ErrDisconnected):
		return fmt.Errorf("lost the connection to the NATS server at %s", c.URL)
	}
	return fmt.Errorf("the NATS server refuses it: %w", err)
}

// check makes sure that commands land where reddot reads, in order.
func (p *publisher) check(ack *jetstream.PubAck) error {
	if err := p.client.checkStream(ack); err != nil {
		return err
	}
	if seq := events.Seq(ack.Sequence); seq <= p.lastSeq {
		return fmt.Errorf("it was stored at seq %d, after the next line's %d: the stream does not keep the order", seq, p.lastSeq)
	}
	return nil
}

// checkStream makes sure that a command landed where reddot reads.
func (c *client) checkStream(ack *jetstream.PubAck) error {
	if want := c.subjects.CommandStream(); ack.Stream != want {
		return fmt.Errorf("it was stored in the stream %s, reddot reads %s: take the subject out of the other stream", ack.Stream, want)
	}
	return nil
}

// describe says which line stopped it, what is stored, and how to go on.
func (p *publisher) describe(s *stop) error {
	if errors.Is(s.err, errFromLine) {
		return fmt.Errorf("it has %s, and --from-line is %d: %w", term.Several(int64(s.line), "line"), p.fromLine, s.err)
	}
	stored := "nothing is known to be stored"
	switch n := p.acked.Load(); {
	case n == 1:
		stored = fmt.Sprintf("the command before it is stored, seq %d", p.lastSeq)
	case n > 1:
		stored = fmt.Sprintf("the %d commands before it are stored, last seq %d", n, p.lastSeq)
	}
	if s.line == 1 {
		return fmt.Errorf("line 1: %w (%s)", s.err, stored)
	}
	return fmt.Errorf("line %d: %w (%s: go on with --from-line %d)", s.line, s.err, stored, s.line)
}
