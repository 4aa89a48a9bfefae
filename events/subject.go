package events

import (
	"errors"
	"fmt"
	"strings"
)

// DefaultPrefix is the first token of every subject unless configured.
const DefaultPrefix = "unread"

// Subjects names the subjects and streams under one prefix. The zero value is
// not ready for use; see NewSubjects.
type Subjects struct{ prefix string }

// NewSubjects returns the subjects under a prefix: one token of letters,
// digits, '-' and '_'.
func NewSubjects(prefix string) (Subjects, error) {
	if prefix == "" {
		return Subjects{}, errors.New("prefix is empty")
	}
	// Requests are answered at inboxes: a subject of ours must never look like one.
	if strings.HasPrefix(prefix, "_INBOX") || prefix == "_R_" {
		return Subjects{}, fmt.Errorf("prefix %q: begins like an inbox; choose another", prefix)
	}
	for _, c := range prefix {
		if !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '_') {
			return Subjects{}, fmt.Errorf("prefix %q: use letters, digits, - and _ only", prefix)
		}
	}
	return Subjects{prefix}, nil
}

// Prefix returns the prefix.
func (s Subjects) Prefix() string { return s.prefix }

// CommandStream is the name of the stream that holds the commands.
func (s Subjects) CommandStream() string { return strings.ToUpper(s.prefix) + "_COMMANDS" }

// EventStream is the name of the stream that holds the derived events.
func (s Subjects) EventStream() string { return strings.ToUpper(s.prefix) + "_EVENTS" }

// Commands matches every command: the command stream's subject.
func (s Subjects) Commands() string { return s.prefix + ".cmd.>" }

// Change is where a user's change events are heard.
func (s Subjects) Change(user string) string {
	return s.prefix + ".evt." + EscapeToken(user) + ".change"
}

// Receipt is where a user's read receipts are heard.
func (s Subjects) Receipt(user string) string {
	return s.prefix + ".evt." + EscapeToken(user) + ".receipt"
}

// GroupReceipt is where a user hears who has read the user's messages in groups.
func (s Subjects) GroupReceipt(user string) string {
	return s.prefix + ".evt." + EscapeToken(user) + ".group-receipt"
}

// Events matches every event of a user.
func (s Subjects) Events(user string) string { return s.prefix + ".evt." + EscapeToken(user) + ".>" }

// Rejected is where refused commands are reported.
func (s Subjects) Rejected() string { return s.prefix + ".rejected" }

// StoredRejected matches the refused commands as they stand in the event stream.
func (s Subjects) StoredRejected() string { return s.prefix + "-out.*.rejected" }

// TypeOf is what a command's subject says of its type, as batches have it, be there such a
// type or not: "user.read", "policy". It is empty if the subject has not the form of one.
func TypeOf(subject string) string {
	const behind = 2 // the prefix, and that of all commands
	switch tokens := strings.Split(subject, "."); len(tokens) {
	case behind + 1:
		return tokens[behind]
	case behind + 3:
		return tokens[behind] + "." + tokens[behind+2]
	}
	return ""
}

// Query is the subject of one query about a user.
func (s Subjects) Query(user, query string) string {
	return s.prefix + ".api." + EscapeToken(user) + "." + query
}

// QueryPattern matches a query about any user.
func (s Subjects) QueryPattern(query string) string { return s.prefix + ".api.*." + query }

// Status is the subject of the status query.
func (s Subjects) Status() string { return s.prefix + ".api.status" }

// Rebuild is the subject that asks for a rebuild of the store.
func (s Subjects) Rebuild() string { return s.prefix + ".api.rebuild" }

// Hold is the subject that asks for change events to be held back.
func (s Subjects) Hold() string { return s.prefix + ".api.hold" }

// Snapshot is the subject that asks for a snapshot of the store.
func (s Subjects) Snapshot() string { return s.prefix + ".api.snapshot" }

// Peer is where a reddot reports to the others how far it is.
func (s Subjects) Peer(id string) string { return s.prefix + "-peer." + id }

// Peers matches what every reddot reports there.
func (s Subjects) Peers() string { return s.Peer("*") }

// QueryUser reads the user out of a query's subject.
func (s Subjects) QueryUser(subject string) (string, error) {
	rest, ok := strings.CutPrefix(subject, s.prefix+".api.")
	if !ok {
		return "", invalid("subject is not a query's")
	}
	token, _, ok := strings.Cut(rest, ".")
	if !ok {
		return "", invalid("subject names no user")
	}
	user, err := UnescapeToken(token)
	if err != nil {
		return "", err
	}
	return user, CheckID("user", user)
}

