package rest

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"reddot/events"
)

// Operator is what operators ask for beside the queries.
type Operator interface {
	// Refused lists refused commands that are stored as events, the newest first: a
	// page. An after that no reply has given: events.ErrCursor.
	Refused(ctx context.Context, limit int, after string, of RefusedFilter) (RefusedReply, error)

	// ReadLog reads commands from a seq on, limit at most; 0: the newest ones. A seq that
	// the log does not hold: *events.Fault with ErrNotFound.
	ReadLog(ctx context.Context, from events.Seq, limit int) (LogReply, error)

	// Snapshots lists the snapshots that are kept, the newest first.
	Snapshots(ctx context.Context) ([]Snapshot, error)

	// Past answers a query about a user from a past state, and says of which seq. A
	// state that there is none of: *events.Invalid.
	Past(ctx context.Context, at events.PastPoint, user, query string, body []byte) (reply any, applied events.Seq, err error)

	// Disconnect ends what a user has open on this instance, and returns how much that
	// was.
	Disconnect(user string) (closed int)
}

// RefusedFilter is which refused commands are wanted: all, if it is zero.
type RefusedFilter struct {
	Reason  string  // the whole of it; empty: any
	Subject string  // what it begins with
	Type    *string // as in a batch; empty: none, as the subject is that of no command; nil: any
}

// Fits reports whether a refused command is wanted.
func (f *RefusedFilter) Fits(r *events.Rejected) bool {
	return (f.Reason == "" || r.Reason == f.Reason) && strings.HasPrefix(r.Subject, f.Subject) && (f.Type == nil || events.TypeOf(r.Subject) == *f.Type)
}

// All reports whether all are wanted.
func (f *RefusedFilter) All() bool { return *f == RefusedFilter{} }

// RefusedReply answers GET /v1/refused. Next is empty on the last page. One of a filter may
// hold few, or none, and not be the last.
type RefusedReply struct {
	Refused []events.Rejected `json:"refused"`
	Next    string            `json:"next,omitempty"`
	Looked  *RefusedLooked    `json:"looked,omitempty"` // with a filter
}

// RefusedLooked is how far a filter has looked for a page.
type RefusedLooked struct {
	Count int         `json:"count"`         // of refused commands
	Seq   events.Seq  `json:"seq,omitempty"` // of the last of them, the oldest
	At    events.Time `json:"at,omitempty"`
}

// Snapshot is one of the list of snapshots.
type Snapshot struct {
	ID      string        `json:"id"`
	Seq     events.Seq    `json:"seq"` // of the last command in it
	Digest  events.Digest `json:"digest,omitempty"`
	Taken   events.Time   `json:"taken,omitempty"`
	LogTime events.Time   `json:"log_time,omitempty"` // of that command; absent: not known
	Bytes   uint64        `json:"bytes,omitempty"`
	Stream  string        `json:"stream,omitempty"`
	Program string        `json:"program,omitempty"`
	Error   string        `json:"error,omitempty"` // why it can't be used
}

// SnapshotsReply answers GET /v1/snapshots.
type SnapshotsReply struct {
	Snapshots []Snapshot `json:"snapshots"`
}

// DisconnectReply answers POST /v1/disconnect.
type DisconnectReply struct {
	User   string `json:"user"`
	Closed int    `json:"closed"` // streams and connections
}

// maintain begins a rebuild or a snapshot, or joins what has begun.
func (s *Server) maintain(query string) func(*Exchange) error {
	return func(x *Exchange) error {
		if err := only(x.Query); err != nil {
			return err
		}
		live, err := s.live()
		if err != nil {
			return err
		}
		reply, _, err := live.Ask(x.ctx(), "", query, x.Body, 0)
		if err != nil {
			return pointed(err, x)
		}
		return x.replyWith(http.StatusAccepted, reply)
	}
}

// refused answers GET /v1/refused.
func (s *Server) refused(x *Exchange) error {
	if err := only(x.Query, "limit", "after", "reason", "subject", "type"); err != nil {
		return err
	}
	limit, after, err := page(x.Query)
	if err != nil {
		return err
	}
	var of RefusedFilter
	for name, to := range map[string]*string{"reason": &of.Reason, "subject": &of.Subject} {
		given, err := one(x.Query, name)
		if err != nil {
			return err
		}
		if given != nil {
			*to = *given
		}
	}
	if of.Type, err = one(x.Query, "type"); err != nil {
		return err
	}
	live, err := s.live()
	if err != nil {
		return err
	}
	reply, err := live.Refused(x.ctx(), limit, after, of)
	if err != nil {
		return unavailable(err, "the stored events can't be read now; ask again")
	}
	if reply.Next != "" {
		x.Writer.Header().Set("Link", nextLink(x.Request.URL, reply.Next))
	}
	return x.reply(reply)
}

