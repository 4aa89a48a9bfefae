package api

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"reddot/events"
)

// maxMessage bounds a message in bytes, for it may quote the request.
const maxMessage = 400

func badRequest(format string, args ...any) error {
	return &events.Fault{Code: events.ErrBadRequest, Message: fmt.Sprintf(format, args...)}
}

func notFound(format string, args ...any) error {
	return &events.Fault{Code: events.ErrNotFound, Message: fmt.Sprintf(format, args...)}
}

func notApplied(format string, args ...any) error {
	return &events.Fault{Code: events.ErrNotApplied, Message: fmt.Sprintf(format, args...)}
}

func rateLimited(format string, args ...any) error {
	return &events.Fault{Code: events.ErrRateLimited, Message: fmt.Sprintf(format, args...)}
}

func unavailable(cause error, message string) error {
	return &events.Fault{Code: events.ErrUnavailable, Message: message, Cause: cause}
}

// faultOf returns the error reply for any error of a source or of the gate. The
// cause of a 503 is for the log: it may name files and servers that are no asker's
// business.
func faultOf(err error) *events.Fault {
	var f events.Fault
	if fault, ok := errors.AsType[*events.Fault](err); ok {
		f = *fault
	} else if broken, ok := errors.AsType[*events.Invalid](err); ok {
		f = events.Fault{Code: events.ErrBadRequest, Message: broken.Reason}
	} else if errors.Is(err, events.ErrNotFound) {
		f = events.Fault{Code: events.ErrNotFound, Message: events.ErrNotFound.Error()}
	} else if errors.Is(err, context.DeadlineExceeded) {
		f = events.Fault{Code: events.ErrUnavailable, Message: "the answer took too long; ask again", Cause: err}
	} else {
		f = events.Fault{Code: events.ErrUnavailable, Message: "the projection can't answer now; ask again", Cause: err}
	}
	f.Message = shortened(f.Message)
	return &f
}

// shortened is a message of at most maxMessage bytes of UTF-8, and a mark where
// it was longer.
func shortened(s string) string {
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
