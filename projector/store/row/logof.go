package row

import (
	"strings"

	"reddot/events"
	"reddot/projector/fold"
)

// LogOf is the name of the log that a row belongs to: a log's own row, one beside it, or
// what a user has written in a group. It is a part of the key.
func LogOf(key string) string {
	switch key[0] {
	case Groups:
		return key[1:]
	case Senders:
		return behind(key)
	}
	kind, owner := key[1], key[2:]
	first := strings.IndexByte(owner, 0)
	if first < 0 || kind == 'g' {
		return owner[:max(first, 0)]
	}
	id, _, _ := strings.Cut(owner[first+1:], "\x00")
	if kind == 'm' {
		return id
	}
	return owner[:first+1+len(id)]
}

// behind is what a key has behind its first id.
func behind(key string) string {
	_, rest, _ := strings.Cut(key, "\x00")
	return rest
}

// LogName is the name, as LogOf has it, of a conversation's log; of a C2C one, in an era
// of its user's inbox.
func LogName(k fold.Key, era events.Seq) string {
	if k.Kind == events.Group {
		return k.ID
	}
	return InEra(k.User, era) + "\x00" + k.ID
}
