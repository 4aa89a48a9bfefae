package stream

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"time"

	"reddot/events"
)

// Journal is the stored events of everybody, in the order of their sequences.
type Journal interface {
	// Ends returns the sequence of the first message that is stored and of the last one
	// that there ever was. Where nothing is stored, first is last+1.
	Ends(ctx context.Context) (first, last uint64, err error)

	// Follow calls fn with what is stored at a sequence and behind it, in order and as it
	// comes, until ctx ends or fn returns an error, which it returns. It leaves no place
	// out but those whose message is gone. A server that is away is waited for.
	Follow(ctx context.Context, from uint64, fn func(Entry) error) error
}

// Entry is one place of a Journal.
type Entry struct {
	Seq     uint64
	Subject string // of an event, behind the prefix: "evt.alice.change"; empty: there is none at this place
	Type    string // content type of Data
	More    bool   // further events of the same user belong to this one
	Data    []byte
}

// feedRoom is how many events of a feed are read ahead of its writer.
const feedRoom = 16

// FeedRequest is what a client of the feed asks for.
type FeedRequest struct {
	After   *uint64 // the events behind this sequence, 0: all that are stored; nil: those that come from now on
	Filter  Filter
	Key     string    // who asks, see Request
	Expires time.Time // of the token; zero: never
}

// ServeFeed tells the stored events of everybody, until the client goes or the stream is to
// end. An error is why it has not begun; nothing is written then.
//
// An event's id is its sequence in the event stream, and the feed goes on behind any id
// that the stream still has all of what follows of; else a reset says which is the first
// that there is, and the feed goes on with that. Filters are no part of an id: that of a
// ping is the last sequence that was looked at.
func (h *Hub) ServeFeed(w http.ResponseWriter, r *http.Request, q FeedRequest) error {
	c, err := h.open(r.Context(), Feed, q.Key, q.Expires)
	if err != nil {
		return err
	}
	why := gone
	defer func() { h.leave(c, why) }()
	epoch := h.cfg.Source.Epoch()
	if epoch == "" {
		return errNoEpoch()
	}
	f := &feed{FeedRequest: q, hub: h, conn: c, sse: h.newSSE(w, true), entries: make(chan Entry, feedRoom), failed: make(chan error, 1)}
	if err = f.sse.begin(h.hello(c, epoch, q.Expires)); err == nil {
		err = f.serve()
	}
	why = f.sse.end(h.byeOf(c, err, q.Expires))
	return nil
}

// feed is one feed at work.
type feed struct {
	FeedRequest
	hub  *Hub
	conn *conn
	sse  *sse

	entries chan Entry
	failed  chan error
	at      uint64 // the last sequence that was looked at
}

// serve tells events until the feed ends; the error says why.
func (f *feed) serve() error {
	if err := f.place(); err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(f.conn.ctx)
	var reading sync.WaitGroup
	defer reading.Wait()
	defer cancel()
	reading.Go(func() {
		f.failed <- f.hub.cfg.Journal.Follow(ctx, f.at+1, func(e Entry) error {
			select {
			case f.entries <- e:
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		})
	})
	return f.run()
}

// place finds where the feed begins, and says so where that is not where it was to.
func (f *feed) place() error {
	first, last, err := f.hub.cfg.Journal.Ends(f.conn.ctx)
	if err != nil {
		return errors.Join(errMoved, err)
	}
	switch {
	case f.After == nil:
		f.at = last
		return f.ping()
	case *f.After == 0:
		f.at = first - 1
	case *f.After < first-1:
		return f.reset(first, Lost)
	case *f.After > last: // of another stream, or of this one before it was made again
		return f.reset(first, Unknown)
	default:
		f.at = *f.After
	}
	return nil
}

// run tells what comes.
func (f *feed) run() error {
	timer := time.NewTimer(f.hub.cfg.Heartbeat)
	defer timer.Stop()
	spoke := time.Now()
	for {
		if len(f.entries) == 0 || f.sse.unsent >= flushBytes {
			if f.sse.unsent > 0 {
				spoke = time.Now()
			}
			if err := f.sse.flush(); err != nil {
				return err
			}
		}
		wait := f.hub.cfg.Heartbeat - time.Since(spoke)
		if !f.Expires.IsZero() {
			wait = min(wait, time.Until(f.Expires))
		}
		timer.Reset(wait)
		var err error
		select {
		case e := <-f.entries:
			err = f.take(&e)
		case <-timer.C:
			if !expired(f.Expires) {
				err = f.ping()
			}
		case err = <-f.failed:
			return errors.Join(errMoved, err)
		case <-f.conn.ctx.Done():
			return errEnds
		}
		switch {
		case err != nil:
			return err
		case expired(f.Expires):
			return errEnds
		}
	}
}

// take tells an event, if it is wanted. Where it is not the next one, others are gone.
func (f *feed) take(e *Entry) error {
	if e.Seq != f.at+1 {
		if err := f.reset(e.Seq, Lost); err != nil {
			return err
		}
	}
	f.at = e.Seq
	name, rest := f.Filter.tell(e, f.hub.cfg.Subjects)
	if rest == nil {
		return nil
	}
	return f.tell(&event{name: name, more: e.More, rest: rest})
}

// tell tells an event, with the place up to which all is told with it.
func (f *feed) tell(e *event) error {
	e.id, e.place = placeID, f.at
	return f.sse.tell(e)
}

// reset says that events before the first one that follows are missing. Its id is not
// empty, as a user's is: a client that is cut behind it goes on with that first one.
func (f *feed) reset(first uint64, why Reason) error {
	f.at = first - 1
	return f.tell(small(eventReset, FeedReset{first, why}))
}

func (f *feed) ping() error {
	return f.tell(small(eventPing, Ping{events.Time(time.Now().UnixMilli())}))
}
