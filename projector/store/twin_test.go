package store_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/google/go-cmp/cmp/cmpopts"

	"reddot/events"
	"reddot/projector/fold"
	"reddot/projector/store"
	"reddot/projector/storetest"
	"reddot/projector/testkit"
	"reddot/projector/twin"
	"reddot/projector/view"
)

// steps is how many random commands a run has.
func steps() int { return testkit.Effort(2_000) }

var identity = storetest.Identity()

// commands are where a rig's commands come from: a twin.Generator or the like.
type commands interface {
	Next(*events.Command)
	Now() events.Time // the stream's time of the last one
}

// rig is a store beside its twin.
type rig struct {
	t      *testing.T
	fs     *vfs.MemFS
	disk   vfs.FS // what the store sees of fs; nil: fs itself
	pace   fold.Pace
	shards int // of the store; 0: as usual
	store  *store.Store
	opened []func(*store.Store) // called whenever the store has been opened
	twin   *twin.Model
	log    []store.Entry // every command, to fold again after a crash
	fx     fold.Effects
	rng    *rand.Rand

	books   map[string]*[3]*book // of listeners, by user
	resumed resumed
}

func newRig(t *testing.T, seed uint64, opened ...func(*store.Store)) *rig {
	return newRigAt(t, seed, fold.Pace{}, opened...)
}

// newRigAt is newRig at a pace of sweeping.
func newRigAt(t *testing.T, seed uint64, pace fold.Pace, opened ...func(*store.Store)) *rig {
	r := &rig{t: t, fs: vfs.NewCrashableMem(), pace: pace, opened: opened, twin: twin.New(), rng: rand.New(rand.NewPCG(seed, 1))}
	r.open(r.fs)
	t.Cleanup(func() {
		if err := r.store.Close(); err != nil {
			t.Error(err)
		}
	})
	return r
}

func (r *rig) open(fs *vfs.MemFS) {
	disk := r.disk
	if disk == nil {
		disk = fs
	}
	s, err := store.Open(store.Config{Dir: "store", FS: disk, Identity: identity, Pace: r.pace, Shards: r.shards})
	if err != nil {
		r.t.Fatal(err)
	}
	r.fs, r.store = fs, s
	s.CheckReads()
	for _, do := range r.opened {
		do(s)
	}
}

// step applies the next command to both and compares what they say of it.
func (r *rig) step(g commands) { r.stepTo(g, func(events.Seq) {}) }

// stepTo calls between when only the twin has applied the command.
func (r *rig) stepTo(g commands, between func(events.Seq)) {
	seq := events.Seq(len(r.log) + 1)
	r.log = append(r.log, store.Entry{Seq: seq})
	e := &r.log[seq-1]
	g.Next(&e.Command)
	e.Time = g.Now()
	want := r.twin.Apply(seq, e.Time, &e.Command)
	between(seq)
	r.apply(seq)
	if r.fx.Refused != want.Refused || r.fx.Ignored != want.Ignored {
		r.t.Fatalf("seq %d, %s %+v:\nrefused %q, ignored %v; the twin says %q, %v",
			seq, e.Command.Verb, e.Command, r.fx.Refused, r.fx.Ignored, want.Refused, want.Ignored)
	}
	if len(r.fx.Receipts) != len(want.Receipts) {
		r.t.Fatalf("seq %d, %s %+v: %d receipts, the twin says %d", seq, e.Command.Verb, e.Command, len(r.fx.Receipts), len(want.Receipts))
	}
	r.sameRaised(want.Raised)
}

// do applies one command to the store only, at a time of its own.
func (r *rig) do(c events.Command) {
	seq := events.Seq(len(r.log) + 1)
	r.log = append(r.log, storetest.Entry(seq, c))
	r.apply(seq)
}

func (r *rig) apply(seq events.Seq) {
	if err := r.store.Apply(&r.log[seq-1], &r.fx); err != nil {
		r.t.Fatalf("seq %d: %v", seq, err)
	}
}

func (r *rig) commit() {
	if _, err := r.store.Commit(); err != nil {
		r.t.Fatal(err)
	}
}

// crash loses what the machine had not made durable, opens what is left and
// folds the rest of the log again.
func (r *rig) crash() {
	left := r.fs.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: r.rng.IntN(101), RNG: r.rng})
	if err := r.store.Close(); err != nil {
		r.t.Fatal(err)
	}
	r.open(left)
	for seq := r.store.Position().Applied + 1; int(seq) <= len(r.log); seq++ {
		r.apply(seq)
	}
	r.commit()
}

// reopen closes the store in order.
func (r *rig) reopen() {
	r.commit()
	if err := r.store.Close(); err != nil {
		r.t.Fatal(err)
	}
	r.open(r.fs)
	if got := int(r.store.Position().Applied); got != len(r.log) {
		r.t.Fatalf("applied %d after a clean close at %d", got, len(r.log))
	}
}

// compare asks both everything about some users.
func (r *rig) compare(users []string) {
	r.t.Helper()
	snap, err := r.store.Snapshot()
	if err != nil {
		r.t.Fatal(err)
	}
	defer snap.Close()
	err = snap.Read(func(rows fold.Reader) error {
		for _, user := range users {
			if diff := r.diff(rows, user, users); diff != "" {
				return fmt.Errorf("user %q after seq %d (- twin, + store):\n%s", user, len(r.log), diff)
			}
		}
		return nil
	})
	if err != nil {
		r.t.Fatal(err)
	}
}

