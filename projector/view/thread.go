package view

import (
	"cmp"
	"encoding/base64"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"reddot/events"
	"reddot/projector/fold"
)

// thread is one timeline of a conversation, with the rows that its view is derived from.
type thread struct {
	item
	name string
	row  *fold.Timeline // nil: the user has none
	of   *fold.Thread   // nil: of the main timeline, and of a thread without messages
}

func (i item) thread(r fold.Reader, name string, row *fold.Timeline) thread {
	t := thread{item: i, name: name, row: row}
	if name != "" {
		t.of = r.Thread(i.key.LogKey(), name)
	}
	return t
}

// timeline loads one timeline.
func (i item) timeline(r fold.Reader, name string) thread {
	var row *fold.Timeline
	if i.row.Timelines > 0 {
		row = r.Timeline(i.key, name)
	}
	return i.thread(r, name, row)
}

// there reports whether there is such a timeline: a thread has a message that shows, or
// is followed or muted.
func (t thread) there() bool {
	return t.name == "" || t.of.There() || t.following() || t.row != nil && t.row.Muted
}

func (t thread) following() bool { return t.row != nil && t.row.Following }

// last is the newest message that shows.
func (t thread) last() *fold.Last {
	switch {
	case t.name == "":
		return t.log.LastMain()
	case t.of.There():
		return &t.of.Last
	}
	return new(fold.Last)
}

// activity orders threads, newest first.
func (t thread) activity() events.Seq { return t.last().Seq }

// version is of what is shown of the timeline.
func (t thread) version(r fold.Reader) events.Seq {
	return fold.TimelineVersion(r, t.key, t.item.row, t.log, t.name, t.row, t.of)
}

func (t thread) view(r fold.Reader) events.Thread {
	tally := t.tally(r)
	v := events.Thread{
		Conversation: t.key.String(), Thread: t.name,
		Following: t.following(), Muted: t.row != nil && t.row.Muted,
		ReadUpto: t.idAt(r, t.item.row.Position(t.name, t.row).Pos),
		Version:  t.version(r),
	}
	v.Unread, v.Mentions = tally.Thread(t.name)
	if last := t.last(); last.Pos > t.item.row.Floor(t.log).Pos {
		v.LastMessage = &events.LastMessage{ID: last.ID, From: last.From, At: last.At, Revoked: last.Revoked}
	}
	if first := tally.FirstOf(t.name); first > 0 {
		v.FirstUnread = t.messageAt(r, first).ID
	}
	return v
}

// Thread returns the view of one timeline of a conversation; false if it is not there.
func Thread(r fold.Reader, k fold.Key, name string) (events.Thread, bool) {
	i, ok := load(r, k)
	if !ok || !i.in {
		return events.Thread{}, false
	}
	t := i.timeline(r, name)
	if !t.there() {
		return events.Thread{}, false
	}
	return t.view(r), true
}

// followed are the threads that the user follows.
func (i item) followed(r fold.Reader) (all []thread) {
	if i.row.Timelines == 0 {
		return nil
	}
	for _, row := range r.Timelines(i.key) {
		if row.Following {
			all = append(all, i.thread(r, row.Thread, row))
		}
	}
	return all
}

// changedThreads are those that the user follows, or follows no more, whose view has
// changed after a seq; with every, all that the user follows among them. It reports how
// many have changed.
func (i item) changedThreads(r fold.Reader, since events.Seq, every bool) (threads []thread, changed int) {
	if i.row.Timelines == 0 || !every && max(i.log.OfThreads().Version, i.row.Followed, i.row.Moved) <= since {
		return nil, 0
	}
	for _, row := range r.Timelines(i.key) {
		if !row.Following && row.Left <= since {
			continue
		}
		t := i.thread(r, row.Thread, row)
		is := t.version(r) > since
		if is {
			changed++
		}
		if is || every {
			threads = append(threads, t)
		}
	}
	return threads, changed
}

// ThreadsChanged reports whether the view of a thread that the user follows in a
// conversation of the list has changed after a seq.
func ThreadsChanged(r fold.Reader, k fold.Key, since events.Seq) bool {
	i, ok := load(r, k)
	if !ok || !i.in {
		return false
	}
	_, changed := i.changedThreads(r, since, false)
	return changed > 0
}

