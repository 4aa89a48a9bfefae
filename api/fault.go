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

// The words of error replies, as the Nats-Service-Error header carries them.
const (
	WordBadRequest  = "bad_request"  // 400: the request breaks a rule of its form
	WordForbidden   = "forbidden"    // 403: the policy does not let this user ask
	WordNotFound    = "not_found"    // 404: no such conversation in the list, no such receipt
	WordNotApplied  = "not_applied"  // 408: after_seq was not reached within timeout_ms
	WordRateLimited = "rate_limited" // 429: more than one user may ask for, or have waiting
	WordUnavailable = "unavailable"  // 503: ask again, or ask another instance
)

// ErrorReply is the body of an error reply, in the encoding the request asked
// for. The same word stands in the header Nats-Service-Error, its code in
// Nats-Service-Error-Code.
type ErrorReply struct {
	Error   string     `json:"error" msgpack:"error"`                 // one of the words
	Message string     `json:"message" msgpack:"message"`             // what is wrong, for a person; may change
	Seq     events.Seq `json:"seq,omitempty" msgpack:"seq,omitempty"` // of the command asked for, where it is stored nevertheless

	// Uncertain: the command asked for was sent to the log, which has not
	// acknowledged it.
	Uncertain bool `json:"uncertain,omitempty" msgpack:"uncertain,omitempty"`
}

// maxMessage bounds a message in bytes, for it may quote the request.
const maxMessage = 400

// fault is an error reply to be sent.
type fault struct {
	code    string
	word    string
	message string
	seq     events.Seq
	unsure  bool  // see ErrorReply.Uncertain
	cause   error // logged, not told; nil if the asker alone is to blame
}

func (f *fault) Error() string { return f.word + ": " + f.message }

func (f *fault) Unwrap() error { return f.cause }

func badRequest(format string, args ...any) error {
	return &fault{code: "400", word: WordBadRequest, message: cut(fmt.Sprintf(format, args...))}
}

func notFound(format string, args ...any) error {
	return &fault{code: "404", word: WordNotFound, message: cut(fmt.Sprintf(format, args...))}
}

func notApplied(format string, args ...any) error {
	return &fault{code: "408", word: WordNotApplied, message: cut(fmt.Sprintf(format, args...))}
}

func rateLimited(format string, args ...any) error {
	return &fault{code: "429", word: WordRateLimited, message: cut(fmt.Sprintf(format, args...))}
}

func unavailable(cause error, message string) error {
	return &fault{code: "503", word: WordUnavailable, message: message, cause: cause}
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
	case errors.Is(err, events.ErrCursor):
		err = badRequest("%s", events.ErrCursor)
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
	f := &fault{code: "503", word: WordUnavailable, message: cut(e.Message), seq: e.Seq, unsure: e.Uncertain, cause: e.Cause}
	switch e.Kind {
	case gate.ErrRefused:
		f.code, f.word = "400", WordBadRequest
	case gate.ErrNotApplied:
		f.code, f.word = "408", WordNotApplied
	case gate.ErrRateLimited:
		f.code, f.word = "429", WordRateLimited
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