// Do is the subject where a user asks for a command of their own, by the
// command's verb without its inbox, as in "read-all".
func (s Subjects) Do(user, verb string) string {
	return s.prefix + ".do." + EscapeToken(user) + "." + verb
}

// DoPattern matches any user's request for a command.
func (s Subjects) DoPattern() string { return s.prefix + ".do.*.*" }

// ParseDo reads the user and the verb out of the subject of a request for a
// command.
func (s Subjects) ParseDo(subject string) (user, verb string, err error) {
	rest, ok := strings.CutPrefix(subject, s.prefix+".do.")
	if !ok {
		return "", "", invalid("subject is not a request's for a command")
	}
	token, verb, ok := strings.Cut(rest, ".")
	if !ok {
		return "", "", invalid("subject names no user")
	}
	if user, err = UnescapeToken(token); err != nil {
		return "", "", err
	}
	return user, verb, CheckID("user", user)
}

// Inbox is the inbox prefix of a user's connections: only that user may
// subscribe below it, and only answers about that user are sent there.
func (s Subjects) Inbox(user string) string { return s.Inboxes() + EscapeToken(user) }

// Inboxes is what the inboxes of users begin with, and of keys.
func (s Subjects) Inboxes() string { return s.prefix + ".inbox." }

// Target is what a command's subject says: what is done, and to whose inbox.
type Target struct {
	Verb  Verb
	Inbox string
}

// Command is the subject of a command: the inverse of ParseCommand.
func (s Subjects) Command(t Target) string {
	inbox, verb, ok := strings.Cut(t.Verb.String(), ".")
	if !ok {
		return s.prefix + ".cmd." + inbox
	}
	return s.prefix + ".cmd." + inbox + "." + EscapeToken(t.Inbox) + "." + verb
}

// ParseCommand reads a command's subject. Its errors are *Invalid.
func (s Subjects) ParseCommand(subject string) (Target, error) {
	if len(subject) <= len(s.prefix)+5 || subject[:len(s.prefix)] != s.prefix || subject[len(s.prefix):len(s.prefix)+5] != ".cmd." {
		return Target{}, invalid("subject is not a command's")
	}
	rest := subject[len(s.prefix)+5:]
	switch rest {
	case "policy":
		return Target{Verb: PolicySet}, nil
	case "clock":
		return Target{Verb: ClockSet}, nil
	}
	inbox, rest, ok := strings.Cut(rest, ".")
	if !ok {
		return Target{}, invalid("subject has too few tokens")
	}
	if inbox == "policy" || inbox == "clock" {
		return Target{}, invalid("subject has too many tokens")
	}
	token, verb, ok := strings.Cut(rest, ".")
	if !ok {
		return Target{}, invalid("subject has too few tokens")
	}
	if strings.IndexByte(verb, '.') >= 0 {
		return Target{}, invalid("subject has too many tokens")
	}
	v := parseVerb(inbox, verb)
	if v == NoVerb {
		return Target{}, invalid("unknown verb")
	}
	id, err := UnescapeToken(token)
	if err != nil {
		return Target{}, err
	}
	if err := CheckID(inbox, id); err != nil {
		return Target{}, err
	}
	return Target{Verb: v, Inbox: id}, nil
}

// PrefixOf is the prefix of a command's subject under any prefix; "" if it is not
// one.
func PrefixOf(subject string) string {
	prefix, _, ok := strings.Cut(subject, ".cmd.")
	if _, err := NewSubjects(prefix); !ok || err != nil {
		return ""
	}
	return prefix
}

// adopt puts a command's subject under the own prefix; any other it leaves.
func (s Subjects) adopt(subject string) string {
	prefix := PrefixOf(subject)
	if prefix == "" || prefix == s.prefix {
		return subject
	}
	return s.prefix + subject[len(prefix):]
}

// parseVerb finds the verb of two tokens of a subject; NoVerb if there is none.
func parseVerb(inbox, verb string) Verb {
	for v := range forms {
		if name := forms[v].name; len(name) == len(inbox)+1+len(verb) &&
			name[len(inbox)] == '.' && name[len(inbox)+1:] == verb && name[:len(inbox)] == inbox {
			return Verb(v)
		}
	}
	return NoVerb
}
