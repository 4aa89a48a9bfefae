package client_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"reddot/api/client"
	"reddot/events"
	"reddot/projector/testkit"
	"reddot/projector/twin"
)

// recorder is what an app keeps of what it is told. It checks what a listener
// is promised.
type recorder struct {
	testing.TB
	user     *client.User
	sub      *client.Subscription
	patience time.Duration // of until

	mu       sync.Mutex
	list     map[string]events.Conversation
	order    []string // of the first call
	totals   events.Totals
	receipts map[string]events.Receipt // by peer, and thread
	threads  map[client.ThreadName]events.Thread
	filters  events.NamedTotals
	figures  map[string]events.GroupReceipt // by group and message
	state    client.State
	errs     []error
	calls    []string // as they came
	changes  int      // calls of ConversationsChanged
	moved    chan struct{}
}

// listen starts a recorder.
func listen(tb testing.TB, u *client.User) *recorder {
	tb.Helper()
	r := newRecorder(tb, u)
	r.start(r.listener())
	return r
}

func newRecorder(tb testing.TB, u *client.User) *recorder {
	return &recorder{
		TB: tb, user: u, patience: testkit.Patience, list: map[string]events.Conversation{}, receipts: map[string]events.Receipt{},
		threads: map[client.ThreadName]events.Thread{}, figures: map[string]events.GroupReceipt{},
		moved: make(chan struct{}),
	}
}

func (r *recorder) start(l client.Listener) {
	r.Helper()
	sub, err := r.user.Listen(l)
	if err != nil {
		r.Fatal(err)
	}
	r.sub = sub
}

// listener is that of an app with nothing but conversations.
func (r *recorder) listener() client.Listener {
	return client.Listener{
		ConversationsChanged: r.changed, ConversationsRemoved: r.removed, TotalUnreadChanged: r.total,
		C2CReadReceipt: r.receipt, StateChanged: r.stateChanged, Error: r.error,
	}
}

// full wants to hear everything.
func (r *recorder) full() client.Listener {
	l := r.listener()
	l.ThreadsChanged, l.ThreadsRemoved, l.FiltersChanged, l.GroupReadReceipt = r.threadsChanged, r.threadsRemoved, r.filtersChanged, r.groupReceipts
	return l
}

// note records a call. r.mu is held.
func (r *recorder) note(format string, args ...any) {
	r.calls = append(r.calls, fmt.Sprintf(format, args...))
	close(r.moved)
	r.moved = make(chan struct{})
}

func (r *recorder) changed(all []events.Conversation) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(all) == 0 {
		r.Error("told that nothing has changed")
	}
	r.changes++
	for _, c := range all {
		if known, ok := r.list[c.Conversation]; ok && c.Version <= known.Version {
			r.Errorf("%s: version %d comes after %d", c.Conversation, c.Version, known.Version)
		}
		if r.changes == 1 {
			r.order = append(r.order, c.Conversation)
		}
		r.list[c.Conversation] = c
		r.note("%s %d", c.Conversation, c.Unread)
	}
}

func (r *recorder) removed(names []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, name := range names {
		if _, ok := r.list[name]; !ok {
			r.Errorf("%s is removed and was not there", name)
		}
		delete(r.list, name)
		r.note("%s removed", name)
	}
}

func (r *recorder) total(t events.Totals) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if t == r.totals && t != (events.Totals{}) {
		r.Errorf("totals did not change: %+v", t)
	}
	if sum := twin.Sum(maps.Values(r.list), t); sum != t {
		r.Errorf("rule total: told %+v, the list sums up to %+v", t, sum)
	}
	r.totals = t
	r.note("total %d", t.Unread)
}

func (r *recorder) receipt(all []events.Receipt) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, x := range all {
		key := strings.TrimSuffix(x.Peer+"/"+x.Thread, "/")
		if x.Version <= r.receipts[key].Version {
			r.Errorf("receipt of %s: version %d comes after %d", key, x.Version, r.receipts[key].Version)
		}
		if x.User != r.user.ID() || x.Conversation != client.C2C(x.Peer) {
			r.Errorf("receipt %+v", x)
		}
		r.receipts[key] = x
		r.note("%s has read up to %s @%d", key, x.Upto, x.At)
	}
}

func (r *recorder) threadsChanged(all []events.Thread) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(all) == 0 {
		r.Error("told that no thread has changed")
	}
	for _, t := range all {
		name := client.ThreadName{Conversation: t.Conversation, Thread: t.Thread}
		if known, ok := r.threads[name]; ok && t.Version <= known.Version {
			r.Errorf("%v: version %d comes after %d", name, t.Version, known.Version)
		}
		if !t.Following {
			r.Errorf("told of %+v, which is not followed", t)
		}
		r.threads[name] = t
		r.note("%s/%s %d", t.Conversation, t.Thread, t.Unread)
	}
}

func (r *recorder) threadsRemoved(names []client.ThreadName) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, name := range names {
		if _, ok := r.threads[name]; !ok {
			r.Errorf("%v is removed and was not there", name)
		}
		delete(r.threads, name)
		r.note("%s/%s removed", name.Conversation, name.Thread)
	}
}

func (r *recorder) filtersChanged(f events.NamedTotals) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.filters != nil && maps.Equal(r.filters, f) {
		r.Errorf("the filters did not change: %+v", f)
	}
	r.filters = f
	var all []string
	for _, name := range slices.Sorted(maps.Keys(f)) {
		all = append(all, fmt.Sprintf("%s=%d", name, f[name].Unread))
	}
	r.note("filters %v", all)
}

