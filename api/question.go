package api

import (
	"context"
	"errors"

	"reddot/events"
)

// question is a request that has been read and checked: what to wait for, and
// how to answer then.
type question struct {
	wait wait

	// limit is what the asker wants at most, for queries that have a limit. An
	// answer too large for one message is asked for again with half of it.
	limit int

	// emitted tells that wait is for emission too, not for application alone.
	emitted bool

	// shows tells that the answer shows a state, which must not be older than what
	// anybody was told before.
	shows bool

	answer func(ctx context.Context, source Source, limit int) (any, error)
}

// query is one of the questions that can be asked.
type query struct {
	name string
	// subject is where it is asked: of any user, or of the whole.
	subject func(events.Subjects) string
	// about tells that the subject names a user.
	about bool
	// read reads and checks the body of a request. Its errors are faults.
	read func(user string, body []byte) (question, error)
}

// queries returns every query there is; those of a maintainer only with one.
func queries(m Maintainer) []query {
	ofUser := func(name string, read func(string, []byte) (question, error)) query {
		pattern := func(s events.Subjects) string { return s.QueryPattern(name) }
		return query{name: name, subject: pattern, about: true, read: read}
	}
	all := []query{
		ofUser(events.QueryTotals, readTotals),
		ofUser(events.QueryConversations, readConversations),
		ofUser(events.QueryConversation, readConversation),
		ofUser(events.QueryExplain, readExplain),
		ofUser(events.QueryReceipt, readReceipt),
		ofUser(events.QueryWatch, readWatch),
		{name: events.QueryStatus, subject: events.Subjects.Status, read: readStatus},
	}
	if m == nil {
		return all
	}
	return append(all,
		query{name: events.QueryRebuild, subject: events.Subjects.Rebuild, read: readTask(func(ctx context.Context) (any, error) {
			return boxed(m.Rebuild(ctx))
		})},
		query{name: events.QuerySnapshot, subject: events.Subjects.Snapshot, read: readTask(func(ctx context.Context) (any, error) {
			return boxed(m.Snapshot(ctx))
		})})
}

// readTask reads a request that begins something.
func readTask(begin func(context.Context) (any, error)) func(string, []byte) (question, error) {
	return func(_ string, body []byte) (question, error) {
		var in struct{ waitFields }
		if err := decode(body, &in); err != nil {
			return question{}, err
		}
		wait, err := in.check()
		if err != nil {
			return question{}, err
		}
		return question{wait: wait, answer: func(ctx context.Context, _ Source, _ int) (any, error) {
			return begin(ctx)
		}}, nil
	}
}

func readTotals(user string, body []byte) (question, error) {
	var in struct {
		waitFields
		Kind         *string `json:"kind"`
		IncludeMuted bool    `json:"include_muted"`
		Mentioned    bool    `json:"mentioned"`
	}
	if err := decode(body, &in); err != nil {
		return question{}, err
	}
	wait, err := in.check()
	if err != nil {
		return question{}, err
	}
	kind, err := checkKind(in.Kind)
	if err != nil {
		return question{}, err
	}
	ask := events.TotalsQuery{Kind: kind, IncludeMuted: in.IncludeMuted, Mentioned: in.Mentioned}
	return question{wait: wait, shows: true, answer: viewed(func(v View, _ int) (any, error) {
		return boxed(v.Totals(user, ask))
	})}, nil
}

func readConversations(user string, body []byte) (question, error) {
	var in struct {
		waitFields
		UnreadOnly bool    `json:"unread_only"`
		Mentioned  bool    `json:"mentioned"`
		Kind       *string `json:"kind"`
		Limit      *int64  `json:"limit"`
		After      string  `json:"after"`
	}
	if err := decode(body, &in); err != nil {
		return question{}, err
	}
	wait, err := in.check()
	if err != nil {
		return question{}, err
	}
	kind, err := checkKind(in.Kind)
	if err != nil {
		return question{}, err
	}
	limit, err := checkLimit(in.Limit)
	if err != nil {
		return question{}, err
	}
	if len(in.After) > maxCursor {
		return question{}, badRequest("%s", events.ErrCursor)
	}
	ask := events.ConversationsQuery{UnreadOnly: in.UnreadOnly, Mentioned: in.Mentioned, Kind: kind, After: in.After}
	return question{wait: wait, shows: true, limit: limit, answer: viewed(func(v View, limit int) (any, error) {
		ask := ask
		ask.Limit = limit
		return boxed(v.Conversations(user, ask))
	})}, nil
}