// Threads answers a ThreadsRequest with one page: of a conversation, or of all threads
// that the user follows. The cursor is the place in the order by activity.
func Threads(r fold.Reader, user string, q events.ThreadsRequest) (events.ThreadsReply, error) {
	reply := events.ThreadsReply{User: user, Threads: []events.Thread{}}
	after, err := parseThreadCursor(q.After)
	if err != nil {
		return reply, err
	}
	var all []thread
	if q.Conversation == (events.ConversationID{}) {
		reply.Version, _ = each(r, user, func(e *entry) {
			if e.row.Timelines > 0 {
				all = append(all, e.item(r).followed(r)...)
			}
		})
	} else {
		i, ok := load(r, fold.Key{User: user, ConversationID: q.Conversation})
		if !ok || !i.in {
			return reply, events.ErrNotFound
		}
		reply.Version = Version(r, user)
		all = i.threads(r, q, after)
	}
	slices.SortFunc(all, func(a, b thread) int { return compareThreads(a.place(), b.place()) })
	for _, t := range all {
		if q.After != "" && compareThreads(t.place(), after) <= 0 {
			continue
		}
		if q.UnreadOnly {
			if n, _ := t.tally(r).Thread(t.name); n == 0 {
				continue
			}
		}
		if len(reply.Threads) == q.Most() {
			last := &reply.Threads[q.Most()-1]
			reply.Next = threadPlace{activityOf(all, last), last.Conversation, last.Thread}.cursor()
			break
		}
		reply.Threads = append(reply.Threads, t.view(r))
	}
	return reply, nil
}

// threads are those of a conversation that a page may show: of the log's, in order, as
// many as it may need, and the user's own.
func (i item) threads(r fold.Reader, q events.ThreadsRequest, after threadPlace) (all []thread) {
	if q.Following {
		return i.followed(r)
	}
	mine := map[string]*fold.Timeline{}
	if i.row.Timelines > 0 {
		for _, row := range r.Timelines(i.key) {
			mine[row.Thread] = row
			if t := i.thread(r, row.Thread, row); row.Thread != "" && t.there() {
				all = append(all, t)
			}
		}
	}
	before, rest := events.Seq(math.MaxUint64), i.row.Position(anyThread, nil)
	if q.After != "" {
		before = after.activity
	}
	n := 0
	for _, name := range r.ThreadOrder(i.key.LogKey(), before) {
		if mine[name] != nil {
			continue
		}
		t := i.thread(r, name, nil)
		if q.UnreadOnly && t.last().Pos <= rest.Pos || n > q.Most()+1 {
			break // what comes next is older
		}
		if all = append(all, t); !q.UnreadOnly {
			n++
		}
	}
	return all
}

// anyThread stands for one that the user has no row of.
const anyThread = "\x00"

// threadPlace is where a thread stands in a list: newest activity first, then by
// conversation and name.
type threadPlace struct {
	activity             events.Seq
	conversation, thread string
}

func (t thread) place() threadPlace { return threadPlace{t.activity(), t.key.String(), t.name} }

func compareThreads(a, b threadPlace) int {
	return cmp.Or(cmp.Compare(b.activity, a.activity), strings.Compare(a.conversation, b.conversation), strings.Compare(a.thread, b.thread))
}

// activityOf is the activity of a thread that is shown.
func activityOf(all []thread, shown *events.Thread) events.Seq {
	for _, t := range all {
		if t.name == shown.Thread && t.key.String() == shown.Conversation {
			return t.activity()
		}
	}
	return 0
}

func (p threadPlace) cursor() string {
	return base64.RawURLEncoding.EncodeToString(fmt.Appendf(nil, "%d\x00%s\x00%s", p.activity, p.conversation, p.thread))
}

func parseThreadCursor(s string) (p threadPlace, err error) {
	if s == "" {
		return p, nil
	}
	b, err := base64.RawURLEncoding.DecodeString(s)
	if err != nil {
		return p, events.ErrCursor
	}
	parts := strings.Split(string(b), "\x00")
	if len(parts) != 3 {
		return p, events.ErrCursor
	}
	n, err := strconv.ParseUint(parts[0], 10, 64)
	if err != nil {
		return p, events.ErrCursor
	}
	return threadPlace{events.Seq(n), parts[1], parts[2]}, nil
}
