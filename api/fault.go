package api

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"reddot/api/gate"
	"reddot/events"
)

// maxMessage bounds a message in bytes, for it may quote the request.
const maxMessage = 400

// fault is an error reply to be sent.
type fault struct {
	code    events.Code
	message string
	seq     events.Seq
	unsure  bool  // see events.ErrorReply
	cause   error // logged, not told; nil if the asker alone is to blame
}

func (f *fault) Error() string { return f.code.Word() + ": " + f.message }

func (f *fault) Unwrap() error { return f.cause }

func badRequest(format string, args ...any) error {
	return &fault{code: events.ErrBadRequest, message: cut(fmt.Sprintf(format, args...))}
}

func notFound(format string, args ...any) error {
	return &fault{code: events.ErrNotFound, message: cut(fmt.Sprintf(format, args...))}
}

func notApplied(format string, args ...any) error {
	return &fault{code: events.ErrNotApplied, message: cut(fmt.Sprintf(format, args...))}
}

func rateLimited(format string, args ...any) error {
	return &fault{code: events.ErrRateLimited, message: cut(fmt.Sprintf(format, args...))}
}

func unavailable(cause error, message string) error {
	return &fault{code: events.ErrUnavailable, message: message, cause: cause}
}

// faultOf turns any error of a source into the reply to send. The cause of a
// 503 is for the log: it may name files and servers that are no asker's
// business.
func faultOf(err error) *fault {
	var f *fault
	var broken *events.Invalid
	var undone *gate.Error
	switch {
	case errors.As(err, &f):
		return f
	case errors.As(err, &undone):
		return faultOfGate(undone)
	case errors.As(err, &broken):
		err = badRequest("%s", broken.Reason)
	case errors.Is(err, events.ErrNotFound):
		err = notFound("%s", events.ErrNotFound)
	case errors.Is(err, context.DeadlineExceeded):
		err = unavailable(err, "the answer took too long; ask again")
	default:
		err = unavailable(err, "the projection can't answer now; ask again")
	}
	errors.As(err, &f)
	return f
}

// faultOfGate is the reply to a request for a command that was not done.
func faultOfGate(e *gate.Error) *fault {
	f := &fault{code: events.ErrUnavailable, message: cut(e.Message), seq: e.Seq, unsure: e.Uncertain, cause: e.Cause}
	switch e.Kind {
	case gate.ErrRefused:
		f.code = events.ErrBadRequest
	case gate.ErrNotApplied:
		f.code = events.ErrNotApplied
	case gate.ErrRateLimited:
		f.code = events.ErrRateLimited
	}
	return f
}

// cut shortens a message to maxMessage bytes of UTF-8.
func cut(s string) string {
	s = strings.ToValidUTF8(s, "\uFFFD")
	if len(s) <= maxMessage {
		return s
	}
	n := maxMessage
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n] + "…"
}
