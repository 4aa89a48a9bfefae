package client

import (
	"context"
	"errors"
	"strings"
	"sync"

	"reddot/events"
)

// maxReadings is how often a list of several pages is read again because it
// changed on the way. After that the pages are taken as they are: events say
// what changed.
const maxReadings = 3

// maxReceiptQueries are under way at once for one user.
const maxReceiptQueries = 16

// wanted is what listeners want beside the list and its totals.
type wanted struct{ threads, filters bool }

// wants reports what is to be read. f.mu is held.
func (f *feed) wants() (w wanted) {
	for s := range f.mu.listeners {
		w.threads = w.threads || s.wantsThreads()
		w.filters = w.filters || s.listener.FiltersChanged != nil
	}
	return w
}

// readState reads the list, and what else is wanted. since is the version that is
// known: an answer must not be older.
func (f *feed) readState(ctx context.Context, since events.Seq, want wanted) (*reading, error) {
	for attempt := 1; ; attempt++ {
		patient := attempt == maxReadings
		r, whole, err := f.readList(ctx, since, patient)
		if err == nil && whole && want.filters {
			whole, err = f.readFilters(ctx, since, r, patient)
		}
		if err == nil && whole && want.threads {
			whole, err = f.readThreads(ctx, since, r, patient)
		}
		if err != nil || whole {
			return r, err
		}
	}
}

// readList reads the list once. whole is false if it changed on the way; then
// it is read to its end only if patient says so.
func (f *feed) readList(ctx context.Context, since events.Seq, patient bool) (r *reading, whole bool, err error) {
	q := events.ConversationsRequest{Limit: new(events.MaxLimit)}
	for {
		page, err := f.user.Page(ctx, q, After(since))
		if err != nil {
			return nil, false, err
		}
		if r == nil {
			r = &reading{version: page.Version}
		} else if page.Version != r.version && !patient {
			return nil, false, nil
		}
		r.totals, r.totalsAt = page.Totals, page.Version
		r.conversations = append(r.conversations, page.Conversations...)
		if page.Next == "" {
			return r, true, nil
		}
		q.After = page.Next
	}
}

// readFilters reads the filters' totals, and the totals that belong to them.
func (f *feed) readFilters(ctx context.Context, since events.Seq, r *reading, patient bool) (whole bool, err error) {
	reply, err := f.user.Totals(ctx, events.TotalsRequest{}, After(since))
	if err != nil || reply.Version != r.totalsAt && !patient {
		return false, err
	}
	r.totals, r.totalsAt, r.filters = reply.Totals, reply.Version, &reply.Filters
	return true, nil
}

// readThreads reads the threads that the user follows.
func (f *feed) readThreads(ctx context.Context, since events.Seq, r *reading, patient bool) (whole bool, err error) {
	q := events.ThreadsRequest{Following: true, Limit: new(events.MaxLimit)}
	for {
		page, err := f.user.ThreadsPage(ctx, q, After(since))
		if err != nil || page.Version != r.version && !patient {
			return false, err
		}
		if !r.followed {
			r.followed, r.threadsAt = true, page.Version
		}
		r.moved = r.moved || page.Version != r.threadsAt
		r.threads = append(r.threads, page.Threads...)
		if page.Next == "" {
			return true, nil
		}
		q.After = page.Next
	}
}

// readReceipts asks for the last receipts: those that were sent while nobody heard
// them.
func (f *feed) readReceipts(ctx context.Context, keys []string) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var (
		readers sync.WaitGroup
		first   sync.Once
		failed  error
	)
	queue := make(chan string)
	for range min(maxReceiptQueries, len(keys)) {
		readers.Go(func() {
			for key := range queue {
				if err := f.readReceipt(ctx, key); err != nil {
					first.Do(func() { failed = err })
					cancel() // the others fail at once
				}
			}
		})
	}
	for _, key := range keys {
		queue <- key
	}
	close(queue)
	readers.Wait()
	return failed
}

// readReceipt asks for the last receipt of one receiptKey, if there is any.
func (f *feed) readReceipt(ctx context.Context, key string) error {
	peer, thread, ofThread := strings.Cut(key, "\x00")
	q := events.ReceiptRequest{Peer: &peer}
	if ofThread {
		q.Thread = &thread
	}
	r, err := f.user.receipt(ctx, q)
	if errors.Is(err, ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.mu.book.enterReceipt(events.Receipt{
		User: r.User, Version: r.Version, Conversation: C2C(peer), Peer: peer, Upto: r.Upto, At: r.At, Thread: thread,
	}) {
		f.markReceipts([]string{key})
	}
	return nil
}
