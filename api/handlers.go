package api

import (
	"context"
	"errors"
	"time"

	"reddot/events"
)

// handler is one of the queries that can be asked: where, how it is treated, and
// how it is answered.
type handler struct {
	name    string
	pattern func(events.Subjects) string // the subject it is heard on; nil: that of a query of this name about a user
	lane    lane

	// shows is set where the answer shows a state, which must not be older than what
	// anybody was answered before: for every query that is answered from a View.
	shows bool

	// emitted is set where after_seq is waited for until its events are stored, not
	// only until it is applied.
	emitted bool

	// everywhere is set where every instance does what is asked, whichever of them
	// answers, and however old the state is that its source shows.
	everywhere bool

	// web is set where the query is not heard on NATS, only asked by Ask.
	web bool

	// read reads and checks the body of a request about a user; user is empty for
	// one about none. nil: commands are asked for, see serveCommand.
	read func(user string, body []byte) (question, error)
}

// stays reports whether the query is heard however old the state is that the
// source shows: operators ask for the status, and for what mends it; and what
// every instance does needs no state.
func (h handler) stays() bool { return h.lane == operatorLane || h.everywhere }

// handlers returns every query there is; those of a maintainer only with one.
func handlers(m Maintainer) []handler {
	all := []handler{
		viewed(events.QueryTotals, View.Totals),
		viewed(events.QueryConversations, View.Conversations),
		viewed(events.QueryConversation, conversation),
		viewed(events.QueryThreads, threads),
		viewed(events.QueryThread, thread),
		viewed(events.QueryGroupReceipts, groupReceipts),
		viewed(events.QueryReaders, readers),
		viewed(events.QueryExplain, explain),
		viewed(events.QueryReceipt, receipt),
		web(viewed(events.QueryGet, View.Some)),
		web(viewed(events.QueryBatch, func(v View, _ string, q events.TotalsBatchRequest) (events.TotalsBatchReply, error) {
			return v.TotalsOf(q)
		})),
		web(viewed(events.QueryUsers, func(v View, _ string, q events.UsersRequest) (events.UsersReply, error) { return v.Users(q) })),
		web(viewed(events.QueryGroup, group)),
		web(viewed(events.QueryMembers, members)),
		web(viewed(events.QueryResume, View.Resume)),
		{name: events.QueryWatch, everywhere: true, read: asked(watch)},
		{name: events.QueryHold, pattern: events.Subjects.Hold, lane: operatorLane, everywhere: true, read: asked(hold)},
		{name: events.QueryStatus, pattern: events.Subjects.Status, lane: operatorLane, emitted: true, read: asked(status)},
	}
	if m == nil {
		return all
	}
	return append(all,
		handler{name: events.QueryRebuild, pattern: events.Subjects.Rebuild, lane: operatorLane, read: asked(
			func(ctx context.Context, _ Source, _ string, _ events.RebuildRequest) (events.Rebuild, error) {
				return m.Rebuild(ctx)
			})},
		handler{name: events.QuerySnapshot, pattern: events.Subjects.Snapshot, lane: operatorLane, read: asked(
			func(ctx context.Context, _ Source, _ string, _ events.SnapshotRequest) (events.Snapshot, error) {
				return m.Snapshot(ctx)
			})},
	)
}

// web is a query that is not heard on NATS.
func web(h handler) handler {
	h.web = true
	return h
}

func group(v View, _ string, q events.GroupRequest) (events.GroupReply, error) {
	reply, err := v.Group(q.Group)
	return reply, missing(err, "no group %q", q.Group)
}

func members(v View, _ string, q events.MembersRequest) (events.MembersReply, error) {
	reply, err := v.Members(q)
	return reply, missing(err, "no group %q", q.Group)
}

func conversation(v View, user string, r events.ConversationRequest) (events.ConversationReply, error) {
	reply, err := v.Conversation(user, r.Conversation)
	return reply, missing(err, "no conversation %s in the list", r.Conversation)
}

func explain(v View, user string, r events.ExplainRequest) (events.Explanation, error) {
	reply, err := v.Explain(user, r)
	if r.Thread != nil {
		return reply, missing(err, "no thread %q of a conversation %s in the list", *r.Thread, r.Conversation)
	}
	return reply, missing(err, "no conversation %s in the list", r.Conversation)
}

func threads(v View, user string, r events.ThreadsRequest) (events.ThreadsReply, error) {
	reply, err := v.Threads(user, r)
	return reply, missing(err, "no conversation %s in the list", r.Conversation)
}

func thread(v View, user string, r events.ThreadRequest) (events.ThreadReply, error) {
	reply, err := v.Thread(user, r.Conversation, *r.Thread)
	return reply, missing(err, "no thread %q of a conversation %s in the list", *r.Thread, r.Conversation)
}

