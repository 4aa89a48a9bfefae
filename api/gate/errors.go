package gate

import (
	"errors"

	"reddot/events"
)

// What a request fails with, for errors.Is, beside an *events.Invalid: a request
// that breaks a rule of its form.
var (
	// ErrRateLimited: the user asks for more commands than one may.
	ErrRateLimited = errors.New("rate limited")

	// ErrUnavailable: the command is not stored, or not known to be.
	ErrUnavailable = errors.New("unavailable")

	// ErrNotApplied: the command is stored, and what was waited for did not
	// happen in time.
	ErrNotApplied = errors.New("not applied")

	// ErrRefused: the command is stored, and the fold refused it.
	ErrRefused = errors.New("refused")
)

// Error is why a request was not done, in words for who asked.
type Error struct {
	Kind    error      // one of the sentinels
	Message string     // what happened and what to do
	Seq     events.Seq // of the command, if it is stored nevertheless

	// Uncertain: the command was sent, and may be stored or not.
	Uncertain bool

	Cause error // for the log; nil if the asker alone is to blame
}

func (e *Error) Error() string { return e.Message }

// Is makes the sentinels match.
func (e *Error) Is(target error) bool { return target == e.Kind }

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Cause }

func unavailable(cause error, message string) error {
	return &Error{Kind: ErrUnavailable, Message: message, Cause: cause}
}
