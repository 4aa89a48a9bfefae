package store

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"

	"reddot/events"
	"reddot/projector/fold"
)

// What stands in a row, for people: see Check and Diff.

// nameRow says in words what the row with a key is about.
func nameRow(key []byte) string {
	if len(key) == 0 {
		return "row without a key"
	}
	rest := key[1:]
	switch key[0] {
	case famUser:
		return "version of " + shown(rest)
	case famConversation:
		if k, ok := conversationKey(string(key)); ok {
			return nameConversation(k)
		}
		return fmt.Sprintf("unknown row %q", key)
	case famGroup:
		return "log of " + nameGroup(rest)
	case famMember:
		group, user, _ := bytes.Cut(rest, []byte{0})
		return "membership of " + shown(user) + " in " + nameGroup(group)
	case famWaiter:
		group, rest, _ := bytes.Cut(rest, []byte{0})
		id, user, _ := bytes.Cut(rest, []byte{0})
		return "early read of " + shown(user) + " up to " + shown(id) + " in " + nameGroup(group)
	case famOutbox:
		seq, _ := readUint(rest)
		return fmt.Sprintf("outbox of seq %d", seq)
	case famSweep:
		if seq, ok := readUint(rest); ok {
			return fmt.Sprintf("what seq %d has left to be swept", seq)
		}
	case famProgress:
		return "progress of what is being swept"
	case famMeta:
		return nameMeta(key)
	}
	return nameOwned(key)
}

func nameMeta(key []byte) string {
	switch {
	case bytes.Equal(key, keyIdentity):
		return "stream of the store"
	case bytes.Equal(key, keyPosition):
		return "position"
	case bytes.Equal(key, keyEmitted):
		return "emitted position"
	}
	return fmt.Sprintf("unknown row %q", key)
}

// nameOwned names a row of a log, or of one of its sets.
func nameOwned(key []byte) string {
	owner, rest, ok := cutOwner(key[1:])
	if ok {
		log := nameConversation(owner)
		switch key[0] {
		case famIndex:
			return "message id " + shown(rest) + " of the " + log
		case famPage:
			no, _ := readUint(rest)
			return fmt.Sprintf("page %d of the %s", no, log)
		case famBlock:
			no, _ := readUint(rest)
			return fmt.Sprintf("time block %d of the %s", no, log)
		case famBucket:
			if kind, no, ok := cutSet(rest); ok {
				return fmt.Sprintf("bucket %d of the %s of the %s", no, kind, log)
			}
		case famDirectory:
			if kind, _, ok := cutSet(rest); ok {
				return "buckets of the " + kind + " of the " + log
			}
		}
	}
	return fmt.Sprintf("unknown row %q", key)
}

// nameConversation names a conversation, or with an empty user a group's log.
func nameConversation(k fold.Key) string {
	id := shown([]byte(k.ConversationID.String()))
	switch {
	case k.User == "":
		return "log of " + id
	case k.Kind == events.Group:
		return "conversation of " + shown([]byte(k.User)) + " in " + id
	}
	user, era := cutEra(k.User)
	of := shown([]byte(user))
	if era > 0 {
		of += fmt.Sprintf(" (since seq %d)", era)
	}
	return "conversation of " + of + " with " + id
}

func nameGroup(group []byte) string { return shown([]byte("group_" + string(group))) }

// shown quotes an id unless it reads as one word as it is.
func shown(id []byte) string {
	q := strconv.Quote(string(id))
	if q[1:len(q)-1] == string(id) && len(id) > 0 && !strings.ContainsAny(q, " ,:=") {
		return string(id)
	}
	return q
}

// cutOwner reads the log, or the owner of a set, that a key begins with after
// its family. See appendOwner.
func cutOwner(b []byte) (owner fold.Key, rest []byte, ok bool) {
	if len(b) == 0 {
		return owner, nil, false
	}
	kind := b[0]
	first, rest, ok := bytes.Cut(b[1:], []byte{0})
	if kind == 'g' {
		return fold.GroupKey(string(first)), rest, ok
	}
	id, rest, found := bytes.Cut(rest, []byte{0})
	owner = fold.Key{User: string(first), ConversationID: events.ConversationID{Kind: events.C2C, ID: string(id)}}
	if kind == 'm' {
		owner.Kind = events.Group
	}
	return owner, rest, ok && found
}

