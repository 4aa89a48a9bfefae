package api

import (
	"fmt"
	"strings"

	"reddot/events"
)

// The beginnings of reply subjects that are answered whoever asks: inboxes of
// NATS clients, and what a server puts in their place between accounts.
const (
	clientInbox  = "_INBOX"
	accountReply = "_R_."
)

// replyRule says which requests are answered. NATS checks no permission on a
// reply subject: the answer to a request is published there with the rights of
// who answers. So whoever may ask could have reddot publish a command, or an
// event of another user; but for inboxes.
type replyRule struct {
	prefixes []string
	inboxes  string // what the inboxes of users begin with
	own      string // what this connection's inboxes begin with; empty: unknown
}

// newReplyRule returns the rule, with more prefixes that the operator trusts.
// own is the inbox prefix of the service's connection: what is published there
// is taken for an answer to reddot.
func newReplyRule(subjects events.Subjects, more []string, own string) (replyRule, error) {
	r := replyRule{prefixes: []string{clientInbox, accountReply}, inboxes: subjects.Inboxes()}
	for _, p := range more {
		if err := CheckReplyPrefix(subjects, p); err != nil {
			return r, err
		}
		r.prefixes = append(r.prefixes, p)
	}
	if own != clientInbox && own != "" {
		r.own = own + "."
	}
	return r, nil
}

// CheckReplyPrefix reports why reply subjects that begin with prefix must not be
// answered: they could be a command's, an event's or a server's.
func CheckReplyPrefix(subjects events.Subjects, prefix string) error {
	if !plainSubject(strings.TrimSuffix(prefix, ".")) {
		return fmt.Errorf("reply prefix %q: want the beginning of a subject, without wildcards and spaces", prefix)
	}
	name := subjects.Prefix()
	for _, taken := range []string{name + ".", name + "-out.", "$", "_GR_."} {
		inbox := strings.HasPrefix(prefix, subjects.Inboxes())
		if !inbox && (strings.HasPrefix(prefix, taken) || strings.HasPrefix(taken, prefix)) {
			return fmt.Errorf("reply prefix %q: an answer could be sent to a subject that begins with %q, which is not for answers; choose another", prefix, taken)
		}
	}
	return nil
}

// allows reports whether a request with a reply subject is answered. user is the
// user asked about, as written in the request's subject; empty: none.
func (r replyRule) allows(reply, user string) bool {
	if !plainSubject(reply) || r.own != "" && strings.HasPrefix(reply, r.own) {
		return false
	}
	for _, p := range r.prefixes {
		if strings.HasPrefix(reply, p) {
			return true
		}
	}
	owner, ok := strings.CutPrefix(reply, r.inboxes)
	return ok && (strings.HasPrefix(owner, "key.") || user != "" && strings.HasPrefix(owner, user+"."))
}

// isUser reports whether a reply subject is in the inbox of the user asked about: who asks
// is that user then, as nobody else hears the answer.
func (r replyRule) isUser(reply, user string) bool {
	return user != "" && user != "key" && strings.HasPrefix(reply, r.inboxes+user+".")
}

// plainSubject reports whether s is a subject to publish to: tokens without
// wildcards, none of them empty.
func plainSubject(s string) bool {
	empty := true // the token so far
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '.':
			if empty {
				return false
			}
			empty = true
		case c <= ' ', c == 0x7f, c == '*', c == '>':
			return false
		default:
			empty = false
		}
	}
	return !empty
}
