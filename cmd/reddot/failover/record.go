package failover

import (
	"fmt"
	"strings"

	"github.com/nats-io/nats.go"

	"reddot/events"
)

// record is what the events have said so far, of a stream or a subscription.
//
// A subscription hears some late: what was on its way in a server of the cluster that
// hung is stored meanwhile by the others, and republished when that one goes on. Such
// an event comes behind others that are stored behind it. It says nothing new, and
// nothing wrong to a listener that drops what is older than what it knows.
type record struct {
	boxes map[string]*box // by user
	last  uint64          // the highest sequence in the event stream
	late  int             // events that came behind one with a higher sequence

	duplicates, backward int      // events with a version that the user had, or an older one
	wrong                []string // which; the first ones
}

// box is what a user was notified of.
type box struct {
	last     events.Change
	list     map[string]events.Conversation
	receipts map[string]events.Seq // the last version, by peer
}

// shownWrong is how many events that should not be are named.
const shownWrong = 20

func newRecord() *record { return &record{boxes: map[string]*box{}} }

func (r *record) box(user string) *box {
	b := r.boxes[user]
	if b == nil {
		b = &box{list: map[string]events.Conversation{}, receipts: map[string]events.Seq{}}
		r.boxes[user] = b
	}
	return b
}

// enter takes in the event with a sequence in the stream, and returns the user and the
// version that it is of; none if it is no change, or late.
func (r *record) enter(seq uint64, subject string, header nats.Header, data []byte) (user string, version events.Seq, err error) {
	if seq <= r.last {
		r.late++
		return "", 0, nil
	}
	r.last = seq
	where := fmt.Sprintf("event %d", seq)
	unmarshal := func(e any) error {
		if err := events.Unmarshal(header.Get(events.HeaderContentType), data, e); err != nil {
			return fmt.Errorf("%s: %s: %w", where, subject, err)
		}
		return nil
	}
	switch {
	case strings.HasSuffix(subject, ".receipt"):
		var e events.Receipt
		if err := unmarshal(&e); err != nil {
			return "", 0, err
		}
		b := r.box(e.User)
		r.check(where, e.User+"'s receipt of "+e.Peer, b.receipts[e.Peer], e.Version)
		b.receipts[e.Peer] = max(b.receipts[e.Peer], e.Version)
		return "", 0, nil
	case !strings.HasSuffix(subject, ".change"):
		return "", 0, fmt.Errorf("%s: nobody sends what is told on %s", where, subject)
	}
	var e events.Change
	if err := unmarshal(&e); err != nil {
		return "", 0, err
	}
	b := r.box(e.User)
	r.check(where, e.User, b.last.Version, e.Version)
	b.last = e
	for _, c := range e.Conversations {
		b.list[c.Conversation] = c
	}
	for _, name := range e.Removed {
		delete(b.list, name)
	}
	return e.User, e.Version, nil
}

func (r *record) check(where, whose string, before, now events.Seq) {
	switch {
	case now > before:
		return
	case now == before:
		r.duplicates++
	default:
		r.backward++
	}
	if len(r.wrong) < shownWrong {
		r.wrong = append(r.wrong, fmt.Sprintf("%s: %s: version %d after %d", where, whose, now, before))
	}
}

// problems says what was emitted that should not be.
func (r *record) problems() []string {
	if r.duplicates+r.backward == 0 {
		return nil
	}
	return append([]string{fmt.Sprintf("%d duplicates, %d versions backward", r.duplicates, r.backward)}, r.wrong...)
}
