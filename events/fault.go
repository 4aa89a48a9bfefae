package events

import "strconv"

// Code is why a request is answered with an error: the status that HTTP has for
// it, as an error that errors.Is finds in whatever wraps it.
type Code uint16

// The faults.
const (
	ErrBadRequest  Code = 400 // the request breaks a rule of its form
	ErrForbidden   Code = 403 // the policy does not let this user ask
	ErrNotFound    Code = 404 // no such conversation in the list, no such receipt
	ErrNotApplied  Code = 408 // the command waited for was not applied (or emitted) in time; it is stored and will be
	ErrRateLimited Code = 429 // more than one user may ask for, or have waiting; ask again a little later
	ErrUnavailable Code = 503 // asking again is safe, also of another instance
)

// faults are all the codes there are: the word on the wire, and the text of the error.
var faults = map[Code]struct{ word, text string }{
	ErrBadRequest:  {"bad_request", "bad request"},
	ErrForbidden:   {"forbidden", "forbidden"},
	ErrNotFound:    {"not_found", "not found"},
	ErrNotApplied:  {"not_applied", "not applied in time"},
	ErrRateLimited: {"rate_limited", "rate limited"},
	ErrUnavailable: {"unavailable", "reddot does not answer"},
}

// Word returns the code's word, as in "not_found"; empty if there is no such
// code.
func (c Code) Word() string { return faults[c].word }

// String returns the code's digits, as the header [HeaderErrorCode] carries them.
func (c Code) String() string { return strconv.Itoa(int(c)) }

// Error returns what the code says, in words.
func (c Code) Error() string {
	if text := faults[c].text; text != "" {
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

// ErrorReply is the body of an error reply, in the encoding the request asked
// for. Its code and its word stand in the headers too.
type ErrorReply struct {
	Error   string `json:"error" msgpack:"error"`                 // the code's word
	Message string `json:"message" msgpack:"message"`             // what is wrong, for a person; may change
	Seq     Seq    `json:"seq,omitempty" msgpack:"seq,omitempty"` // of the command asked for, where it is stored nevertheless

	// Uncertain: the command asked for was sent to the log, which has not
	// acknowledged it.
	Uncertain bool `json:"uncertain,omitempty" msgpack:"uncertain,omitempty"`
}