// cutSet reads the kind of a set and the number of a bucket of it.
func cutSet(b []byte) (kind string, no uint64, ok bool) {
	if len(b) == 0 {
		return "", 0, false
	}
	no, _ = readUint(b[1:])
	switch fold.SetKind(b[0]) {
	case fold.SetRevoked:
		return "revoked messages", no, true
	case fold.SetAll:
		return "messages to all", no, true
	case fold.SetOwn:
		return "own messages", no, true
	case fold.SetNamed:
		return "mentions", no, true
	case fold.SetOwnAll:
		return "own messages to all", no, true
	}
	return "", 0, false
}

// decodeRow reads a row; a page as its messages.
func decodeRow(key, value []byte) (row any, err error) {
	if len(key) == 0 {
		return nil, errCorrupt
	}
	switch key[0] {
	case famUser:
		return decodeAs(userRows, key, value)
	case famConversation:
		return decodeTailed(conversationRows, key, value, func(c *fold.Conversation) *fold.Log { return &c.Log })
	case famGroup:
		return decodeTailed(groupRows, key, value, func(l *fold.Log) *fold.Log { return l })
	case famMember:
		return decodeAs(memberRows, key, value)
	case famIndex:
		return decodeAs(indexRows, key, value)
	case famPage:
		return decodeMessages(key, value)
	case famBlock:
		return decodeAs(blockRows, key, value)
	case famBucket:
		return decodeAs(bucketRows, key, value)
	case famDirectory:
		return decodeAs(directoryRows, key, value)
	case famWaiter:
		return decodeAs(waiterRows, key, value)
	case famSweep:
		return decodeAs(sweepRows, key, value)
	case famProgress:
		return decodeAs(progressRows, key, value)
	case famOutbox:
		return decodeOut(0, value)
	case famMeta:
		return decodeMeta(key, value)
	}
	return nil, errCorrupt
}

func decodeAs[R any](c codec[R], key, value []byte) (any, error) {
	row, err := c.decode(string(key), string(value))
	if err != nil {
		return nil, err
	}
	return *row, nil
}

// tailed is a row with a log, and the messages that are stored in it.
type tailed struct {
	row      any
	first    fold.Pos
	messages []fold.Message
}

func decodeTailed[R any](c codec[R], key, value []byte, logOf func(*R) *fold.Log) (any, error) {
	row, err := c.decode(string(key), string(value))
	if err != nil {
		return nil, err
	}
	l := logOf(row)
	t := tailed{first: firstOf(pageNo(max(l.Head.Pos, 1)))}
	if l.Tail != "" {
		t.messages, err = tailOf(l).messages(logOfRow(key), t.first)
	}
	l.Tail = ""
	t.row = *row
	return t, err
}

// logOfRow is the key of the log that a row of a conversation or a group holds.
func logOfRow(key []byte) fold.Key {
	if key[0] == famConversation {
		k, _ := conversationKey(string(key)) // it was decoded
		return k
	}
	return fold.GroupKey(string(key[1:]))
}

func decodeMeta(key, value []byte) (any, error) {
	switch {
	case bytes.Equal(key, keyIdentity):
		return decodeIdentity(value)
	case bytes.Equal(key, keyPosition):
		return decodePosition(value)
	case bytes.Equal(key, keyEmitted):
		return decodeNumber[events.Seq]("", string(value))
	}
	return nil, errCorrupt
}

// decodeMessages reads all messages of a page.
func decodeMessages(key, value []byte) ([]fold.Message, error) {
	log, rest, ok := cutOwner(key[1:])
	no, numbered := readUint(rest)
	if !ok || !numbered {
		return nil, errCorrupt
	}
	log.User, _ = cutEra(log.User)
	p, err := decodePage(string(key), string(value))
	if err != nil {
		return nil, err
	}
	return p.messages(log, firstOf(no))
}

// firstOf is the position of a page's first message.
func firstOf(page uint64) fold.Pos { return fold.Pos(page*fold.PageSize) + 1 }