func (r *rig) diff(rows fold.Reader, user string, users []string) string {
	want := r.twin.Conversations(user)
	got := events.ConversationsReply{Next: ""}
	for {
		page, err := view.Conversations(rows, user, events.ConversationsRequest{Limit: new(3), After: got.Next})
		if err != nil {
			return err.Error()
		}
		page.Conversations = append(got.Conversations, page.Conversations...)
		if got = page; got.Next == "" {
			break
		}
	}
	if d := testkit.Diff(want, got.Conversations, cmpopts.EquateEmpty()); d != "" {
		return d
	}
	if d := testkit.Diff(r.twin.Version(user), got.Version); d != "" {
		return "version: " + d
	}
	for _, kind := range []events.Kind{events.NoKind, events.C2C, events.Group} {
		for _, muted := range []bool{false, true} {
			q := events.TotalsRequest{Kind: kind, IncludeMuted: muted, Mentioned: r.rng.IntN(2) == 0}
			if d := testkit.Diff(r.twin.TotalsOf(user, q.Filter()), view.Totals(rows, user, q).Totals); d != "" {
				return fmt.Sprintf("totals %+v: %s", q, d)
			}
		}
	}
	for _, c := range want {
		id, err := events.ParseConversation(c.Conversation)
		if err != nil {
			return err.Error()
		}
		limit := 1 + r.rng.IntN(events.MaxLimit)
		w, _ := r.twin.Explain(user, c.Conversation, nil, limit)
		g, ok := view.Explain(rows, fold.Key{User: user, ConversationID: id}, nil, limit)
		if d := testkit.Diff(w, g, cmpopts.EquateEmpty()); d != "" || !ok {
			return "explain " + c.Conversation + ": " + d
		}
	}
	for _, peer := range users {
		w, wok := r.twin.Receipt(user, peer, nil)
		g, gok := view.Receipt(rows, user, peer, nil)
		if wok != gok || w.Upto != g.Upto || w.At != g.At {
			return fmt.Sprintf("receipt of %q: %+v, the twin says %+v", peer, g, w)
		}
	}
	if d := r.diffReaders(rows, user); d != "" {
		return d
	}
	if d := r.diffThreads(rows, user); d != "" {
		return d
	}
	if d := r.diffFilters(rows, user); d != "" {
		return d
	}
	return r.diffResume(rows, user)
}

// runTwin compares the touched users after one of every compareEvery steps.
func runTwin(t *testing.T, cfg twin.Config, steps, compareEvery int, opened ...func(*store.Store)) *rig {
	seed := testkit.Seed(t)
	r := newRig(t, seed, opened...)
	r.run(twin.NewGenerator(seed, cfg), steps, compareEvery)
	return r
}

func (r *rig) run(g commands, steps, compareEvery int) {
	r.t.Helper()
	for range steps {
		r.step(g)
		switch n := r.rng.IntN(1000); {
		case n < 2:
			r.crash()
		case n < 4:
			r.reopen()
		case n < 100:
			r.commit()
		case r.rng.IntN(compareEvery) == 0:
			r.commit()
			c := &r.log[len(r.log)-1].Command
			r.compare([]string{c.Inbox, c.From, c.To})
		}
	}
	r.commit()
	r.compare(r.twin.Users())
	r.verify()
}

// TestTwin folds random commands into a store and into the twin, with
// commits, crashes and restarts in between.
func TestTwin(t *testing.T) {
	testkit.Unraced(t)
	runTwin(t, twin.Config{}, steps(), 2)
}

// TestTwinDeep does the same with conversations that fill many pages, chunks
// and time blocks.
func TestTwinDeep(t *testing.T) {
	testkit.Unraced(t)
	runTwin(t, twin.Deep(), 3*steps(), 100)
}

// TestTwinSmallCaches does the same with caches that hold two rows each, so that
// every row is pushed out while it is still changed.
func TestTwinSmallCaches(t *testing.T) {
	runTwin(t, twin.Config{}, steps()/4, 2, func(s *store.Store) { s.Shrink(1<<9, 1<<9) })
}

// TestDigest folds one log in batches of different sizes, with and without
// restarts: the digest is that of the commands alone.
func TestDigest(t *testing.T) {
	a := runTwin(t, twin.Config{}, steps()/2, 100)
	b := newRig(t, 7)
	b.log = a.log
	for seq := range b.log {
		b.apply(events.Seq(seq + 1))
		if seq%1000 == 999 {
			b.commit()
		}
	}
	b.commit()
	if da, db := a.store.Position(), b.store.Position(); da.Digest() != db.Digest() {
		t.Errorf("digests differ: %s, %s", da.Digest(), db.Digest())
	}
	before := b.store.Position().Digest()
	b.log = append(b.log, store.Entry{
		Seq:     events.Seq(len(b.log) + 1),
		Command: events.Command{Verb: events.UserMessage, Inbox: "new", From: "u1", ID: "only here"},
	})
	b.apply(events.Seq(len(b.log)))
	b.commit()
	if b.store.Position().Digest() == before {
		t.Error("one more message leaves the digest as it was")
	}
}
