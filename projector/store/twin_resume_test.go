package store_test

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"reddot/events"
	"reddot/projector/fold"
	"reddot/projector/testkit"
	"reddot/projector/twin"
	"reddot/projector/view"
)

// book is what a listener knows who was told a user's state up to a seq, and then, again
// and again, what had changed since.
type book struct {
	at, version events.Seq
	totals      events.Totals
	filters     events.NamedTotals
	list        map[string]events.Conversation
	threads     map[string]events.Thread // by conversation and thread
	receipts    map[string]events.Receipt
	groups      map[string]events.GroupReceipt // by group and id
}

func newBook() *book {
	return &book{
		list: map[string]events.Conversation{}, threads: map[string]events.Thread{},
		receipts: map[string]events.Receipt{}, groups: map[string]events.GroupReceipt{},
	}
}

// resumed counts what resumes have met, so that a test sees that they meet it.
type resumed struct{ plain, lost, returned, removed, unfollowed, filtered, receipts, groups int }

// diffResume resumes the listeners of a user, who were told different things last: what
// each knows then must be what the queries answer.
func (r *rig) diffResume(rows fold.Reader, user string) string {
	if r.books == nil {
		r.books = map[string]*[3]*book{}
	}
	books := r.books[user]
	if books == nil {
		books = &[3]*book{newBook(), newBook(), newBook()}
		r.books[user] = books
	}
	for i, b := range books {
		if r.rng.IntN([...]int{1, 4, 32}[i]) > 0 {
			continue // told more later
		}
		if why := r.resume(rows, user, b); why != "" {
			return fmt.Sprintf("resume after %d, listener %d: %s", b.at, i, why)
		}
		since := b.at
		b.at = events.Seq(len(r.log))
		if why := b.diff(rows, user, since); why != "" {
			return fmt.Sprintf("resumed listener %d: %s", i, why)
		}
	}
	return ""
}

// resume tells a listener what has changed, and checks the reply by itself.
func (r *rig) resume(rows fold.Reader, user string, b *book) string {
	q := events.ResumeRequest{Since: b.at, All: r.rng.IntN(50) == 0, Receipts: &b.at}
	reply := view.Resume(rows, user, q)
	if why := r.losses(user, b, &reply, q.All); why != "" {
		return why
	}
	whole := reply.Lost || q.All || b.at == 0
	if reply.User != user || reply.Version < b.version || whole && len(reply.Returned)+len(reply.Removed) > 0 {
		return fmt.Sprintf("from version %d: %+v", b.version, reply)
	}
	if whole {
		clear(b.list)
		clear(b.threads)
	} else {
		r.resumed.plain++
	}
	if r.resumed.filtered += btoi(reply.Filters != nil); reply.Lost {
		r.resumed.lost++
	}
	r.resumed.returned += len(reply.Returned)
	r.resumed.removed += len(reply.Removed)
	for _, name := range slices.Concat(reply.Returned, reply.Removed) {
		delete(b.list, name)
		for key, t := range b.threads {
			if t.Conversation == name {
				delete(b.threads, key)
			}
		}
	}
	b.version, b.totals, b.filters = reply.Version, reply.Totals, reply.Filters
	for _, c := range reply.Conversations {
		if !whole && c.Version <= b.at || c.Version > reply.Version || slices.Contains(reply.Removed, c.Conversation) {
			return fmt.Sprintf("version %d tells of %+v, removed %q", reply.Version, c, reply.Removed)
		}
		b.list[c.Conversation] = c
	}
	for _, t := range reply.Threads {
		key := t.Conversation + "\x00" + t.Thread
		if _, listed := b.list[t.Conversation]; !listed || !whole && t.Version <= b.at || t.Version > reply.Version || whole && !t.Following {
			return fmt.Sprintf("version %d tells of %+v", reply.Version, t)
		}
		if b.threads[key] = t; !t.Following {
			r.resumed.unfollowed++
			delete(b.threads, key)
		}
	}
	return r.receipts(rows, user, b, &reply)
}

func btoi(is bool) int {
	if is {
		return 1
	}
	return 0
}

// losses reports whether all has to be told again exactly when something is gone: the user
// has left a group, it was dismissed, or the user was erased.
func (r *rig) losses(user string, b *book, reply *events.ResumeReply, all bool) string {
	if all || b.at == 0 {
		if reply.Lost {
			return "something is lost though nothing was told"
		}
		return ""
	}
	may := false
	for i := range r.log[b.at:] {
		c := &r.log[int(b.at)+i].Command
		of, known := "group_"+c.Inbox, len(b.list) > 0
		switch {
		case c.Verb == events.UserErase && c.Inbox == user:
		case c.Verb == events.GroupDismiss, c.Verb == events.GroupLeave && slices.Contains(c.Users, user):
			_, known = b.list[of]
		default:
			continue
		}
		if may = true; known && !reply.Lost {
			return fmt.Sprintf("%s of %s does not show", c.Verb, c.Inbox)
		}
	}
	if reply.Lost && !may {
		return "all is told again though nothing is gone"
	}
	return ""
}

