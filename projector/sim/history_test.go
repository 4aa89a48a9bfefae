package sim

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"reddot/events"
	"reddot/projector/fold"
	"reddot/projector/store"
	"reddot/projector/twin"
)

// identity is that of the simulated command stream.
var identity = events.StreamID{Name: "UNREAD_COMMANDS", Created: time.Unix(1_700_000_000, 7)}

// command is one command as the stream holds it.
type command struct {
	time    events.Time
	subject string
	payload []byte
	entry   store.Entry // decoded
	refused string      // by a clean fold: the reason
}

// history is all commands of a seed, with what must come of them.
type history struct {
	subjects events.Subjects
	log      []command
	digests  []events.Digest // by seq; of a store that folds them one by one
	twin     *twin.Model
}

// garbage are messages on the command stream that are no commands.
var garbage = []string{"unread.cmd.user.a.read", "unread.cmd.group.b.shout", "unread.cmd.nonsense", "unread.cmd.user.%2e.erase"}

// newHistory draws what comes of a plan's commands.
func newHistory(seed uint64, rng *rand.Rand, p *plan) (*history, error) {
	subjects, err := events.NewSubjects("unread")
	if err != nil {
		return nil, err
	}
	h := &history{subjects: subjects, digests: make([]events.Digest, p.commands+1), twin: twin.New()}
	g := twin.NewGenerator(seed, twin.Config{Users: 3 + rng.IntN(5), Groups: 1 + rng.IntN(3)})
	commands := newChooser(rng, g, p.hostile)
	encode := []func(*events.Command) ([]byte, error){events.Encode, events.EncodeJSON}
	for seq := events.Seq(1); int(seq) <= p.commands; seq++ {
		var c events.Command
		commands.next(&c)
		line := command{time: g.Now()}
		if rng.IntN(40) == 0 {
			line.subject, line.payload = garbage[rng.IntN(len(garbage))], []byte(`{"conversation":7}`)
		} else {
			line.subject = subjects.Command(events.Target{Verb: c.Verb, Inbox: c.Inbox})
			if line.payload, err = encode[rng.IntN(2)](&c); err != nil {
				return nil, err
			}
		}
		line.entry = store.Entry{
			Seq: seq, Time: line.time, Subject: line.subject,
			Sum: store.Sum(line.subject, line.time, line.payload),
		}
		if err := subjects.Decode(line.subject, line.payload, &line.entry.Command); err != nil {
			line.entry.Invalid = err.Error()
		}
		h.log = append(h.log, line)
	}
	return h, h.fold(p.pace)
}

// replay has a twin that is at a seq apply the commands up to another one. did is
// called with what it says of each.
func (h *history) replay(m *twin.Model, at, to events.Seq, did func(events.Seq, twin.Result)) {
	for ; at < to; at++ {
		if e := &h.log[at].entry; e.Invalid == "" {
			did(e.Seq, m.Apply(e.Seq, e.Time, &e.Command))
		}
	}
}

// erased says whether a user is erased by a command after a seq.
func (h *history) erased(user string, seq events.Seq) bool {
	return slices.ContainsFunc(h.log[seq:], func(c command) bool {
		e := &c.entry
		return e.Invalid == "" && e.Command.Verb == events.UserErase && e.Command.Inbox == user
	})
}

// filtered says whether a user's kept filters are changed by commands in (after, upto]:
// that is an event, whether or not their totals are others.
func (h *history) filtered(user string, after, upto events.Seq) bool {
	return slices.ContainsFunc(h.log[min(after, upto):upto], func(c command) bool {
		e := &c.entry
		return e.Invalid == "" && c.refused == "" && e.Command.Inbox == user && (e.Command.Verb == events.UserFilter || e.Command.Verb == events.UserErase)
	})
}

// ended says whether a conversation of a user's may have ended by commands in (after, upto],
// or begun: who reads the rows alone can't tell a first beginning from one after an end.
func (h *history) ended(user, conversation string, after, upto events.Seq) bool {
	of, _ := events.ParseConversation(conversation)
	return slices.ContainsFunc(h.log[min(after, upto):upto], func(c command) bool {
		e := &c.entry
		switch {
		case e.Invalid != "" || c.refused != "":
			return false
		case e.Command.Verb == events.UserErase || e.Command.Verb == events.UserDelete || e.Command.Verb == events.UserImport:
			return e.Command.Inbox == user
		case e.Command.Verb == events.GroupJoin || e.Command.Verb == events.GroupLeave || e.Command.Verb == events.GroupDismiss:
			return of.Kind == events.Group && e.Command.Inbox == of.ID
		}
		return false
	})
}

// fold folds the log into a store of its own and into the twin.
func (h *history) fold(pace fold.Pace) error {
	s, err := store.Open(store.Config{Dir: "store", FS: vfs.NewMem(), Identity: identity, Pace: pace})
	if err != nil {
		return err
	}
	h.digests[0] = s.Position().Digest()
	var fx fold.Effects
	for i := range h.log {
		e := h.log[i].entry
		if err := s.Apply(&e, &fx); err != nil {
			return err
		}
		h.log[i].refused = fx.Refused
		if _, err := s.Commit(); err != nil {
			return err
		}
		h.digests[e.Seq] = s.Position().Digest()
		if e.Invalid != "" {
			continue
		}
		if r := h.twin.Apply(e.Seq, e.Time, &e.Command); r.Refused != fx.Refused {
			return fmt.Errorf("seq %d is refused with %q, the twin says %q", e.Seq, fx.Refused, r.Refused)
		}
	}
	if err := compareViews(s, h.twin); err != nil {
		return fmt.Errorf("a clean fold: %w", err)
	}
	return s.Close()
}
