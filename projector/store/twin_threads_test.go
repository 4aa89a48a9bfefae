package store_test

import (
	"fmt"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"reddot/events"
	"reddot/projector/fold"
	"reddot/projector/testkit"
	"reddot/projector/view"
)

// diffThreads compares a user's threads: those that the user follows, those of every
// conversation in the list, and why a count of one is what it is.
func (r *rig) diffThreads(rows fold.Reader, user string) string {
	if d := r.diffThreadList(rows, user, events.ThreadsRequest{UnreadOnly: r.rng.IntN(2) == 0}); d != "" {
		return d
	}
	for _, c := range r.twin.Conversations(user) {
		id, err := events.ParseConversation(c.Conversation)
		if err != nil {
			return err.Error()
		}
		q := events.ThreadsRequest{Conversation: id, Following: r.rng.IntN(3) == 0, UnreadOnly: r.rng.IntN(3) == 0}
		if d := r.diffThreadList(rows, user, q); d != "" {
			return d
		}
		k := fold.Key{User: user, ConversationID: id}
		all, _ := r.twin.Threads(user, events.ThreadsRequest{Conversation: id})
		for _, t := range append(all, events.Thread{}) {
			if d := r.diffThread(rows, k, t.Thread); d != "" {
				return d
			}
		}
	}
	return ""
}

// threadVersions leaves out versions: see sameVersion.
var threadVersions = cmp.FilterPath(func(p cmp.Path) bool { return p.Last().String() == ".Version" }, cmp.Ignore())

// ofTimeline leaves out of an explanation what the text does not say for a timeline.
var ofTimeline = cmpopts.IgnoreFields(events.Explanation{}, "MarkedUnread", "Muted", "Level", "Labels", "ReadAt", "ReadSeq", "PendingReads",
	"SinceRead", "Own", "Revoked", "Blocked", "Purged", "Threads")

func (r *rig) diffThreadList(rows fold.Reader, user string, q events.ThreadsRequest) string {
	var got []events.Thread
	q.Limit = new(2)
	for {
		page, err := view.Threads(rows, user, q)
		if err != nil {
			return err.Error()
		}
		got = append(got, page.Threads...)
		if q.After = page.Next; q.After == "" {
			break
		}
	}
	want, _ := r.twin.Threads(user, q)
	if d := testkit.Diff(want, got, cmpopts.EquateEmpty(), threadVersions); d != "" {
		return fmt.Sprintf("threads %+v: %s", q, d)
	}
	for i, t := range want {
		if d := r.sameVersion(user, t, got[i]); d != "" {
			return d
		}
	}
	return ""
}

// sameVersion compares the versions of a timeline: those of a thread that the user
// follows, and may be notified of, are the same. Those of another one may be later in the
// store, as fold.TimelineVersion says.
func (r *rig) sameVersion(user string, want, got events.Thread) string {
	v, all := got.Version, r.twin.Version(user)
	switch {
	case v == want.Version && (!want.Following || v <= all),
		!want.Following && v > want.Version && v <= all,
		!want.Following && v > want.Version && want.LastMessage == nil && r.log[v-1].Command.Verb == events.UserClear:
		return ""
	}
	return fmt.Sprintf("version %d of thread %+v, the twin says %d", v, got, want.Version)
}

func (r *rig) diffThread(rows fold.Reader, k fold.Key, thread string) string {
	want, _ := r.twin.Thread(k.User, k.ConversationID.String(), thread)
	got, ok := view.Thread(rows, k, thread)
	if d := testkit.Diff(want, got, threadVersions); d != "" || !ok {
		return fmt.Sprintf("thread %q of %s (found: %v): %s", thread, k.ConversationID, ok, d)
	}
	if d := r.sameVersion(k.User, want, got); d != "" {
		return d
	}
	limit := 1 + r.rng.IntN(20)
	w, _ := r.twin.Explain(k.User, k.ConversationID.String(), &thread, limit)
	g, ok := view.Explain(rows, k, &thread, limit)
	if d := testkit.Diff(w, g, cmpopts.EquateEmpty(), ofTimeline); d != "" || !ok {
		return fmt.Sprintf("explain thread %q of %s: %s", thread, k.ConversationID, d)
	}
	if sum := int64(g.Carried+g.SinceRead-g.Own-g.Revoked-g.Blocked-g.Purged) + g.Threads; sum != int64(g.Unread) {
		return fmt.Sprintf("explain thread %q of %s: the parts of %+v are %d", thread, k.ConversationID, g, sum)
	}
	if k.Kind != events.C2C {
		return ""
	}
	// How far the user has read the peer's messages in the thread.
	wr, wok := r.twin.Receipt(k.ID, k.User, &thread)
	gr, gok := view.Receipt(rows, k.ID, k.User, &thread)
	if wok != gok || wr.Upto != gr.Upto || wr.At != gr.At {
		return fmt.Sprintf("receipt of %q in %q: %+v, the twin says %+v", k.User, thread, gr, wr)
	}
	return ""
}
