package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"

	goclient "reddot/api/client"
	"reddot/cmd/reddot/lines"
	"reddot/cmd/reddot/term"
	"reddot/events"
)

// rateBurst is the share of a second whose commands may be sent at once under
// a rate limit. Sleeping once per command would be too coarse.
const rateBurst = 20

// linePublisher stores commands in the order of their lines.
type linePublisher struct {
	*goclient.Publisher
	client   *client
	lines    *lines.Reader
	parser   *events.LineParser
	fromLine int
	limit    *rate.Limiter
	early    doubtful // the first line with a time that can't be meant

	acked   atomic.Int64  // commands acknowledged
	lastSeq atomic.Uint64 // of the last of them
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

// openPublisher opens a publisher of lines, which the caller closes. ctx bounds the
// opening alone.
func openPublisher(ctx context.Context, c *client, from *lines.Reader, cfg *publishConfig) (*linePublisher, error) {
	p := &linePublisher{client: c, lines: from, parser: events.NewLineParser(c.subjects), fromLine: cfg.fromLine, limit: rate.NewLimiter(rate.Inf, 0)}
	p.parser.AnyPrefix = cfg.rewritePrefix
	if cfg.rate > 0 {
		p.limit = rate.NewLimiter(rate.Limit(cfg.rate), max(1, cfg.rate/rateBurst))
	}
	var err error
	p.Publisher, err = c.openPublisher(ctx, cfg.wait, goclient.OnStored(func(_ int, seq events.Seq) {
		p.lastSeq.Store(uint64(seq))
		p.acked.Add(1)
	}))
	return p, err
}

// run publishes every line. When it returns, every command before the line
// that its error names is stored. ctx is bound to the connection.
func (p *linePublisher) run(ctx context.Context) error {
	if s := p.client.settle(ctx, p.Publisher, p.send(ctx)); s != nil {
		return p.describe(s)
	}
	return nil
}

// settle waits until everything that was sent is stored. It returns what stopped the
// sending, or the storing before that; nil: nothing did. ctx is bound to the connection.
func (c *client) settle(ctx context.Context, p *goclient.Publisher, sent *stop) *stop {
	// What was sent is waited for when the user interrupts, so that the position
	// reported is exact; but not when nothing can come any more.
	waiting, unbind := c.Bind(context.WithoutCancel(ctx))
	defer unbind()
	stopWaiting := context.AfterFunc(waiting, p.Close)
	defer stopWaiting()
	_, err := p.Flush(context.Background())
	// What a line's acknowledgement says comes before what a later line does.
	if e, ok := errors.AsType[*goclient.PublishError](err); ok {
		sent = &stop{e.Label, c.publishAdvice(e.Err)}
	}
	switch {
	case sent == nil:
	case ctx.Err() != nil:
		sent.err = ended(ctx)
	case waiting.Err() != nil:
		sent.err = ended(waiting)
	}
	return sent
}

// send reads, checks and sends lines until the last one, or until ctx ends.
func (p *linePublisher) send(ctx context.Context) *stop {
	for {
		line, err := p.lines.Next()
		at := p.lines.Number()
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
		if err := p.AddEncoded(ctx, goclient.Encoded{Label: at, Subject: subject, Payload: payload}); err != nil {
			return &stop{at, fmt.Errorf("send: %w", err)}
		}
	}
}

// describe says which line stopped it, what is stored, and how to go on.
func (p *linePublisher) describe(s *stop) error {
	if errors.Is(s.err, errFromLine) {
		return fmt.Errorf("it has %s, and --from-line is %d: %w", term.Several(int64(s.line), "line"), p.fromLine, s.err)
	}
	stored := "nothing is known to be stored"
	switch n := p.acked.Load(); {
	case n == 1:
		stored = fmt.Sprintf("the command before it is stored, seq %d", p.lastSeq.Load())
	case n > 1:
		stored = fmt.Sprintf("the %d commands before it are stored, last seq %d", n, p.lastSeq.Load())
	}
	if s.line == 1 {
		return fmt.Errorf("line 1: %w (%s)", s.err, stored)
	}
	return fmt.Errorf("line %d: %w (%s: go on with --from-line %d)", s.line, s.err, stored, s.line)
}
