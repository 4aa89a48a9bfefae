package sim

import (
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"reddot/projector/emit/journal"
)

// stored is a message of the event stream.
type stored struct {
	seq uint64
	no  int // among all events there ever were, in this stream or one before it
	at  time.Time
	id  string
	msg *nats.Msg
}

// eventStream does what a JetStream stream with one replica does in
// nats-server 2.15.2, stream.processJetStreamMsg: in this order, it compares
// the expected last sequence (error 10071), looks for the message id among
// those of the window for duplicates (and acknowledges a known one as such),
// and stores.
type eventStream struct {
	maxMsgs int           // 0: no bound
	maxAge  time.Duration // 0: no bound
	refuses bool          // takes nothing, as one whose disk is full
	gone    bool          // it was deleted
	count   int           // of the messages there ever were
	key     journal.Key   // of the events

	last   uint64            // of the last message there ever was
	msgs   []stored          // those that are still there
	window []stored          // those whose ids are remembered
	ids    map[string]uint64 // of window
}

var errNoSpace = &jetstream.APIError{Code: 503, ErrorCode: 10023, Description: "insufficient resources"}

func errWrongLast(last uint64) error {
	return &jetstream.APIError{Code: 400, ErrorCode: 10071, Description: fmt.Sprintf("wrong last sequence: %d", last)}
}

// store takes a message. duplicate: seq is that of the earlier one.
func (s *eventStream) store(msg *nats.Msg, now time.Time) (seq uint64, duplicate bool, err error) {
	s.expire(now)
	if h := msg.Header.Get(jetstream.ExpectedLastSeqHeader); h != "" {
		if want, err := strconv.ParseUint(h, 10, 64); err != nil || want != s.last {
			return 0, false, errWrongLast(s.last)
		}
	}
	id := msg.Header.Get(jetstream.MsgIDHeader)
	if seq, ok := s.ids[id]; ok && id != "" {
		return seq, true, nil
	}
	if s.refuses {
		return 0, false, errNoSpace
	}
	s.last++
	s.count++
	m := stored{seq: s.last, no: s.count, at: now, id: id, msg: msg}
	s.msgs = append(s.msgs, m)
	s.remember(m)
	s.expire(now)
	return s.last, false, nil
}

func (s *eventStream) remember(m stored) {
	if m.id == "" {
		return
	}
	if s.ids == nil {
		s.ids = map[string]uint64{}
	}
	s.ids[m.id] = m.seq
	s.window = append(s.window, m)
}

// expire drops what the bounds push out, and the ids that are past the window.
func (s *eventStream) expire(now time.Time) {
	out := 0
	for out < len(s.msgs) &&
		(s.maxMsgs > 0 && len(s.msgs)-out > s.maxMsgs || s.maxAge > 0 && now.Sub(s.msgs[out].at) >= s.maxAge) {
		out++
	}
	s.msgs = s.msgs[out:]
	for len(s.window) > 0 && now.Sub(s.window[0].at) >= journal.Duplicates {
		delete(s.ids, s.window[0].id)
		s.window = s.window[1:]
	}
}

// restart is what a server knows that has read the stream from disk: the ids
// of the window, of those messages that are there
// (stream.rebuildDedupe).
func (s *eventStream) restart(now time.Time) {
	s.expire(now)
	s.ids, s.window = nil, nil
	for _, m := range s.msgs {
		if now.Sub(m.at) < journal.Duplicates {
			s.remember(m)
		}
	}
}

// again makes a stream again that was deleted, with another key.
func (s *eventStream) again() {
	*s = eventStream{maxMsgs: s.maxMsgs, maxAge: s.maxAge, count: s.count, key: s.key}
	s.key.Secret[0]++
}

// present says whether an event is still there.
func (s *eventStream) present(no int) bool {
	return len(s.msgs) > 0 && s.msgs[0].no <= no
}

// purge removes all messages; the next one still gets the next sequence.
func (s *eventStream) purge() { s.msgs = nil }

// get returns a message that is still there.
func (s *eventStream) get(seq uint64) (stored, bool) {
	i, ok := slices.BinarySearchFunc(s.msgs, seq, func(m stored, seq uint64) int { return int(m.seq) - int(seq) })
	if !ok {
		return stored{}, false
	}
	return s.msgs[i], true
}

// between returns the messages from one sequence to another that are there.
func (s *eventStream) between(from, upto uint64) (all []stored) {
	for _, m := range s.msgs {
		if m.seq >= from && m.seq <= upto {
			all = append(all, m)
		}
	}
	return all
}
