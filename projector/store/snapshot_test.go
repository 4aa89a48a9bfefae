package store_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sync/errgroup"

	"reddot/events"
	"reddot/projector/fold"
	"reddot/projector/store"
	"reddot/projector/testkit"
	"reddot/projector/twin"
	"reddot/projector/view"
)

// everything is what one user is shown.
type everything struct {
	Conversations []events.Conversation
	Totals        events.Totals
	Filters       events.NamedTotals
	Version       events.Seq
	Explained     []events.Explanation // of every conversation
}

const explained = 3 // messages in an explanation

func twinShows(m *twin.Model, user string) everything {
	e := everything{Conversations: m.Conversations(user), Totals: m.Totals(user, events.NoKind, false), Filters: m.Filters(user), Version: m.Version(user)}
	for _, c := range e.Conversations {
		x, _ := m.Explain(user, c.Conversation, nil, explained)
		e.Explained = append(e.Explained, x)
	}
	return e
}

func storeShows(rows fold.Reader, user string) (everything, error) {
	reply, err := view.Conversations(rows, user, events.ConversationsRequest{Limit: new(1000)})
	filters := view.Totals(rows, user, events.TotalsRequest{}).Filters
	e := everything{Conversations: reply.Conversations, Totals: reply.Totals, Filters: filters, Version: reply.Version}
	for _, c := range e.Conversations {
		id, _ := events.ParseConversation(c.Conversation)
		x, _ := view.Explain(rows, fold.Key{User: user, ConversationID: id}, nil, explained)
		e.Explained = append(e.Explained, x)
	}
	return e, err
}

// history is what the twin shows at every committed seq.
type history struct {
	users, groups []string

	mu sync.Mutex
	at map[events.Seq]map[string]everything
}

