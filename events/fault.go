package events

import (
	"strconv"
	"time"
)

// Code is why a request is answered with an error: the status that HTTP has for
// it, as an error that errors.Is finds in whatever wraps it.
type Code uint16

// The codes.
const (
	ErrBadRequest  Code = 400 // the request breaks a rule of its form
	ErrForbidden   Code = 403 // the policy does not let this user ask
	ErrNotFound    Code = 404 // no such conversation in the list, no such receipt
	ErrNotApplied  Code = 408 // the command waited for was not applied (or emitted) in time; it is stored and will be
	ErrRateLimited Code = 429 // more than one user may ask for, or have waiting; ask again a little later
	ErrUnavailable Code = 503 // asking again is safe, also of another instance
)

// codeTable has every code: the word on the wire, and the text of the error.
var codeTable = map[Code]struct{ word, text string }{
	ErrBadRequest:  {"bad_request", "bad request"},
	ErrForbidden:   {"forbidden", "forbidden"},
	ErrNotFound:    {"not_found", "not found"},
	ErrNotApplied:  {"not_applied", "not applied in time"},
	ErrRateLimited: {"rate_limited", "rate limited"},
	ErrUnavailable: {"unavailable", "reddot does not answer"},
}

// Word returns the code's word, as in "not_found"; empty if there is no such
// code.
func (c Code) Word() string { return codeTable[c].word }

// String returns the code's digits, as the header [HeaderErrorCode] carries them.
func (c Code) String() string { return strconv.Itoa(int(c)) }

// Error returns what the code says, in words.
func (c Code) Error() string {
	if text := codeTable[c].text; text != "" {
		return text
	}
	return "error " + c.String()
}

// ParseCode reads the value of the header [HeaderErrorCode]. A code that this
// release does not know is returned as it is; it has no word.
func ParseCode(s string) (Code, error) {
	n, err := strconv.ParseUint(s, 10, 16)
	if err != nil {
		return 0, err
	}
	return Code(n), nil
}

// Fault is why a request was not done, in words for who asked. For errors.Is it is
// its Code, and its Cause.
type Fault struct {
	Code    Code
	Message string // what happened and what to do
	Seq     Seq    // of the command asked for, where it is stored nevertheless

	// Uncertain is set where the command asked for was sent to the log, which has not
	// acknowledged it: it may be stored or not.
	Uncertain bool

	// RetryAfter is after how long asking again may be answered, where that is known.
	RetryAfter time.Duration

	Cause error // for the log, not for who asked; nil if they alone are to blame
}

// Error returns the code's word and the message.
func (f *Fault) Error() string { return f.Code.Word() + ": " + f.Message }

// Is makes the code match.
func (f *Fault) Is(target error) bool { return target == f.Code }

// Unwrap returns the cause.
func (f *Fault) Unwrap() error { return f.Cause }

// Refused reports whether the command asked for is stored and the fold refused it.
func (f *Fault) Refused() bool { return f.Code == ErrBadRequest && f.Seq > 0 }

// Reply returns the body of the error reply.
func (f *Fault) Reply() ErrorReply {
	return ErrorReply{Error: f.Code.Word(), Message: f.Message, Seq: f.Seq, Uncertain: f.Uncertain}
}

// ErrorReply is the body of an error reply, in the encoding the request asked
// for. Its code and its word stand in the headers too.
type ErrorReply struct {
	Error   string `json:"error" msgpack:"error"`                 // the code's word
	Message string `json:"message" msgpack:"message"`             // what is wrong, for a person; may change
	Seq     Seq    `json:"seq,omitempty" msgpack:"seq,omitempty"` // as in Fault

	Uncertain bool `json:"uncertain,omitempty" msgpack:"uncertain,omitempty"`
}
