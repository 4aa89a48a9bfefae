package projector_test

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"reddot/events"
	"reddot/projector"
)

// view looks at what is applied.
func (w *world) view() *projector.View {
	v, err := w.projector.View()
	w.check(err)
	return v
}

// ask answers a question.
func (w *world) ask(name string, args []string) (out string) {
	v := w.view()
	defer func() { w.check(v.Close()) }()
	user := args
	switch name {
	case "status":
		return w.status()
	case "show":
		r := w.list(v, user[0], w.conversationsRequest(args[1:]))
		return w.header(user[0], r.Version, r.Totals) + "\n" + w.conversations(r.Conversations, nil)
	case "totals":
		r, err := v.Totals(user[0], w.totalsRequest(args[1:]))
		w.check(err)
		return w.header(user[0], r.Version, r.Totals) + "\n"
	case "filters":
		r, err := v.Totals(user[0], events.TotalsRequest{})
		w.check(err)
		return w.filters(r.Filters)
	case "receipt":
		r, err := v.Receipt(user[0], args[1], timeline(args[2:]))
		return w.found(err, fmt.Sprintf("v%d: %s has read up to %s @%s\n", r.Version, r.Peer, r.Upto, w.time(r.At)))
	case "threads":
		q := w.threadsRequest(args[1:])
		all, err := w.allThreads(v, user[0], q)
		return w.found(err, w.threads(all))
	case "group-receipts":
		r, err := v.GroupReceipts(user[0], events.GroupReceiptsRequest{Group: args[1], IDs: args[2:]})
		return w.found(err, "read by"+readBy(r.Receipts)+"\n")
	case "readers":
		return w.readers(v, user[0], args[1], args[2], !slices.Contains(args[3:], "unread"))
	}
	id, err := events.ParseConversation(args[1])
	w.check(err)
	switch name {
	case "conversation":
		r, err := v.Conversation(user[0], id)
		return w.found(err, w.conversations([]events.Conversation{r.Conversation}, nil))
	case "thread":
		r, err := v.Thread(user[0], id, strings.Join(args[2:], ""))
		return w.found(err, w.threads([]events.Thread{r.Thread}))
	}
	e, err := v.Explain(user[0], events.ExplainRequest{Conversation: id, Thread: timeline(args[2:])})
	return w.found(err, w.explanation(&e))
}

// found is the answer, or the error that stands for one.
func (w *world) found(err error, out string) string {
	for is, text := range map[error]string{
		events.ErrNotFound: "not found\n", events.ErrForbidden: "forbidden\n", events.ErrUnavailable: "unavailable\n",
	} {
		if errors.Is(err, is) {
			return text
		}
	}
	w.check(err)
	return out
}

// timeline reads the name of a timeline: none, "main", or a thread's.
func timeline(args []string) *string {
	switch {
	case len(args) == 0:
		return nil
	case args[0] == "main":
		return new("")
	}
	return &args[0]
}

func (w *world) status() string {
	s, err := w.projector.Status(w.Context())
	w.check(err)
	out := fmt.Sprintf("applied=%d emitted=%d last=%d refused=%d ignored=%d own_message=%s",
		s.Applied, s.Emitted, s.Last, s.Refused, s.Ignored, s.Policy.OwnMessage)
	if s.Policy.Threads == events.ThreadsApart.String() {
		out += " threads=" + s.Policy.Threads
	}
	if s.Policy.GroupReceipts != events.ReceiptsOff.String() {
		out += " group_receipts=" + s.Policy.GroupReceipts
	}
	return out + "\n"
}

// totalsRequest reads c2c, group, include_muted, mentioned, label=X (label= for
// without any) and without=X.
func (w *world) totalsRequest(args []string) (q events.TotalsRequest) {
	for _, arg := range args {
		key, value, _ := strings.Cut(arg, "=")
		switch key {
		case "include_muted":
			q.IncludeMuted = true
		case "mentioned":
			q.Mentioned = true
		case "label":
			q.Label = new(value)
		case "without":
			q.Without = new(value)
		default:
			var err error
			q.Kind, err = events.ParseKind(arg)
			w.check(err)
		}
	}
	w.check(q.Validate())
	return q
}

