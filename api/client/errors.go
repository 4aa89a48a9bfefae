package client

import (
	"errors"
	"fmt"

	"reddot/events"
)

// What calls fail with, for errors.Is. Errors carry the details around them.
var (
	// ErrNotFound: the conversation is not in the user's list or has no such thread,
	// the peer has sent no receipt, or nobody can have read the message.
	ErrNotFound = events.ErrNotFound

	// ErrNotApplied: the command waited for was not applied (or emitted) in
	// time. It is stored and will be.
	ErrNotApplied = events.ErrNotApplied

	// ErrUnavailable: no reddot answered, it can't answer now, or none takes
	// queries since none knows the newest state. Asking again is safe. So is a
	// question about group receipts while the policy has them off.
	ErrUnavailable = events.ErrUnavailable

	// ErrForbidden: the policy does not let this user ask.
	ErrForbidden = events.ErrForbidden

	// ErrRateLimited: the user asks for more commands a second than one may, or
	// has more requests waiting. Ask again a little later.
	ErrRateLimited = events.ErrRateLimited

	// ErrRefused: the command is stored and changes nothing, since it breaks a
	// rule (rule stranger). See [RefusedError].
	ErrRefused = errors.New("refused")

	// ErrUncertain: the command was sent and not acknowledged, so it may or may
	// not be stored. See [CommandError].
	ErrUncertain = errors.New("the command may or may not be stored")

	// ErrClosed: the client or the publisher was closed.
	ErrClosed = errors.New("closed")
)

// QueryError is a request that reddot answered with an error. It is ErrForbidden
// (403), ErrNotFound (404), ErrNotApplied (408), ErrRateLimited (429) or
// ErrUnavailable (503) for errors.Is; what is left is 400: the request breaks a
// rule, which Message names.
type QueryError struct {
	Query   string // as in "conversation"; of a command its verb, as in "user.read"
	User    string // whom it is about; empty for the status
	Code    events.Code
	Word    string // the code's, as in "bad_request"
	Message string // reddot's own words; may change
}

func (e *QueryError) Error() string {
	return fmt.Sprintf("%s: %s (%d)", asking(e.Query, e.User), e.Message, e.Code)
}

// Is makes the code match.
func (e *QueryError) Is(target error) bool { return target == e.Code }

// AbsentError is a request that nobody took. It is ErrUnavailable for errors.Is.
type AbsentError struct {
	Prefix string
	Served bool   // a reddot is there, or may be, and takes no queries now
	Why    string // in its own words; empty: it did not say
}

func (e *AbsentError) Error() string {
	switch {
	case !e.Served:
		return fmt.Sprintf(`%v: none serves the prefix %s; start one with "reddot serve"`, ErrUnavailable, e.Prefix)
	case e.Why == "":
		return fmt.Sprintf("%v: under the prefix %s none takes queries now", ErrUnavailable, e.Prefix)
	}
	return fmt.Sprintf("%v: it takes no queries now: %s", ErrUnavailable, e.Why)
}

// Is makes ErrUnavailable match.
func (e *AbsentError) Is(target error) bool { return target == ErrUnavailable }

// asking says what a query is about, for errors.
func asking(query, user string) string {
	if user == "" {
		return "ask for the " + query
	}
	return fmt.Sprintf("ask for the %s of %q", query, user)
}

// CommandError is a command that is not known to be stored.
//
// Uncertain distinguishes the two cases. Without it the command is not stored:
// mend what Err says and send it again. With it the acknowledgement is
// missing, because the connection broke or the time ran out; it may be stored
// now, later, or never. Then send it again if that does no harm:
//
//   - messages, revokes, edits, joins, leaves, mutes, levels, labels, filters,
//     blocks, follows: the second copy changes nothing (rule once for messages),
//     unless something that undoes the first came between; nor does that of a purge
//     or an import (rule import-once);
//   - reads with [Upto] or [UptoTime]: a read never moves backward;
//   - deletes with [Upto] or [UptoTime] and clears with [Before]; without, they take
//     what came between too;
//   - reads without a position read up to the moment they are stored, so a
//     second one also reads what came between. Name a position instead;
//   - any command of a user's that has a [Key], within two minutes.
//
// It is ErrUncertain for errors.Is if Uncertain is set.
type CommandError struct {
	Verb      events.Verb
	Inbox     string // the user or group; empty for a policy
	Uncertain bool
	Err       error
}

func (e *CommandError) Error() string {
	of := ""
	if e.Inbox != "" {
		of = fmt.Sprintf(" of %q", e.Inbox)
	}
	fate := "is not stored"
	if e.Uncertain {
		fate = "may or may not be stored"
	}
	return fmt.Sprintf("command %s%s %s: %v", e.Verb, of, fate, e.Err)
}

// Unwrap returns the cause.
func (e *CommandError) Unwrap() error { return e.Err }

// Is makes ErrUncertain match.
func (e *CommandError) Is(target error) bool { return target == ErrUncertain && e.Uncertain }

// RefusedError is a user's command that is stored and changes nothing. It is
// ErrRefused for errors.Is.
type RefusedError struct {
	Verb   events.Verb
	User   string
	Seq    events.Seq
	Reason string // reddot's own words, as reported on <prefix>.rejected
}

func (e *RefusedError) Error() string {
	return fmt.Sprintf("command %s of %q is refused: %s (seq %d)", e.Verb, e.User, e.Reason, e.Seq)
}

// Is makes ErrRefused match.
func (e *RefusedError) Is(target error) bool { return target == ErrRefused }

// PublishError is where a [Publisher] stopped.
//
// Commands before number Index (from 0, in the order of Add) are stored, the
// last of them at seq Stored. Command Index is the first that is not known to
// be; its fate stands in the [CommandError] that this wraps. Of the Pending
// commands sent after it some may be stored too, see [Publisher].
type PublishError struct {
	Index   uint64
	Label   int        // of command Index
	Stored  events.Seq // 0 if none is
	Pending int
	Err     *CommandError
}

func (e *PublishError) Error() string {
	if e.Index == 0 {
		return fmt.Sprintf("publish the first command: %v", e.Err)
	}
	return fmt.Sprintf("publish after %d commands, stored up to seq %d: %v", e.Index, e.Stored, e.Err)
}

// Unwrap returns the command's own error.
func (e *PublishError) Unwrap() error { return e.Err }

// PanicError is what a listener's Error callback gets when another of its callbacks
// panicked. What that was called with counts as reported.
type PanicError struct {
	Callback string // the field of Listener
	Value    any    // what was given to panic
	Stack    []byte
}

func (e *PanicError) Error() string {
	return fmt.Sprintf("callback %s panicked: %v", e.Callback, e.Value)
}