func readConversation(user string, body []byte) (question, error) {
	var in struct {
		waitFields
		Conversation string `json:"conversation"`
	}
	if err := decode(body, &in); err != nil {
		return question{}, err
	}
	wait, err := in.check()
	if err != nil {
		return question{}, err
	}
	id, err := checkConversation(in.Conversation)
	if err != nil {
		return question{}, err
	}
	return question{wait: wait, shows: true, answer: viewed(func(v View, _ int) (any, error) {
		reply, err := v.Conversation(user, id)
		return reply, missing(err, "no conversation %s in the list", id)
	})}, nil
}

func readExplain(user string, body []byte) (question, error) {
	var in struct {
		waitFields
		Conversation string `json:"conversation"`
		Limit        *int64 `json:"limit"`
	}
	if err := decode(body, &in); err != nil {
		return question{}, err
	}
	wait, err := in.check()
	if err != nil {
		return question{}, err
	}
	id, err := checkConversation(in.Conversation)
	if err != nil {
		return question{}, err
	}
	limit, err := checkLimit(in.Limit)
	if err != nil {
		return question{}, err
	}
	return question{wait: wait, shows: true, limit: limit, answer: viewed(func(v View, limit int) (any, error) {
		reply, err := v.Explain(user, id, limit)
		return reply, missing(err, "no conversation %s in the list", id)
	})}, nil
}

func readReceipt(user string, body []byte) (question, error) {
	var in struct {
		waitFields
		Peer *string `json:"peer"`
	}
	if err := decode(body, &in); err != nil {
		return question{}, err
	}
	wait, err := in.check()
	if err != nil {
		return question{}, err
	}
	if in.Peer == nil {
		return question{}, badRequest("peer is missing")
	}
	peer := *in.Peer
	if err := events.CheckID("peer", peer); err != nil {
		return question{}, badRequest("%s", err)
	}
	return question{wait: wait, shows: true, answer: viewed(func(v View, _ int) (any, error) {
		reply, err := v.Receipt(user, peer)
		return reply, missing(err, "%s has sent no receipt", peer)
	})}, nil
}

func readWatch(user string, body []byte) (question, error) {
	var in struct{ waitFields }
	if err := decode(body, &in); err != nil {
		return question{}, err
	}
	wait, err := in.check()
	if err != nil {
		return question{}, err
	}
	return question{wait: wait, answer: func(_ context.Context, source Source, _ int) (any, error) {
		until, err := source.Watch(user)
		return events.WatchReply{Until: until}, err
	}}, nil
}

func readStatus(_ string, body []byte) (question, error) {
	var in struct{ waitFields }
	if err := decode(body, &in); err != nil {
		return question{}, err
	}
	wait, err := in.check()
	if err != nil {
		return question{}, err
	}
	return question{wait: wait, emitted: true,
		answer: func(ctx context.Context, source Source, _ int) (any, error) {
			ctx, cancel := context.WithTimeout(ctx, statusTimeout)
			defer cancel()
			status, err := source.Status(ctx)
			status.Features = features()
			return status, err
		}}, nil
}

// features names the optional parts of commands and queries that are there.
func features() []string { return []string{} }

// viewed answers from a view that is closed before the answer is sent.
func viewed(answer func(v View, limit int) (any, error)) func(context.Context, Source, int) (any, error) {
	return func(ctx context.Context, source Source, limit int) (reply any, err error) {
		v, err := source.View()
		if err != nil {
			return nil, unavailable(err, "the projection can't be read now; ask again")
		}
		defer func() {
			if closing := v.Close(); err == nil {
				err = closing
			}
		}()
		v.Until(ctx.Err)
		return answer(v, limit)
	}
}

// boxed is a typed answer as one of any type.
func boxed[T any](reply T, err error) (any, error) { return reply, err }

// missing turns events.ErrNotFound into a 404 that names what is not there.
func missing(err error, format string, args ...any) error {
	if errors.Is(err, events.ErrNotFound) {
		return notFound(format, args...)
	}
	return err
}

func checkKind(s *string) (events.Kind, error) {
	if s == nil {
		return events.NoKind, nil
	}
	kind, err := events.ParseKind(*s)
	if err != nil {
		return kind, badRequest("%s", err)
	}
	return kind, nil
}

func checkLimit(n *int64) (int, error) {
	switch {
	case n == nil:
		return events.DefaultLimit, nil
	case *n < 1 || *n > events.MaxLimit:
		return 0, badRequest("limit: want 1 to %d, got %d", events.MaxLimit, *n)
	}
	return int(*n), nil
}

func checkConversation(s string) (events.ConversationID, error) {
	if s == "" {
		return events.ConversationID{}, badRequest("conversation is missing")
	}
	id, err := events.ParseConversation(s)
	if err != nil {
		return id, badRequest("%s", err)
	}
	return id, nil
}
