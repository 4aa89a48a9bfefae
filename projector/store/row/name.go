package row

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"

	"reddot/events"
	"reddot/projector/fold"
)

// What a row is about, in words, from its key: "" if no row has such a key.

// NameUser names the row of a user's account.
func NameUser(key []byte) string { return "account of " + Quote(key[1:]) }

// NameConversation names the row of a conversation.
func NameConversation(key []byte) string {
	k, ok := ParseConversation(string(key))
	if !ok {
		return ""
	}
	return NameOf(k)
}

// NameGroup names the row of a group's log.
func NameGroup(key []byte) string { return "log of " + nameGroupID(key[1:]) }

// NameMember names the row of a membership.
func NameMember(key []byte) string {
	group, user, _ := bytes.Cut(key[1:], []byte{0})
	return "membership of " + Quote(user) + " in " + nameGroupID(group)
}

// NameSender names the row of one who has written in a group.
func NameSender(key []byte) string {
	user, group, _ := bytes.Cut(key[1:], []byte{0})
	return "messages of " + Quote(user) + " in " + nameGroupID(group)
}

// NamePiece names the row of a member's receipts for a timeline.
func NamePiece(key []byte) string {
	group, rest, _ := bytes.Cut(key[1:], []byte{0})
	user, timeline, ok := bytes.Cut(rest, []byte{0})
	if !ok {
		return ""
	}
	return "receipts of " + Quote(user) + " for the " + nameTimeline(string(timeline)) + " of " + nameGroupID(group)
}

func nameTimeline(timeline string) string {
	if timeline == "" {
		return "main timeline"
	}
	return "thread " + Quote([]byte(timeline))
}

// NameWanted names the row of a group's messages that ask for receipts.
func NameWanted(key []byte) string {
	return "messages of " + nameGroupID(key[1:]) + " that ask for receipts"
}

// NameCounts names a row of a tree.
func NameCounts(key []byte) string {
	k, level, no, ok := parseCounts(key)
	if !ok {
		return ""
	}
	what := "joins"
	switch k.Kind {
	case fold.TreePieces:
		what = "receipts"
	case fold.TreeApart:
		what = "receipts for the " + nameTimeline(k.Timeline)
	}
	since := ""
	if k.Era > 0 {
		since = fmt.Sprintf(" (since seq %d)", k.Era)
	}
	return fmt.Sprintf("counts %d.%d of the %s of %s%s", level, no, what, nameGroupID([]byte(k.Group)), since)
}

// NameImport names the row of an import.
func NameImport(key []byte) string {
	of, group, ok := bytes.Cut(key[1:], []byte{0})
	if !ok || of[0] != 'c' {
		return ""
	}
	user, era := CutEra(string(of[1:]))
	return "import of " + nameGroupID(group) + " by " + nameInbox(user, era)
}

// nameInbox names a user of an era.
func nameInbox(user string, era events.Seq) string {
	of := Quote([]byte(user))
	if era > 0 {
		of += fmt.Sprintf(" (since seq %d)", era)
	}
	return of
}

// NameThread names the row of a thread.
func NameThread(key []byte) string {
	log, thread, ok := cutOwner(key[1:])
	if !ok {
		return ""
	}
	return "thread " + Quote(thread) + " of the " + NameOf(log)
}

// NameOrder names the row of a thread's place in the order by activity.
func NameOrder(key []byte) string { return nameNumbered("thread since seq", key) }

// NameTimeline names the row of a user's timeline.
func NameTimeline(key []byte) string {
	k, era, thread, ok := ParseTimeline(string(key))
	if !ok {
		return ""
	}
	of := NameOf(k)
	if era > 0 {
		of += fmt.Sprintf(" since seq %d", era)
	}
	return nameTimeline(thread) + " in the " + of
}

// NameFollower names the row of a follower of a thread.
func NameFollower(key []byte) string {
	group, rest, _ := bytes.Cut(key[1:], []byte{0})
	thread, user, _ := bytes.Cut(rest, []byte{0})
	return "follower " + Quote(user) + " of thread " + Quote(thread) + " in " + nameGroupID(group)
}