// snapshots answers GET /v1/snapshots.
func (s *Server) snapshots(x *Exchange) error {
	if err := only(x.Query); err != nil {
		return err
	}
	live, err := s.live()
	if err != nil {
		return err
	}
	all, err := live.Snapshots(x.ctx())
	if err != nil {
		return unavailable(err, "the snapshots can't be listed now; ask again")
	}
	return x.reply(SnapshotsReply{Snapshots: append([]Snapshot{}, all...)})
}

// disconnect answers POST /v1/disconnect.
func (s *Server) disconnect(x *Exchange) error {
	if err := only(x.Query); err != nil {
		return err
	}
	asked, rest, err := events.SplitUser(x.Body)
	if err != nil {
		return broken("", err)
	}
	if string(rest) != "{}" {
		return Fail(BadRequest, `want {"user": ...} and nothing else`)
	}
	user, err := x.user(asked)
	if err != nil {
		return err
	}
	live, err := s.live()
	if err != nil {
		return err
	}
	return x.reply(DisconnectReply{User: user, Closed: live.Disconnect(user)})
}

// Of past states: how long one may take to be folded, and how long one waits for the one
// before it, which who has asked for it may have given up.
const (
	pastTimeout = time.Minute
	pastWait    = 2 * time.Second
)

// pastQuery answers a query from a past state.
func (s *Server) pastQuery(name string, params []param) func(*Exchange) error {
	return func(x *Exchange) error {
		asked, err := one(x.Query, "user")
		if err != nil {
			return err
		}
		user, err := x.user(asked)
		if err != nil {
			return err
		}
		at, err := pastPoint(x)
		if err != nil {
			return err
		}
		body, err := bodyOf(x.Query, params, "user", "at")
		if err != nil {
			return err
		}
		live, err := s.live()
		if err != nil {
			return err
		}
		select {
		case s.past <- struct{}{}:
			defer func() { <-s.past }()
		case <-time.After(pastWait):
			return &Problem{Code: RateLimited, Detail: "a past state is being derived, one at a time; ask again when that is done",
				RetryAfter: pastTimeout / 10, limited: limitedPast}
		case <-x.ctx().Done():
			return x.ctx().Err()
		}
		http.NewResponseController(x.Writer).SetWriteDeadline(time.Now().Add(pastTimeout + answerTimeout))
		ctx, cancel := context.WithTimeout(x.ctx(), pastTimeout)
		defer cancel()
		reply, applied, err := live.Past(ctx, at, user, name, body)
		if err != nil {
			if errors.Is(ctx.Err(), context.DeadlineExceeded) {
				return &Problem{Code: Unavailable, Detail: "the past state took longer than " + pastTimeout.String() + " to derive: \"reddot show --at\" has more time", Cause: err}
			}
			return unavailable(err, "the past state can't be derived now; ask again")
		}
		x.applied(applied)
		if next := nextOf(reply); next != "" {
			x.Writer.Header().Set("Link", nextLink(x.Request.URL, next))
		}
		return x.reply(reply)
	}
}

// pastPoint reads the parameter at.
func pastPoint(x *Exchange) (at events.PastPoint, err error) {
	given, err := one(x.Query, "at")
	if err != nil {
		return at, err
	}
	if given == nil {
		return at, Fail(BadRequest, "at is missing: a seq, or a time as in 2026-11-23T18:00:00Z")
	}
	at.Text = *given
	if n, err := strconv.ParseUint(at.Text, 10, 64); err == nil && n <= maxNumber {
		at.Seq = events.Seq(n)
		return at, nil
	}
	at.Time, err = time.Parse(time.RFC3339Nano, at.Text)
	if err != nil || at.Time.Year() < 1970 || at.Time.Year() > 2261 { // the log counts nanoseconds since 1970
		return at, Fail(BadRequest, "at: want a seq, or a time as in 2026-11-23T18:00:00Z, got "+quoted(at.Text))
	}
	return at, nil
}

// unavailable keeps an error of the asker's, and leaves any other to the log.
func unavailable(err error, detail string) error {
	if p := problemOf(err); p.Code != Unavailable {
		return p
	}
	return &Problem{Code: Unavailable, Detail: detail, Cause: err}
}
