package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"

	"golang.org/x/time/rate"

	goclient "reddot/api/client"
	"reddot/cmd/reddot/counts"
	"reddot/cmd/reddot/term"
	"reddot/events"
)

// importer stores batches as commands.
type importer struct {
	*goclient.Publisher
	client *client
	limit  *rate.Limiter // of conversations

	mu       sync.Mutex
	sent     []int         // conversations of the commands on their way, in their order
	stored   atomic.Int64  // conversations of those that are stored
	lastSeq  atomic.Uint64 // of the last of them
	expected atomic.Int64  // conversations in all; -1 while that is not known
}

// Total, At, Count and Words make the importer the gauge of its progress.
func (m *importer) Total() int64  { return m.expected.Load() }
func (m *importer) At() int64     { return m.stored.Load() }
func (m *importer) Count() int64  { return m.stored.Load() }
func (m *importer) Words() string { return term.OfTotal(m.At(), m.Total(), "conversations") }

// eachBatch gives each batch, and whether it is of the same user as the one before.
func eachBatch(ctx context.Context, b *batcher, give func(one *batch, sameUser bool) error) error {
	for last := ""; ; {
		one, err := b.next(ctx)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err == nil {
			err = give(one, one.user == last)
		}
		if err != nil {
			return err
		}
		last = one.user
	}
}

// runImport imports everything.
func (a *app) runImport(ctx context.Context, c *client, from *origin, cfg *importConfig) (result imported, err error) {
	m := &importer{client: c, limit: rate.NewLimiter(rate.Inf, 0)}
	if cfg.rate > 0 {
		m.limit = rate.NewLimiter(rate.Limit(cfg.rate), max(events.MaxImports, cfg.rate/rateBurst))
	}
	m.expected.Store(-1)
	m.Publisher, err = c.openPublisher(ctx, cfg.wait, goclient.OnStored(m.isStored))
	if err != nil {
		return result, err
	}
	defer m.Close()
	release := func(events.Seq) error { return nil }
	if cfg.hold {
		if release, err = a.hold(ctx, c); err != nil {
			return result, err
		}
	}
	stopCount := countRows(ctx, from, &m.expected)
	bar := term.Start(a.stderr, m)
	err = m.run(ctx, from, &result)
	bar.Finish(err == nil)
	stopCount()
	result.LastSeq = events.Seq(m.lastSeq.Load())
	if err := errors.Join(err, release(result.LastSeq)); err != nil {
		return result, err
	}
	if !cfg.wait {
		return result, nil
	}
	shown := published{Published: result.Commands, LastSeq: result.LastSeq}
	if err := a.waitResult(ctx, c, m.Publisher, &shown); err != nil {
		return result, fmt.Errorf("everything is stored, last seq %d; wait for reddot: %w", result.LastSeq, err)
	}
	result.Refused, result.Refusals = shown.Refused, shown.Refusals
	return result, nil
}

// countRows counts the rows while they are imported, until stop is called.
func countRows(ctx context.Context, from *origin, to *atomic.Int64) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	counted := make(chan struct{})
	go func() {
		defer close(counted)
		if n := from.count(ctx); n >= 0 {
			to.Store(n)
		}
	}()
	return func() {
		cancel()
		<-counted
	}
}

// run stores every batch. When it returns, every command before what its error names is
// stored.
func (m *importer) run(ctx context.Context, from *origin, result *imported) error {
	b := &batcher{from: from, bad: func(wrong *counts.RowError) error { return rowAdvice(wrong) }}
	var sent *stop
	err := eachBatch(ctx, b, func(one *batch, sameUser bool) error {
		if err := m.send(ctx, one); err != nil {
			return err
		}
		result.add(one, sameUser)
		return nil
	})
	if err != nil {
		sent = &stop{err: err}
	}
	if sent = m.client.settle(ctx, m.Publisher, sent); sent == nil {
		return nil
	}
	return fmt.Errorf("%w (%s: run it again, and what is imported stays as it is)", sent.err, m.done())
}

// done says what is stored.
func (m *importer) done() string {
	if n := m.stored.Load(); n > 0 {
		return fmt.Sprintf("%s before it are imported, last seq %d", term.Several(n, "conversation"), m.lastSeq.Load())
	}
	return "nothing is known to be imported"
}

func (m *importer) send(ctx context.Context, b *batch) error {
	n := len(b.conversations)
	if err := m.limit.WaitN(ctx, n); err != nil {
		return err
	}
	payload, err := events.Encode(&events.Command{Verb: events.UserImport, Inbox: b.user, Conversations: b.conversations})
	if err != nil {
		return err
	}
	m.mu.Lock()
	m.sent = append(m.sent, n)
	m.mu.Unlock()
	subject := m.client.subjects.Command(events.Target{Verb: events.UserImport, Inbox: b.user})
	if err := m.AddEncoded(ctx, goclient.Encoded{Label: b.line, Subject: subject, Payload: payload}); err != nil {
		return fmt.Errorf("send: %w", err)
	}
	return nil
}

// isStored hears that the oldest command on its way is stored.
func (m *importer) isStored(_ int, seq events.Seq) {
	m.mu.Lock()
	n := m.sent[0]
	m.sent = m.sent[1:]
	m.mu.Unlock()
	m.lastSeq.Store(uint64(seq))
	m.stored.Add(int64(n))
}