// conversationsRequest reads the same but include_muted, and unread_only.
func (w *world) conversationsRequest(args []string) events.ConversationsRequest {
	only := slices.Contains(args, "unread_only")
	q := w.totalsRequest(slices.DeleteFunc(slices.Clone(args), func(arg string) bool { return arg == "unread_only" }))
	return events.ConversationsRequest{UnreadOnly: only, Mentioned: q.Mentioned, Kind: q.Kind, Label: q.Label, Without: q.Without}
}

// threadsRequest reads a conversation, following and unread_only.
func (w *world) threadsRequest(args []string) (q events.ThreadsRequest) {
	for _, arg := range args {
		switch arg {
		case "following":
			q.Following = true
		case "unread_only":
			q.UnreadOnly = true
		default:
			var err error
			q.Conversation, err = events.ParseConversation(arg)
			w.check(err)
		}
	}
	return q
}

// allThreads asks for all pages.
func (w *world) allThreads(v *projector.View, user string, q events.ThreadsRequest) ([]events.Thread, error) {
	q.Limit = new(3)
	all, err := v.Threads(user, q)
	for err == nil && all.Next != "" {
		q.After = all.Next
		var next events.ThreadsReply
		next, err = v.Threads(user, q)
		all.Threads, all.Next = append(all.Threads, next.Threads...), next.Next
	}
	return all.Threads, err
}

// readers asks for all pages of who has read a message, or has not.
func (w *world) readers(v *projector.View, user, group, id string, read bool) string {
	q := events.ReadersRequest{Group: group, ID: id, Read: &read, Limit: new(3)}
	all, err := v.Readers(user, q)
	for err == nil && all.Next != "" {
		q.After = all.Next
		var next events.ReadersReply
		next, err = v.Readers(user, q)
		all.Users, all.Next = append(all.Users, next.Users...), next.Next
	}
	out := fmt.Sprintf("%s read by %d of %d:", all.ID, all.Read, all.Members)
	for _, r := range all.Users {
		out += " " + r.User
		if r.At != 0 {
			out += "@" + w.time(r.At)
		}
	}
	return w.found(err, out+"\n")
}

// readBy renders by how many members messages are read.
func readBy(receipts []events.GroupReceipt) (out string) {
	for _, r := range receipts {
		out += fmt.Sprintf(" %s=%d/%d", r.ID, r.Read, r.Members)
	}
	return out
}

// filters renders the totals of filters.
func (w *world) filters(all events.NamedTotals) (out string) {
	for _, name := range slices.Sorted(maps.Keys(all)) {
		out += "  filter " + name + " " + totals(all[name]) + "\n"
	}
	return out
}

// threads renders threads, one a line.
func (w *world) threads(list []events.Thread) string {
	var lines []string
	for i := range list {
		lines = append(lines, "  "+w.thread(&list[i])+"\n")
	}
	return strings.Join(elide(lines), "")
}

func (w *world) thread(t *events.Thread) string {
	out := fmt.Sprintf("%s/%s v%d unread=%d", t.Conversation, shorten(t.Thread), t.Version, t.Unread)
	if t.Mentions > 0 {
		out += fmt.Sprintf(" mentions=%d", t.Mentions)
	}
	if t.Following {
		out += " following"
	}
	if t.Muted {
		out += " muted"
	}
	if t.FirstUnread != "" {
		out += " first=" + shorten(t.FirstUnread)
	}
	if t.ReadUpto != "" {
		out += " read=" + shorten(t.ReadUpto)
	}
	return out + w.lastMessage(t.LastMessage)
}

func (w *world) lastMessage(m *events.LastMessage) string {
	if m == nil {
		return ""
	}
	out := fmt.Sprintf(" last=%s by %s @%s", shorten(m.ID), m.From, w.time(m.At))
	if m.Revoked {
		out += " revoked"
	}
	return out
}

// totals renders what of totals is not 0, and unread.
func totals(t events.Totals) string {
	out := fmt.Sprintf("unread=%d", t.Unread)
	for _, n := range []struct {
		name  string
		value uint64
	}{{"c2c", t.C2C}, {"group", t.Group}, {"mentions", t.Mentions}, {"conversations", t.Conversations}, {"muted", t.Muted}} {
		if n.value > 0 {
			out += fmt.Sprintf(" %s=%d", n.name, n.value)
		}
	}
	return out + apart(t.Threads)
}

// apart renders what counts apart: unread, mentions, threads.
func apart(t events.ThreadTotals) string {
	if t.IsZero() {
		return ""
	}
	return fmt.Sprintf(" threads=%d/%d/%d", t.Unread, t.Mentions, t.Threads)
}