func groupReceipts(v View, user string, r events.GroupReceiptsRequest) (events.GroupReceiptsReply, error) {
	reply, err := v.GroupReceipts(user, r)
	return reply, unpermitted(err)
}

func readers(v View, user string, r events.ReadersRequest) (events.ReadersReply, error) {
	reply, err := v.Readers(user, r)
	return reply, unpermitted(missing(err, "no message %q that can have been read in group %s", r.ID, r.Group))
}

// unpermitted says why the policy for group receipts lets nobody ask, or not this user.
func unpermitted(err error) error {
	switch {
	case errors.Is(err, events.ErrForbidden):
		return &events.Fault{Code: events.ErrForbidden, Message: "the policy for group receipts does not let this user ask about the message"}
	case errors.Is(err, events.ErrUnavailable):
		return unavailable(nil, `group receipts are off: the policy group_receipts is "off"`)
	}
	return err
}

func receipt(v View, user string, r events.ReceiptRequest) (events.ReceiptReply, error) {
	reply, err := v.Receipt(user, *r.Peer, r.Thread)
	if r.Thread != nil {
		return reply, missing(err, "%s has sent no receipt for thread %q", *r.Peer, *r.Thread)
	}
	return reply, missing(err, "%s has sent no receipt", *r.Peer)
}

func watch(_ context.Context, source Source, user string, _ events.WatchRequest) (events.WatchReply, error) {
	until, err := source.Watch(user)
	return events.WatchReply{Until: until}, err
}

func hold(_ context.Context, source Source, _ string, r events.HoldRequest) (events.HoldReply, error) {
	until, err := source.Hold(time.Duration(r.TTLMS) * time.Millisecond)
	return events.HoldReply{Until: until}, err
}

func status(ctx context.Context, source Source, _ string, _ events.StatusRequest) (events.Status, error) {
	ctx, cancel := context.WithTimeout(ctx, statusTimeout)
	defer cancel()
	status, err := source.Status(ctx)
	status.Features = events.Features()
	return status, err
}

// missing turns events.ErrNotFound into a 404 that names what is not there.
func missing(err error, format string, args ...any) error {
	if errors.Is(err, events.ErrNotFound) {
		return notFound(format, args...)
	}
	return err
}

// question is a request that has been read and checked: what to wait for, and
// how to answer then.
type question struct {
	after   events.Seq // the command to wait for; 0: none
	timeout time.Duration
	asking
}

// asking is what a question asks for.
type asking interface {
	answer(context.Context, Source) (any, error)

	// halve returns the question with half the limit, for an answer that is too
	// large for one message; false if it has no limit, or nothing is left to halve.
	halve() (question, bool)
}

// request is what all requests of queries are: structs of package events.
type request interface {
	Validate() error
	Awaits() (events.Seq, time.Duration)
}

// about is a request about a user, with what answers it. It implements asking.
type about[Req request, Reply any] struct {
	user string
	req  Req
	by   func(context.Context, Source, string, Req) (Reply, error)
}

func (a *about[Req, Reply]) answer(ctx context.Context, source Source) (any, error) {
	return a.by(ctx, source, a.user, a.req)
}

func (a *about[Req, Reply]) halve() (question, bool) {
	limited, ok := any(a.req).(interface{ Halved() (Req, bool) })
	if !ok {
		return question{}, false
	}
	half, ok := limited.Halved()
	return ask(&about[Req, Reply]{a.user, half, a.by}), ok
}

// asked reads requests that answer answers.
func asked[Req request, Reply any](
	answer func(context.Context, Source, string, Req) (Reply, error),
) func(user string, body []byte) (question, error) {
	return func(user string, body []byte) (question, error) {
		a := &about[Req, Reply]{user: user, by: answer}
		if err := decode(body, &a.req); err != nil {
			return question{}, err
		}
		if err := a.req.Validate(); err != nil {
			return question{}, err
		}
		return ask(a), nil
	}
}

func ask[Req request, Reply any](a *about[Req, Reply]) question {
	q := question{asking: a}
	q.after, q.timeout = a.req.Awaits()
	return q
}

// viewed is a query about a user that is answered from a view, which is closed
// before the answer is sent.
func viewed[Req request, Reply any](name string, answer func(View, string, Req) (Reply, error)) handler {
	return handler{name: name, shows: true, read: asked(
		func(ctx context.Context, source Source, user string, req Req) (reply Reply, err error) {
			v, err := source.View()
			if err == errKnown {
				return reply, err
			}
			if err != nil {
				return reply, unavailable(err, "the projection can't be read now; ask again")
			}
			defer func() {
				if closing := v.Close(); err == nil {
					err = closing
				}
			}()
			v.Until(ctx.Err)
			return answer(v, user, req)
		})}
}