// NamePendingRead names the row of a pending read.
func NamePendingRead(key []byte) string {
	group, rest, _ := bytes.Cut(key[1:], []byte{0})
	id, user, _ := bytes.Cut(rest, []byte{0})
	return "pending read of " + Quote(user) + " up to " + Quote(id) + " in " + nameGroupID(group)
}

// NameIndex names the row of a message id.
func NameIndex(key []byte) string {
	log, id, ok := cutOwner(key[1:])
	if !ok {
		return ""
	}
	return "message id " + Quote(id) + " of the " + NameOf(log)
}

// NamePage names the row of a page.
func NamePage(key []byte) string { return nameNumbered("page", key) }

// NameBlock names the row of a time block.
func NameBlock(key []byte) string { return nameNumbered("time block", key) }

func nameNumbered(what string, key []byte) string {
	log, rest, ok := cutOwner(key[1:])
	if !ok {
		return ""
	}
	no, _ := ReadUint(rest)
	return fmt.Sprintf("%s %d of the %s", what, no, NameOf(log))
}

// NameChunk names the row of a chunk of a set.
func NameChunk(key []byte) string {
	owner, rest, ok := cutOwner(key[1:])
	set, no, known := cutSet(rest)
	if !ok || !known {
		return ""
	}
	return fmt.Sprintf("chunk %d of the %s of the %s", no, set, NameOf(owner))
}

// NameDirectory names the row of a directory.
func NameDirectory(key []byte) string {
	owner, rest, ok := cutOwner(key[1:])
	set, _, known := cutSet(rest)
	if !ok || !known {
		return ""
	}
	return "chunks of the " + set + " of the " + NameOf(owner)
}

// NameSweep names the row of a sweep.
func NameSweep(key []byte) string {
	seq, ok := ReadUint(key[1:])
	if !ok {
		return ""
	}
	return fmt.Sprintf("what seq %d has left to be swept", seq)
}

// NameProgress names the row of the progress of the oldest sweep.
func NameProgress([]byte) string { return "progress of what is being swept" }

// NameDue names the row of a message that expires.
func NameDue(key []byte) string {
	d, ok := ParseDue(string(key))
	if !ok {
		return ""
	}
	d.Log.User = InEra(d.Log.User, d.Era)
	return fmt.Sprintf("expiry at %d of message %d of the %s", d.At, d.Pos, NameOf(d.Log))
}

// NameOutbox names the row of an entry of the outbox.
func NameOutbox(key []byte) string {
	seq, _ := ReadUint(key[1:])
	return fmt.Sprintf("outbox of seq %d", seq)
}

// NameOf names a conversation, or with an empty user a group's log.
func NameOf(k fold.Key) string {
	id := Quote([]byte(k.ConversationID.String()))
	switch {
	case k.User == "":
		return "log of " + id
	case k.Kind == events.Group:
		return "conversation of " + Quote([]byte(k.User)) + " in " + id
	}
	return "conversation of " + nameInbox(CutEra(k.User)) + " with " + id
}

func nameGroupID(group []byte) string { return Quote([]byte("group_" + string(group))) }

// Quote quotes an id unless it reads as one word as it is.
func Quote(id []byte) string {
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

// setNames are the sets in words.
var setNames = map[fold.SetKind]string{
	fold.SetRevoked: "revoked messages", fold.SetAll: "messages to all", fold.SetAllAp: "messages to all that count apart",
	fold.SetThreaded: "messages of threads", fold.SetApart: "messages that count apart",
	fold.SetIn: "messages", fold.SetAp: "messages that count apart",
	fold.SetOwn: "own messages", fold.SetOwnAp: "own messages that count apart",
	fold.SetGone: "recalled messages that had not counted", fold.SetRecalled: "recalled messages", fold.SetNamed: "mentions", fold.SetNamedAp: "mentions that count apart",
}

// cutSet reads the name of a set, and the number of a chunk of it.
func cutSet(b []byte) (name string, no uint64, ok bool) {
	if len(b) == 0 {
		return "", 0, false
	}
	kind, rest := fold.SetKind(b[0]), b[1:]
	name, ok = setNames[kind]
	if kind == fold.SetIn || kind == fold.SetAp {
		var thread []byte
		if thread, rest, ok = bytes.Cut(rest, []byte{0}); ok {
			name += " of thread " + Quote(thread)
		}
	}
	no, _ = ReadUint(rest)
	return name, no, ok
}
