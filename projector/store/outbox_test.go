package store_test

import (
	"errors"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp/cmpopts"

	"reddot/events"
	"reddot/projector/fold"
	"reddot/projector/store"
	"reddot/projector/testkit"
	"reddot/projector/twin"
)

// noted is what the outbox must hold of the last command.
func (r *rig) noted() []store.Out {
	e := &r.log[len(r.log)-1]
	switch {
	case r.fx.Refused != "":
		return []store.Out{{Seq: e.Seq, At: e.Time, Rejected: &events.Rejected{Seq: e.Seq, Subject: e.Subject, Reason: r.fx.Refused, At: e.Time}}}
	case len(r.fx.Noted)+len(r.fx.NotedThreads)+len(r.fx.Swept) > 0:
		at := e.Time
		if e.Command.HasAt {
			at = e.Command.At
		}
		return []store.Out{{Seq: e.Seq, At: at, Noted: slices.Clone(r.fx.Noted), Threads: slices.Clone(r.fx.NotedThreads), Swept: slices.Clone(r.fx.Swept)}}
	}
	return nil
}

// outbox lists the entries after a seq.
func (r *rig) outbox(from events.Seq) (all []store.Out) {
	r.t.Helper()
	snap, err := r.store.Snapshot()
	if err != nil {
		r.t.Fatal(err)
	}
	defer snap.Close()
	err = snap.Outbox(from, func(o store.Out) error {
		all = append(all, o)
		return nil
	})
	if err != nil {
		r.t.Fatal(err)
	}
	return all
}

func after(outbox []store.Out, seq events.Seq) []store.Out {
	return slices.DeleteFunc(slices.Clone(outbox), func(o store.Out) bool { return o.Seq <= seq })
}

// emitted asks the store how far it knows the events to be stored.
func (r *rig) emitted() events.Seq {
	r.t.Helper()
	seq, err := r.store.Emitted()
	if err != nil {
		r.t.Fatal(err)
	}
	return seq
}

// TestOutbox keeps what commands noted, in order and over restarts, until
// their events are stored.
func TestOutbox(t *testing.T) {
	seed := testkit.Seed(t)
	r := newRig(t, seed)
	g := forgetful{twin.NewGenerator(seed, twin.Config{}), r.rng, []string{"a", "b"}, 20}
	var noted []store.Out
	emitted := events.Seq(0)
	for range steps() / 6 {
		r.step(g)
		seq := events.Seq(len(r.log))
		noted = append(noted, r.noted()...)
		if r.rng.IntN(20) == 0 {
			emitted += events.Seq(r.rng.IntN(int(seq - emitted + 1)))
			r.store.SetEmitted(emitted)
		}
		switch r.rng.IntN(20) {
		case 0:
			r.reopen()
			if r.emitted() != emitted {
				t.Fatalf("seq %d: emitted %d after a restart, of %d", seq, r.emitted(), emitted)
			}
			r.store.SetEmitted(emitted) // as the emitter does
		case 1, 2, 3:
			r.commit()
		default:
			continue
		}
		noted = after(noted, emitted)
		for _, from := range []events.Seq{0, emitted, seq - events.Seq(r.rng.IntN(int(seq))), seq} {
			if d := testkit.Diff(after(noted, from), r.outbox(from), cmpopts.EquateEmpty()); d != "" {
				t.Fatalf("seq %d, emitted %d: outbox after %d (- noted, + kept):\n%s", seq, emitted, from, d)
			}
		}
	}
	r.store.SetEmitted(events.Seq(len(r.log)))
	r.commit()
	if left := r.outbox(0); len(left) > 0 {
		t.Errorf("all is emitted, and the outbox holds %v", left)
	}
}

// TestOutboxIsCommitted: an entry, like its rows, is there after the commit, not before;
// SetEmitted takes effect with the next one.
func TestOutboxIsCommitted(t *testing.T) {
	r := newRig(t, 0)
	r.do(events.Command{Verb: events.UserMute, Inbox: "a", Conversation: fold.GroupKey("g").ConversationID, Muted: true})
	if got := r.outbox(0); got != nil {
		t.Errorf("before the commit: %v", got)
	}
	r.commit()
	want := []store.Out{{Seq: 1, At: 1700000000001, Rejected: &events.Rejected{Seq: 1, Reason: fold.ReasonNotMember, At: 1700000000001}}}
	if d := testkit.Diff(want, r.outbox(0)); d != "" {
		t.Errorf("after the commit:\n%s", d)
	}
	r.store.SetEmitted(1)
	if got := r.outbox(0); len(got) != 1 || r.emitted() != 0 {
		t.Errorf("emitted, not committed: %v, emitted %d", got, r.emitted())
	}
	r.commit()
	if got := r.outbox(0); got != nil || r.emitted() != 1 {
		t.Errorf("emitted and committed: %v, emitted %d", got, r.emitted())
	}
}

// TestOutboxStops: an error of the function that is called with the entries
// ends the walk, and is returned.
func TestOutboxStops(t *testing.T) {
	r := newRig(t, 0)
	for range 3 {
		r.do(events.Command{Verb: events.UserMute, Inbox: "a", Conversation: fold.GroupKey("g").ConversationID, Muted: true})
	}
	r.commit()
	snap, err := r.store.Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	defer snap.Close()
	stop, calls := errors.New("stop"), 0
	err = snap.Outbox(1, func(store.Out) error {
		calls++
		return stop
	})
	if !errors.Is(err, stop) || calls != 1 {
		t.Errorf("%v after %d calls", err, calls)
	}
}