// receipts enters the receipts of a reply: each is what the queries answer.
func (r *rig) receipts(rows fold.Reader, user string, b *book, reply *events.ResumeReply) string {
	r.resumed.receipts += len(reply.Receipts)
	for _, x := range reply.Receipts {
		key := x.Peer + "\x00" + x.Thread
		if x.Version <= max(b.at, b.receipts[key].Version) {
			return fmt.Sprintf("receipt %+v is not newer than %+v", x, b.receipts[key])
		}
		b.receipts[key] = x
	}
	for _, g := range reply.GroupReceipts {
		r.resumed.groups += len(g.Receipts)
		if g.Version <= b.at || g.User != user {
			return fmt.Sprintf("receipts after %d: %+v", b.at, g)
		}
		for _, x := range g.Receipts {
			b.groups[g.Group+"\x00"+x.ID] = x
			now, err := view.GroupReceipts(rows, user, events.GroupReceiptsRequest{Group: g.Group, IDs: []string{x.ID}})
			if !errors.Is(err, events.ErrUnavailable) && (err != nil || len(now.Receipts) != 1 || now.Receipts[0] != x) {
				return fmt.Sprintf("told %+v of %s: the query answers %+v, %v", x, g.Group, now, err)
			}
		}
	}
	for name := range b.list {
		id, err := events.ParseConversation(name)
		if err != nil {
			return err.Error()
		}
		if id.Kind != events.Group {
			continue
		}
		// What a notification would tell now is told.
		for _, x := range view.Raised(rows, fold.Author{Group: id.ID, User: user}, b.at).Receipts {
			if b.groups[id.ID+"\x00"+x.ID] != x {
				return fmt.Sprintf("%+v of %s is not told", x, id.ID)
			}
		}
	}
	return ""
}

// diff compares what a listener knows with what the queries answer. A receipt that a peer
// has sent before the listener was told last may be missed, if there was no conversation
// with the peer then.
func (b *book) diff(rows fold.Reader, user string, since events.Seq) string {
	totals := view.Totals(rows, user, events.TotalsRequest{})
	if b.version != totals.Version || b.totals != totals.Totals || !cmp.Equal(b.filters, totals.Filters, cmpopts.EquateEmpty()) {
		return fmt.Sprintf("%d %+v %+v, the query answers %+v", b.version, b.totals, b.filters, totals)
	}
	list, err := view.Conversations(rows, user, events.ConversationsRequest{Limit: new(math.MaxInt - 1)})
	if err != nil {
		return err.Error()
	}
	want := map[string]events.Conversation{}
	for _, c := range list.Conversations {
		want[c.Conversation] = c
	}
	if d := testkit.Diff(want, b.list); d != "" {
		return "list (- query, + listener): " + d
	}
	followed, err := view.Threads(rows, user, events.ThreadsRequest{Limit: new(math.MaxInt)})
	if err != nil {
		return err.Error()
	}
	threads := map[string]events.Thread{}
	for _, t := range followed.Threads {
		threads[t.Conversation+"\x00"+t.Thread] = t
	}
	if d := testkit.Diff(threads, b.threads); d != "" {
		return "threads (- query, + listener): " + d
	}
	for name := range b.list {
		id, err := events.ParseConversation(name)
		if err != nil {
			return err.Error()
		}
		if id.Kind != events.C2C {
			continue
		}
		// Of each thread of the conversation, and of the whole.
		all, err := view.Threads(rows, user, events.ThreadsRequest{Conversation: id, Limit: new(math.MaxInt)})
		if err != nil {
			return err.Error()
		}
		of := []*string{nil}
		for i := range all.Threads {
			if all.Threads[i].Thread != "" {
				of = append(of, &all.Threads[i].Thread)
			}
		}
		for _, thread := range of {
			key := id.ID + "\x00"
			if thread != nil {
				key += *thread
			}
			if x, ok := view.Receipt(rows, user, id.ID, thread); ok && x.Version > since && b.receipts[key] != x {
				return fmt.Sprintf("receipt %+v, the query answers %+v", b.receipts[key], x)
			}
		}
	}
	return ""
}

// TestResume: random commands meet all that a resume has to tell.
func TestResume(t *testing.T) {
	testkit.Unraced(t)
	r := runTwin(t, twin.Config{}, steps(), 2)
	if n := r.resumed; n.plain == 0 || n.lost == 0 || n.removed == 0 || n.unfollowed == 0 || n.filtered == 0 || n.receipts == 0 || n.groups == 0 || n.returned == 0 {
		t.Errorf("not all was met: %+v", n)
	}
}