func (r *recorder) groupReceipts(all []events.GroupReceipts) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, g := range all {
		if g.User != r.user.ID() || len(g.Receipts) == 0 {
			r.Errorf("group receipts %+v", g)
		}
		for _, x := range g.Receipts {
			r.figures[g.Group+"/"+x.ID] = x
			r.note("%s/%s read by %d of %d", g.Group, x.ID, x.Read, x.Members)
		}
	}
}

func (r *recorder) stateChanged(s client.State) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if s == r.state {
		r.Errorf("state %v is told twice", s)
	}
	if sum := twin.Sum(maps.Values(r.list), r.totals); s == client.Live && sum != r.totals {
		r.Errorf("rule total: told %+v, the list sums up to %+v", r.totals, sum)
	}
	r.state = s
	r.note("%v", s)
}

func (r *recorder) error(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.errs = append(r.errs, err)
	r.note("error %v", err)
}

// ready waits until the recorder was told the whole state.
func (r *recorder) ready() {
	r.Helper()
	testkit.Receive(r, "Ready", r.sub.Ready())
}

// await waits until ok is true of what the recorder knows, and reports whether it
// is within patience. It returns with the lock held.
func (r *recorder) await(patience time.Duration, ok func() bool) bool {
	late := time.After(patience)
	r.mu.Lock()
	for !ok() {
		moved := r.moved
		r.mu.Unlock()
		select {
		case <-moved:
		case <-late:
			r.mu.Lock()
			return false
		}
		r.mu.Lock()
	}
	return true
}

// until waits until ok is true of what the recorder knows.
func (r *recorder) until(what string, ok func() bool) {
	r.Helper()
	defer r.mu.Unlock()
	if !r.await(r.patience, ok) {
		r.Fatalf("%s does not happen; told so far:\n%s", what, strings.Join(tail(r.calls, 50), "\n"))
	}
}

func tail(lines []string, n int) []string { return lines[max(0, len(lines)-n):] }

// take returns the calls since the last take, without the states.
func (r *recorder) take() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	var calls []string
	for _, c := range r.calls {
		if c != client.Syncing.String() && c != client.Live.String() && c != client.Offline.String() {
			calls = append(calls, c)
		}
	}
	r.calls = nil
	return calls
}

// hears waits for calls and checks that they are these.
func (r *recorder) hears(want ...string) {
	r.Helper()
	last := want[len(want)-1]
	r.until(last, func() bool { return len(r.calls) > 0 && strings.Contains(strings.Join(r.calls, "\n"), last) })
	if diff := cmp.Diff(want, r.take()); diff != "" {
		r.Errorf("told other things (-want +got):\n%s", diff)
	}
}

// unversioned leaves versions out: one may grow without a visible change, and
// that is not told (rule quiet).
var unversioned = cmp.Options{
	cmp.Comparer(func(a, b events.Conversation) bool {
		a.Version, b.Version = 0, 0
		return a.Equal(b)
	}),
	cmpopts.IgnoreFields(events.Thread{}, "Version"),
}

// converges waits until the recorder knows what queries answer, which must not
// change meanwhile.
func (r *recorder) converges() {
	r.Helper()
	list := map[string]events.Conversation{}
	answered(r, func(ctx context.Context) error {
		clear(list)
		for c, err := range r.user.Conversations(ctx, events.ConversationsRequest{}) {
			if err != nil {
				return err
			}
			list[c.Conversation] = c
		}
		return nil
	})
	var totals events.TotalsReply
	answered(r, func(ctx context.Context) (err error) {
		totals, err = r.user.Totals(ctx, events.TotalsRequest{})
		return err
	})
	receipts := map[string]events.Receipt{}
	for name := range list {
		peer, ok := strings.CutPrefix(name, "c2c_")
		if !ok {
			continue
		}
		answered(r, func(ctx context.Context) error {
			x, err := r.user.PeerReceipt(ctx, peer)
			if errors.Is(err, client.ErrNotFound) {
				return nil
			}
			if err == nil {
				receipts[peer] = events.Receipt{User: x.User, Version: x.Version, Conversation: name, Peer: peer, Upto: x.Upto, At: x.At}
			}
			return err
		})
	}
	threads := map[client.ThreadName]events.Thread{}
	if r.filters != nil { // it hears everything
		answered(r, func(ctx context.Context) error {
			clear(threads)
			for t, err := range r.user.Threads(ctx, events.ThreadsRequest{}) {
				if err != nil {
					return err
				}
				threads[client.ThreadName{Conversation: t.Conversation, Thread: t.Thread}] = t
			}
			return nil
		})
	}
	same := func() bool {
		if r.filters != nil && (!maps.Equal(totals.Filters, r.filters) || !cmp.Equal(threads, r.threads, unversioned)) {
			return false
		}
		for peer, x := range receipts {
			if r.receipts[peer] != x {
				return false
			}
		}
		return r.totals == totals.Totals && cmp.Equal(list, r.list, unversioned)
	}
	defer r.mu.Unlock()
	if r.await(testkit.Patience, same) {
		return
	}
	r.Errorf("user %s: asked and told differ (-asked +told):\n%s\n%s", r.user.ID(),
		cmp.Diff(list, r.list, unversioned), cmp.Diff(totals.Totals, r.totals))
	r.Errorf("threads and filters (-asked +told):\n%s\n%s", cmp.Diff(threads, r.threads, unversioned), cmp.Diff(totals.Filters, r.filters))
	got := maps.Clone(r.receipts)
	maps.DeleteFunc(got, func(peer string, _ events.Receipt) bool { _, ok := receipts[peer]; return !ok })
	r.Fatalf("receipts (-asked +told):\n%s", cmp.Diff(receipts, got))
}
