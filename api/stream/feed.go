package stream

import (
	"context"
	"errors"
	"net/http"
	"strconv"
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

// maxFeeds bounds the feeds of an instance: each reads the stream of its own, holds what
// is under way from there, and encodes every event that it tells.
const maxFeeds = 16

// feedRoom is how many events of a feed are read ahead of its writer.
const feedRoom = 16

// ErrTooMany: an instance has as many streams of a kind as it may have.
var ErrTooMany = errors.New("too many streams")

// FeedConfig is what feeds are told from.
type FeedConfig struct {
	Journal   Journal // required
	Subjects  events.Subjects
	Heartbeat time.Duration // a ping comes after so much silence; required
}

// Feeds tells the stored events of everybody to those who ask. Its methods are safe for
// concurrent use.
//
// A feed's id is a sequence of the event stream. It goes on behind any id that the stream
// still has what follows of; else a reset says what the first one is that there is now,
// and the feed goes on with that. Filters are no part of an id: a ping names the last
// sequence that was looked at.
type Feeds struct {
	cfg    FeedConfig
	places chan struct{}

	closing chan struct{}
	close   sync.Once
}

// NewFeeds returns feeds, and starts nothing.
func NewFeeds(cfg FeedConfig) *Feeds {
	return &Feeds{cfg: cfg, places: make(chan struct{}, maxFeeds), closing: make(chan struct{})}
}

// Close ends all feeds, and lets none begin.
func (f *Feeds) Close() { f.close.Do(func() { close(f.closing) }) }

// Asked says what a feed tells.
type Asked struct {
	After   *uint64 // the events behind this sequence, 0: all that are stored; nil: those that come from now on
	Filter  Filter
	Epoch   string    // of the log, for hello
	Expires time.Time // when who asks may no longer; zero: never
}

// Serve tells events until who asks goes away, or may no longer, or Close is called. An
// error says why nothing was sent: ErrTooMany, or an *events.Fault.
func (f *Feeds) Serve(w http.ResponseWriter, r *http.Request, a Asked) error {
	select {
	case <-f.closing:
		return &events.Fault{Code: events.ErrUnavailable, Message: "this instance is being shut down; ask again"}
	default:
	}
	select {
	case f.places <- struct{}{}:
		defer func() { <-f.places }()
	default:
		return ErrTooMany
	}
	ctx, cancel := context.WithCancel(r.Context())
	var reading sync.WaitGroup
	defer reading.Wait()
	defer cancel()
	feed := &feed{Feeds: f, Asked: a, ctx: ctx, writer: newWriter(w), entries: make(chan Entry, feedRoom), failed: make(chan error, 1)}
	if feed.begin() != nil {
		return nil // who asked has gone away
	}
	from, err := feed.place()
	if err != nil {
		feed.bye(byeMoved)
		return nil
	}
	reading.Go(func() {
		feed.failed <- f.cfg.Journal.Follow(ctx, from, func(e Entry) error {
			select {
			case feed.entries <- e:
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		})
	})
	feed.run()
	return nil
}

// feed is one feed at work.
type feed struct {
	*Feeds
	Asked
	ctx    context.Context
	writer *writer

	entries chan Entry
	failed  chan error
	at      uint64 // the last sequence that was looked at
}

// begin sends the headers and the first event, before anything is asked.
func (f *feed) begin() error {
	return f.writer.begin(hello{Epoch: f.Epoch, Heartbeat: f.cfg.Heartbeat.Milliseconds(), Expires: expiresAt(f.Expires)})
}

// place finds where the feed begins, and says so where that is not where it was to.
func (f *feed) place() (from uint64, err error) {
	first, last, err := f.cfg.Journal.Ends(f.ctx)
	if err != nil {
		return 0, err
	}
	switch {
	case f.After == nil:
		f.at = last
		f.ping()
	case *f.After == 0:
		f.at = first - 1
	case *f.After+1 < first:
		f.reset(first, resetLost)
	case *f.After > last: // of another stream, or of this one before it was made again
		f.reset(first, resetUnknown)
	default:
		f.at = *f.After
	}
	return f.at + 1, f.writer.flush()
}

// run tells what comes until there is a reason to end.
func (f *feed) run() {
	var expired <-chan time.Time
	if !f.Expires.IsZero() {
		timer := time.NewTimer(time.Until(f.Expires))
		defer timer.Stop()
		expired = timer.C
	}
	silence := time.NewTimer(f.cfg.Heartbeat)
	defer silence.Stop()
	for {
		told := false
		select {
		case e := <-f.entries:
			told = f.take(e)
		case <-silence.C:
			f.ping()
			told = true
		case <-f.closing:
			f.bye(byeShutdown)
			return
		case <-expired:
			f.bye(byeExpired)
			return
		case <-f.failed:
			f.bye(byeMoved)
			return
		case <-f.ctx.Done():
			return
		}
		if told {
			silence.Reset(f.cfg.Heartbeat)
		}
		if (len(f.entries) == 0 || f.writer.full()) && f.writer.flush() != nil {
			return
		}
	}
}

// take tells an event that is wanted, and says whether it has told anything.
func (f *feed) take(e Entry) (told bool) {
	if e.Seq != f.at+1 {
		f.reset(e.Seq, resetLost)
		told = true
	}
	f.at = e.Seq
	name, data := f.Filter.tell(&e, f.cfg.Subjects)
	if data == nil {
		return told
	}
	f.writer.event(name, f.id(), data)
	return true
}

// id is what the feed can be gone on behind.
func (f *feed) id() string { return strconv.FormatUint(f.at, 10) }

// reset says that events are missing before the first one that there is.
func (f *feed) reset(first uint64, reason string) {
	f.at = first - 1
	f.writer.object("reset", f.id(), feedReset{first, reason})
}

func (f *feed) ping() { f.writer.object("ping", f.id(), ping{time.Now().UnixMilli()}) }

// bye says the reason of an end that is not the asker's; of one that has gone away nothing
// is known any more.
func (f *feed) bye(reason string) {
	select {
	case <-f.closing:
		reason = byeShutdown // which may have been why something else failed
	default:
	}
	f.writer.object("bye", "", bye{reason, retry(feedRetry)})
	_ = f.writer.flush()
}

// feedRetry bounds the time after which a feed that was ended is to be asked for again.
const feedRetry = 2 * time.Second

// feedReset is the data of a feed's reset.
type feedReset struct {
	First  uint64 `json:"first"` // sequence of the first event that follows
	Reason string `json:"reason"`
}
