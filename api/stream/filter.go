package stream

import (
	"slices"
	"strings"

	"reddot/events"
)

// Types are the types of stored events, as the ends of their subjects name them.
func Types() []string { return []string{typeChange, typeReceipt, typeGroupReceipt, typeRejected} }

const (
	typeChange       = "change"
	typeReceipt      = "receipt"
	typeGroupReceipt = "group-receipt"
	typeRejected     = "rejected"
)

// Filter says which stored events are told. The zero value: all.
type Filter struct {
	Types  []string // nil: all
	Prefix string   // of users; of refused commands, those of one of these users
}

// tell returns an event's type, and its data as event.rest has it; nil: it is not told. An event of a
// type that is not known, or that can't be read, is told to nobody.
func (f *Filter) tell(e *Entry, s events.Subjects) (name string, rest []byte) {
	token, name, ok := parseSubject(e.Subject)
	if !ok || f.Types != nil && !slices.Contains(f.Types, name) {
		return "", nil
	}
	event, user := newEvent(name)
	if event == nil {
		return "", nil
	}
	var of string
	if user != nil {
		var err error
		if of, err = events.UnescapeToken(token); err != nil || !strings.HasPrefix(of, f.Prefix) {
			return "", nil
		}
	}
	if events.Unmarshal(e.Type, e.Data, event) != nil {
		return "", nil
	}
	switch r, refused := event.(*events.Rejected); {
	case refused && !f.concerns(r, s):
		return "", nil
	case !refused && *user != of:
		return "", nil
	}
	rest, err := restOf(event)
	if err != nil {
		return "", nil
	}
	return name, rest
}

// concerns reports whether a refused command is one of the users'.
func (f *Filter) concerns(r *events.Rejected, s events.Subjects) bool {
	if f.Prefix == "" {
		return true
	}
	t, err := s.ParseCommand(r.Subject)
	return err == nil && t.Verb.Inbox() == "user" && strings.HasPrefix(t.Inbox, f.Prefix)
}

// parseSubject reads the end of an event's subject: the user's token, if it has one, and
// the type.
func parseSubject(subject string) (token, name string, ok bool) {
	if subject == typeRejected {
		return "", typeRejected, true
	}
	rest, ok := strings.CutPrefix(subject, "evt.")
	if !ok {
		return "", "", false
	}
	return strings.Cut(rest, ".")
}

// newEvent is an event of a type, and where its user is, if it has one; nil: there is no
// such type.
func newEvent(name string) (event any, user *string) {
	switch name {
	case typeChange:
		e := new(events.Change)
		return e, &e.User
	case typeReceipt:
		e := new(events.Receipt)
		return e, &e.User
	case typeGroupReceipt:
		e := new(events.GroupReceipts)
		return e, &e.User
	case typeRejected:
		return new(events.Rejected), nil
	}
	return nil, nil
}