// note writes down what the twin shows now, before the rows can be read.
func (h *history) note(seq events.Seq, m *twin.Model) {
	now := make(map[string]everything, len(h.users))
	for _, user := range h.users {
		now[user] = twinShows(m, user)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.at[seq] = now
}

func (h *history) of(seq events.Seq, user string) everything {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.at[seq][user]
}

// check compares what a snapshot shows of one user and one group.
func (h *history) check(snap *store.Snapshot, user, group string) error {
	seq := snap.Position().Applied
	members, err := snap.Members(group)
	if err != nil {
		return err
	}
	if stored := snap.StoredMembers(group); !slices.Equal(stored, members) {
		return fmt.Errorf("members of %q at seq %d: %q, stored are %q", group, seq, members, stored)
	}
	return snap.Read(func(rows fold.Reader) error {
		got, err := storeShows(rows, user)
		if want := h.of(seq, user); err == nil && !reflect.DeepEqual(want, got) {
			err = fmt.Errorf("user %q at seq %d (- twin, + store):\n%s", user, seq, cmp.Diff(want, got))
		}
		return err
	})
}

// watch reads snapshots until done.
func (h *history) watch(s *store.Store, rng *rand.Rand, done <-chan struct{}) error {
	return readSnapshots(s, rng, done, func(snap *store.Snapshot) error {
		return h.check(snap, h.users[rng.IntN(len(h.users))], h.groups[rng.IntN(len(h.groups))])
	})
}

// readSnapshots calls fn with snapshots, some of them kept open for a while, until done.
func readSnapshots(s *store.Store, rng *rand.Rand, done <-chan struct{}, fn func(*store.Snapshot) error) (err error) {
	var open [3]*store.Snapshot
	defer func() {
		for _, snap := range open {
			if snap != nil {
				_ = snap.Close()
			}
		}
	}()
	for {
		select {
		case <-done:
			return nil
		default:
		}
		i := rng.IntN(len(open))
		if open[i] == nil || rng.IntN(3) > 0 {
			if open[i] != nil {
				_ = open[i].Close()
			}
			if open[i], err = s.Snapshot(); err != nil {
				return err
			}
			if rng.IntN(3) == 0 {
				open[i].Many() // in any order: slower, and as right
			}
		}
		if err := fn(open[i]); err != nil {
			return err
		}
	}
}

// forgetful draws an erasure as every so many commands.
type forgetful struct {
	*twin.Generator
	rng   *rand.Rand
	users []string
	every int
}

func (f forgetful) Next(c *events.Command) {
	f.Generator.Next(c)
	if f.rng.IntN(f.every) == 0 {
		*c = events.Command{Verb: events.UserErase, Inbox: f.users[f.rng.IntN(len(f.users))]}
	}
}

// TestSnapshotsWhileFolding reads snapshots from several goroutines while
// commands are folded: every one shows what the twin showed at its seq, erased
// users included.
func TestSnapshotsWhileFolding(t *testing.T) {
	for _, size := range []struct {
		name        string
		hot, shared int
	}{{"large caches", 1 << 20, 1 << 20}, {"small caches", 1 << 10, 1 << 10}} {
		t.Run(size.name, func(t *testing.T) {
			seed := testkit.Seed(t)
			r := newRig(t, seed, func(s *store.Store) { s.Shrink(size.hot, size.shared) })
			h := &history{
				users: []string{"a", "ab", "ba", "x.y%*> z"}, groups: []string{"a", "team.*%", "b"},
				at: map[events.Seq]map[string]everything{},
			}
			g := forgetful{twin.NewGenerator(seed, twin.Config{}), r.rng, h.users, 15}
			h.note(0, r.twin)
			done := make(chan struct{})
			var readers errgroup.Group
			for i := range 3 {
				readers.Go(func() error { return h.watch(r.store, rand.New(rand.NewPCG(seed, uint64(i))), done) })
			}
			for range steps() / 2 {
				r.stepTo(g, func(seq events.Seq) { h.note(seq, r.twin) })
				if r.rng.IntN(3) == 0 {
					r.commit()
				}
			}
			close(done)
			if err := readers.Wait(); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestEraseWhileReading erases a user with many conversations again and again:
// once the rows are gone, no snapshot shows one of them from a cache.
func TestEraseWhileReading(t *testing.T) {
	const user, groups, rounds = "u", 200, 60
	k := fold.Key{User: user, ConversationID: events.ConversationID{Kind: events.Group, ID: group(0)}}
	r := newRig(t, 0)
	erased := make([]bool, rounds*(groups+2)+1) // by seq; set before it can be read
	var mu sync.Mutex
	done := make(chan struct{})
	var reader errgroup.Group
	reader.Go(func() error {
		for {
			select {
			case <-done:
				return nil
			default:
			}
			seq, ok, err := show(r.store, k)
			mu.Lock()
			gone := erased[seq]
			mu.Unlock()
			if gone && ok {
				return fmt.Errorf("erased at seq %d, and shown at it", seq)
			}
			if err != nil {
				return err
			}
		}
	})
	for range rounds {
		for i := range groups {
			r.do(events.Command{Verb: events.GroupJoin, Inbox: group(i), Users: []string{user}})
		}
		r.do(events.Command{Verb: events.GroupMessage, Inbox: group(0), From: "other", ID: fmt.Sprint(len(r.log))})
		r.commit()
		if seq, ok, err := show(r.store, k); !ok || err != nil { // from here on it is in a cache
			t.Fatal(seq, ok, err)
		}
		mu.Lock()
		erased[len(r.log)+1] = true
		mu.Unlock()
		r.do(events.Command{Verb: events.UserErase, Inbox: user})
	}
	close(done)
	if err := reader.Wait(); err != nil {
		t.Error(err)
	}
}

// show asks a new snapshot whether a conversation is in its user's list.
func show(s *store.Store, k fold.Key) (seq events.Seq, ok bool, err error) {
	snap, err := s.Snapshot()
	if err != nil {
		return 0, false, err
	}
	defer func() { err = errors.Join(err, snap.Close()) }()
	err = snap.Read(func(rows fold.Reader) error {
		_, ok = view.Conversation(rows, k)
		return nil
	})
	return snap.Position().Applied, ok, err
}
