package client

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"reddot/events"
)

// maxTorn readings in a row may not add up before one is taken as it is;
// tornWait is how long events may take to mend one that changed on the way.
const (
	maxTorn  = 3
	tornWait = time.Second
)

// run reads the user's state whenever that is wanted, until ctx ends.
func (f *feed) run(ctx context.Context) {
	b := backoff{first: retryFirst, most: retryMost}
	var retry <-chan time.Time // not nil after a failure: wait until then
	var torn <-chan time.Time  // not nil after a reading: look then whether it adds up
	check := newCheck(f.client.opts)
	defer check.stop()
	for {
		if retry == nil && f.wanted() {
			switch err := f.attempt(ctx, f.sync); {
			case err == nil:
				b.last = 0
				torn = time.After(tornWait)
			case !errors.Is(err, context.Canceled): // else link has a new one begin
				f.fail(err, b.last == 0)
				retry = time.After(b.next())
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-f.wake:
		case <-retry:
			retry = nil
			poke(f.wake)
		case <-torn:
			torn = nil
			f.mend()
		case <-check.due:
			if err := f.attempt(ctx, f.check); err != nil && !errors.Is(err, context.Canceled) {
				f.fail(err, true)
			}
			check.again()
		}
	}
}

// wanted reports whether a reading is wanted and can be had.
func (f *feed) wanted() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.mu.online && f.mu.settled < f.mu.asked
}

// attempt asks the server for something. It is cancelled when the connection
// is lost, for then the reply may never come.
func (f *feed) attempt(ctx context.Context, ask func(context.Context) error) error {
	ctx, abort := context.WithCancel(ctx)
	defer abort()
	f.mu.Lock()
	f.mu.abort = abort
	f.mu.Unlock()
	return ask(ctx)
}

// fail reports a failed attempt. Of those that follow each other only the
// first is logged.
func (f *feed) fail(err error, first bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch {
	case !f.mu.online: // reported as a state
	case first:
		f.report(err)
	default:
		f.giveError(err)
	}
}

// sync makes one reading: the watch, the state, the receipts, in this order. The
// subscription is older than the first request, so every change after the
// reading comes as an event.
func (f *feed) sync(ctx context.Context) error {
	select {
	case f.client.syncs <- struct{}{}:
		defer func() { <-f.client.syncs }()
	case <-ctx.Done():
		return ctx.Err()
	}
	if f.client.opts.WatchLargeGroups {
		if err := f.watch(ctx); err != nil {
			return err
		}
	}
	f.mu.Lock()
	number, since := f.mu.asked, f.mu.book.version
	want := f.wants()
	f.mu.book.begin(want.threads)
	f.checkDropped()
	f.mu.Unlock()

	r, err := f.readState(ctx, since, want)
	if err != nil {
		return err
	}
	receipts, wanted := f.enter(number, r)
	if err := f.readReceipts(ctx, receipts); err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.mu.settled = number
	if wanted {
		f.mu.heard = number
	}
	if f.checkDropped() {
		f.missedAny()
	}
	if f.mu.settled < f.mu.asked {
		poke(f.wake)
	}
	f.wakeAll()
	return nil
}

// watch begins or renews the watch of large groups.
func (f *feed) watch(ctx context.Context) error {
	_, err := f.user.Watch(ctx)
	return err
}

// enter enters a reading of the state. wanted says whether receipts are to be
// asked for too, and which, by receiptKey.
func (f *feed) enter(number uint64, r *reading) (receipts []string, wanted bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.checkPermission()
	touched := f.mu.book.enterReading(r)
	f.mu.listed = number
	f.checkTorn(r)
	var order, threads []string
	for s := range f.mu.listeners {
		if !s.started && s.since <= number {
			if order == nil {
				order, threads = f.mu.book.order(r), f.mu.book.threadOrder(r)
			}
			s.start(order, threads, f.mu.book.receiptKeys())
		}
		wanted = wanted || s.listener.C2CReadReceipt != nil
	}
	f.mark(touched)
	if wanted = wanted && (f.mu.heard == 0 || f.mu.heard < f.mu.lost); !wanted {
		return nil, false
	}
	for name := range f.mu.book.list {
		if peer, ok := strings.CutPrefix(name, C2C("")); ok {
			receipts = append(receipts, receiptKey(peer, ""))
		}
	}
	for key, x := range f.mu.book.receipts {
		if _, listed := f.mu.book.list[C2C(x.Peer)]; x.Thread != "" || !listed {
			receipts = append(receipts, key)
		}
	}
	return receipts, true
}

// checkTorn looks at a list that does not add up to the totals. If it changed
// while it was read, the events that mend it are on their way. Else one was lost
// meanwhile: then it is read again, but not for ever; so is what changed while the
// threads were read, since nothing adds up to those. f.mu is held.
func (f *feed) checkTorn(r *reading) {
	switch {
	case !f.mu.book.torn && r.moved && f.mu.torn < maxTorn:
		f.mu.torn++
		f.mu.asked++ // what is known holds: no event is missing
	case !f.mu.book.torn:
		f.mu.torn = 0
	case r.version != r.totalsAt:
	case f.mu.torn < maxTorn:
		f.mu.torn++
		f.missed()
	default:
		f.mu.torn, f.mu.book.torn = 0, false
		f.report(fmt.Errorf("the list of %q does not add up to its totals at version %d; please report it", f.user.id, r.version))
	}
}

// mend wants another reading if the list is still torn.
func (f *feed) mend() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.mu.book.torn {
		f.missed()
	}
}

// check compares versions with the server, and reads again if an event is
// missing. Most often one is only on its way; then the reading costs little
// and changes nothing.
func (f *feed) check(ctx context.Context) error {
	f.mu.Lock()
	online := f.mu.online
	f.mu.Unlock()
	if !online {
		return nil
	}
	if f.client.opts.WatchLargeGroups {
		if err := f.watch(ctx); err != nil {
			return err
		}
	}
	reply, err := f.user.Totals(ctx, events.TotalsRequest{})
	if err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.checkDropped() {
		f.missedAny()
	} else if reply.Version > f.mu.book.version || f.mu.book.torn {
		f.missed()
	}
	return nil
}

// checks is when the next check is due.
type checks struct {
	every time.Duration
	timer *time.Timer
	due   <-chan time.Time // nil: never
}

func newCheck(o Options) *checks {
	c := &checks{every: o.CheckEvery}
	if o.WatchLargeGroups && (c.every < 0 || c.every > watchEvery) {
		c.every = watchEvery
	}
	if c.every > 0 {
		c.timer = time.NewTimer(jitter(c.every))
		c.due = c.timer.C
	}
	return c
}

func (c *checks) again() { c.timer.Reset(jitter(c.every)) }

func (c *checks) stop() {
	if c.timer != nil {
		c.timer.Stop()
	}
}
