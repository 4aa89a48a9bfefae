package rest

import (
	"errors"
	"strconv"
	"strings"

	"reddot/events"
)

// pointed says of a query's body where it breaks a rule of form.
func pointed(err error, x *Exchange) error {
	p := problemOf(err)
	if p.Code == BadRequest && len(x.Body) > 0 && p.Errors == nil {
		p.Errors = []Detail{{pointer("", p.Detail), p.Detail}}
	}
	return p
}

// pointer is where in an object a rule of form is broken, as far as the reason names a
// field: reasons begin with one.
func pointer(at, reason string) string {
	if rest, ok := strings.CutPrefix(reason, "unknown field "); ok {
		if name, err := strconv.Unquote(strings.TrimSuffix(rest, "...")); err == nil {
			return at + "/" + escaped(name)
		}
		return at
	}
	end := strings.IndexFunc(reason, func(c rune) bool { return !(c >= 'a' && c <= 'z' || c == '_') })
	if end <= 0 {
		return at
	}
	name, rest := reason[:end], reason[end:]
	if index, after, ok := strings.Cut(strings.TrimPrefix(rest, "["), "]"); ok && strings.HasPrefix(rest, "[") {
		if _, err := strconv.Atoi(index); err == nil {
			return at + "/" + name + "/" + index + pointer("", strings.TrimPrefix(after, "."))
		}
	}
	for _, word := range []string{" is ", " has ", " holds ", ":", " nests "} {
		if strings.HasPrefix(rest, word) && !wholes[name] {
			return at + "/" + name
		}
	}
	return at
}

// wholes are words that reasons begin with and that are no fields.
var wholes = map[string]bool{"payload": true, "request": true, "subject": true, "unknown": true, "a": true, "the": true, "no": true}

// escaped is a name as a part of a pointer.
func escaped(name string) string {
	return strings.NewReplacer("~", "~0", "/", "~1").Replace(name)
}

// reasonOf is the reason of an error of form.
func reasonOf(err error) (reason string, ok bool) {
	if broken, is := errors.AsType[*events.Invalid](err); is {
		return broken.Reason, true
	}
	return "", false
}
