package natsconn

import (
	"regexp"
	"strings"
)

// userInfo is what stands before the host of a URL within a text.
var userInfo = regexp.MustCompile(`([a-zA-Z][a-zA-Z0-9+.-]*://)[^/\s"]*@`)

// Scrubbed is a text, of a library too, without what lets one in. Everything
// that is printed or logged goes through it.
func Scrubbed(text string) string {
	if !strings.Contains(text, "@") {
		return text
	}
	return userInfo.ReplaceAllStringFunc(text, func(found string) string {
		scheme, rest, _ := strings.Cut(found, "://")
		if user, _, ok := strings.Cut(strings.TrimSuffix(rest, "@"), ":"); ok && !strings.ContainsAny(user, ",@") {
			return scheme + "://" + user + ":" + Hidden + "@"
		}
		return scheme + "://" + Hidden + "@"
	})
}

// safeError is an error whose text is fit to be shown.
type safeError struct {
	err  error
	text string
}

func (e safeError) Error() string { return e.text }
func (e safeError) Unwrap() error { return e.err }

// Safe is an error of the NATS library without what lets one in.
func Safe(err error) error {
	if err == nil {
		return nil
	}
	return safeError{err, Scrubbed(err.Error())}
}
