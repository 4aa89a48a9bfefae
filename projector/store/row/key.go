package row

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"strconv"
	"strings"

	"reddot/events"
	"reddot/projector/fold"
)

// Key layout. The first byte is the family; ids hold no NUL, so 0x00 ends
// them; <n> is an integer written as its length and its big-endian bytes, so
// that keys sort as numbers do.
//
//	M i                                 the stream this store belongs to
//	M p                                 applied seq, digest, policy, counters
//	M e                                 emitted seq
//	u user                              account: version of a user who lost conversations, era, settings
//	c user 00 kind id                   conversation; a C2C one with its log and its unfinished page
//	g group                             log of a group, with its unfinished page
//	a user 00 group                     who has written in a group, a member or not
//	n group 00 user                     membership: the command that joined, receipts
//	q group 00 user 00 timeline         member's receipts for a thread, or with no name the main timeline
//	j group                             messages whose senders are notified of their readers
//	r group 00 <era> 00 tree [timeline 00] level <no>   counts of a tree; the era is the last dismissal
//	e c user 00 group                   the user has imported the group
//	h log 00 thread                     thread
//	k log 00 <seq>                      order of threads by activity
//	f user 00 kind id 00 thread         what a user has done in a timeline
//	o group 00 thread 00 user           follower of a thread
//	i log 00 message                    place of a message id, once its page is full; or what awaits it
//	p log 00 <page>                     fold.PageSize messages
//	t log 00 <block>                    least time of fold.BlockSize messages
//	s owner 00 set <chunk>              chunk of a set of ordinals
//	d owner 00 set                      directory of a set's chunks
//	w group 00 message 00 user          member with a pending read up to message
//	z <seq>                             what a command has left to be swept
//	y                                   how far the oldest of it is swept
//	v <time> log 00 <pos>               a message that expires
//	x <seq>                             outbox
//
// log is "c user 00 peer" or "g group". owner is a log, or "m user 00 group"
// for who is a member or has written in it. set is a letter, with "thread 00" behind it
// for the sets of a thread. So all rows of a user's own inbox begin, within each
// family, with the user's id. In C2C logs, timelines and imports, where it stands behind a
// "c", the id is followed by the era of the inbox, 0xff and the seq of the erasure, if
// there was one: no id has that byte.
const (
	Meta          = 'M'
	Users         = 'u'
	Conversations = 'c'
	Groups        = 'g'
	Members       = 'n'
	Senders       = 'a'
	Pieces        = 'q'
	Wanted        = 'j'
	Trees         = 'r'
	Imports       = 'e'
	Threads       = 'h'
	Orders        = 'k'
	Timelines     = 'f'
	Followers     = 'o'
	Indexes       = 'i'
	Pages         = 'p'
	Blocks        = 't'
	Chunks        = 's'
	Directories   = 'd'
	PendingReads  = 'w'
	Sweeps        = 'z'
	Progress      = 'y'
	Dues          = 'v'
	Outbox        = 'x'
)

// AppendUint writes a number so that keys sort as numbers do.
func AppendUint(b []byte, n uint64) []byte {
	var be [8]byte
	binary.BigEndian.PutUint64(be[:], n)
	i := 0
	for i < 8 && be[i] == 0 {
		i++
	}
	b = append(b, byte(8-i))
	return append(b, be[i:]...)
}

// ReadUint reads what AppendUint wrote.
func ReadUint(b []byte) (uint64, bool) {
	if len(b) == 0 || int(b[0]) != len(b)-1 || len(b) > 9 {
		return 0, false
	}
	n := uint64(0)
	for _, c := range b[1:] {
		n = n<<8 | uint64(c)
	}
	return n, true
}

func kindByte(k events.Kind) byte {
	switch k {
	case events.C2C:
		return 'c'
	case events.Group:
		return 'g'
	}
	panic(fmt.Sprintf("store: conversation of kind %d has no key", k))
}

func kindOf(b byte) (k events.Kind, ok bool) {
	switch b {
	case 'c':
		return events.C2C, true
	case 'g':
		return events.Group, true
	}
	return events.NoKind, false
}

func appendPair(b []byte, x, y string) []byte {
	b = append(b, x...)
	b = append(b, 0)
	return append(b, y...)
}

// AppendConversation writes the key of a conversation.
func AppendConversation(b []byte, k fold.Key) []byte {
	b = append(b, Conversations)
	b = append(b, k.User...)
	b = append(b, 0, kindByte(k.Kind))
	return append(b, k.ID...)
}

// ParseConversation reads the key of a conversation's row.
func ParseConversation(key string) (k fold.Key, ok bool) {
	user, id, found := strings.Cut(key[1:], "\x00")
	k.User = user
	if found && id != "" {
		k.Kind, ok = kindOf(id[0])
		k.ID = id[1:]
	}
	return k, ok
}

// ConversationsPrefix is that of a user's conversations.
func ConversationsPrefix(user string) []byte {
	return append(append([]byte{Conversations}, user...), 0)
}

// ConversationsOfKind is the prefix of a user's conversations of a kind.
func ConversationsOfKind(user string, kind events.Kind) []byte {
	return append(ConversationsPrefix(user), kindByte(kind))
}

// MembersPrefix is that of a group's memberships.
func MembersPrefix(group string) []byte {
	return append(append([]byte{Members}, group...), 0)
}

// appendOwner writes a log, or a member as the owner of sets.
func appendOwner(b []byte, k fold.Key) []byte {
	switch {
	case k.Kind == events.C2C:
		return appendPair(append(b, 'c'), k.User, k.ID)
	case k.User == "":
		return append(append(b, 'g'), k.ID...)
	}
	return appendPair(append(b, 'm'), k.User, k.ID)
}

// AppendIndex writes the key of what a log knows of a message id.
func AppendIndex(b []byte, log fold.Key, id string) []byte {
	b = appendOwner(append(b, Indexes), log)
	b = append(b, 0)
	return append(b, id...)
}

// AppendPage writes the key of a page of a log.
func AppendPage(b []byte, log fold.Key, no uint64) []byte { return appendNumbered(b, Pages, log, no) }

// ParsePage reads the key of a page. The log is named as there.
func ParsePage(key string) (log fold.Key, no uint64, ok bool) {
	log, rest, owned := cutOwner([]byte(key[1:]))
	no, numbered := ReadUint(rest)
	return log, no, owned && numbered
}

// AppendBlock writes the key of a time block of a log.
func AppendBlock(b []byte, log fold.Key, no uint64) []byte { return appendNumbered(b, Blocks, log, no) }

func appendNumbered(b []byte, family byte, log fold.Key, no uint64) []byte {
	b = appendOwner(append(b, family), log)
	return AppendUint(append(b, 0), no)
}

// AppendChunk writes the key of a chunk of a set.
func AppendChunk(b []byte, set fold.SetKey, no uint64) []byte {
	return AppendUint(appendSetName(append(b, Chunks), set), no)
}

// appendSetName writes which set it is.
func appendSetName(b []byte, k fold.SetKey) []byte {
	b = append(appendOwner(b, k.Owner), 0, byte(k.Kind))
	if k.Thread != "" {
		b = append(append(b, k.Thread...), 0)
	}
	return b
}

// AppendDirectory writes the key of the directory of a set's chunks.
func AppendDirectory(b []byte, k fold.SetKey) []byte {
	return appendSetName(append(b, Directories), k)
}

// AppendMember writes the key of a membership.
func AppendMember(b []byte, group, user string) []byte {
	return appendPair(append(b, Members), group, user)
}

// AppendThread writes the key of a thread of a log.
func AppendThread(b []byte, log fold.Key, thread string) []byte {
	b = appendOwner(append(b, Threads), log)
	return append(append(b, 0), thread...)
}

// AppendOrder writes the key of a thread's place in the order by activity.
func AppendOrder(b []byte, log fold.Key, seq events.Seq) []byte {
	return appendNumbered(b, Orders, log, uint64(seq))
}

// OrdersPrefix is that of the order of a log's threads.
func OrdersPrefix(log fold.Key) []byte { return append(appendOwner([]byte{Orders}, log), 0) }

// AppendTimeline writes the key of a user's timeline; the user's name is with the era.
func AppendTimeline(b []byte, k fold.Key, thread string) []byte {
	return append(appendTimelines(b, k), thread...)
}

// TimelinesOf is the prefix of a user's timelines of a conversation.
func TimelinesOf(k fold.Key) []byte { return appendTimelines(nil, k) }

func appendTimelines(b []byte, k fold.Key) []byte {
	b = append(append(b, Timelines, 'c'), k.User...)
	b = append(append(b, 0, kindByte(k.Kind)), k.ID...)
	return append(b, 0)
}

// ParseTimeline reads the key of a user's timeline.
func ParseTimeline(key string) (k fold.Key, era events.Seq, thread string, ok bool) {
	name, rest, _ := strings.Cut(key[min(2, len(key)):], "\x00")
	k.User, era = CutEra(name)
	id, thread, found := strings.Cut(rest, "\x00")
	if found && id != "" {
		k.Kind, ok = kindOf(id[0])
		k.ID = id[1:]
	}
	return k, era, thread, ok
}

// AppendFollower writes the key of a follower of a thread.
func AppendFollower(b []byte, group, thread, user string) []byte {
	return append(append(appendPair(append(b, Followers), group, thread), 0), user...)
}

// FollowersPrefix is that of the followers of a thread.
func FollowersPrefix(group, thread string) []byte {
	return append(appendPair([]byte{Followers}, group, thread), 0)
}

// AppendSender writes the key of who has written in a group.
func AppendSender(b []byte, k fold.Key) []byte { return appendPair(append(b, Senders), k.User, k.ID) }

// SendersPrefix is that of a user's messages in groups.
func SendersPrefix(user string) []byte { return append(append([]byte{Senders}, user...), 0) }

// AppendPiece writes the key of a member's receipts for a timeline.
func AppendPiece(b []byte, group, user, timeline string) []byte {
	b = append(appendPair(append(b, Pieces), group, user), 0)
	return append(b, timeline...)
}

// PiecesPrefix is that of a member's receipts for timelines.
func PiecesPrefix(group, user string) []byte { return AppendPiece(nil, group, user, "") }

// AppendWanted writes the key of a group's messages that ask for receipts.
func AppendWanted(b []byte, group string) []byte { return append(append(b, Wanted), group...) }

// TreesPrefix is that of the trees of a group since a dismissal.
func TreesPrefix(group string, era events.Seq) []byte { return appendTrees(nil, group, era) }

func appendTrees(b []byte, group string, era events.Seq) []byte {
	b = append(append(append(b, Trees), group...), 0)
	return append(AppendUint(b, uint64(era)), 0)
}

// AppendCounts writes the key of a row of a tree.
func AppendCounts(b []byte, k fold.TreeKey, level byte, no uint64) []byte {
	b = append(appendTrees(b, k.Group, k.Era), byte(k.Kind))
	if k.Kind == fold.TreeApart {
		b = append(append(b, k.Timeline...), 0)
	}
	return AppendUint(append(b, level), no)
}

// parseCounts reads the key of a row of a tree.
func parseCounts(key []byte) (k fold.TreeKey, level byte, no uint64, ok bool) {
	group, rest, found := bytes.Cut(key[1:], []byte{0})
	k.Group = string(group)
	if !found || len(rest) == 0 || len(rest) < int(rest[0])+3 {
		return k, 0, 0, false
	}
	n := int(rest[0]) + 1
	era, ok := ReadUint(rest[:n])
	k.Era, k.Kind = events.Seq(era), fold.TreeKind(rest[n+1])
	ok, rest = ok && rest[n] == 0, rest[n+2:]
	switch k.Kind {
	case fold.TreeApart:
		var timeline []byte
		timeline, rest, found = bytes.Cut(rest, []byte{0})
		k.Timeline, ok = string(timeline), ok && found
	case fold.TreeJoins, fold.TreePieces:
	default:
		ok = false
	}
	if !ok || len(rest) == 0 {
		return k, 0, 0, false
	}
	no, ok = ReadUint(rest[1:])
	return k, rest[0], no, ok
}

// AppendImport writes the key of what says that a user has imported a group, in an era
// of the inbox.
func AppendImport(user string, era events.Seq, group string) []byte {
	return append(InboxPrefix(Imports, user, era), group...)
}

// AppendPendingRead writes the key of a member's pending read up to a message.
func AppendPendingRead(b []byte, group, id, user string) []byte {
	b = appendPair(append(b, PendingReads), group, id)
	b = append(b, 0)
	return append(b, user...)
}

// PendingReadsPrefix is that of a group's pending reads up to a message.
func PendingReadsPrefix(group, id string) []byte {
	return append(appendPair([]byte{PendingReads}, group, id), 0)
}

// AppendUser writes the key of a user's account.
func AppendUser(b []byte, user string) []byte { return append(append(b, Users), user...) }

// AppendGroup writes the key of a group's log.
func AppendGroup(b []byte, group string) []byte { return append(append(b, Groups), group...) }

// AppendSweep writes the key of what a command has left to be swept.
func AppendSweep(b []byte, seq events.Seq) []byte {
	return AppendUint(append(b, Sweeps), uint64(seq))
}

// AppendDue writes the key of a message that expires. The log is named as in the keys
// of its other rows.
func AppendDue(b []byte, at events.Time, log fold.Key, pos fold.Pos) []byte {
	b = appendOwner(AppendDues(b, at), log)
	return AppendUint(append(b, 0), uint64(pos))
}

// AppendDues writes what the keys of the messages begin with that expire at a time.
func AppendDues(b []byte, at events.Time) []byte {
	return AppendUint(append(b, Dues), uint64(at))
}

// ParseDue reads the key of a message that expires.
func ParseDue(key string) (d fold.Due, ok bool) {
	end := 1
	if len(key) > 1 {
		end += 1 + int(key[1])
	}
	if end > len(key) {
		return d, false
	}
	at, ok := ReadUint([]byte(key[1:end]))
	log, rest, owned := cutOwner([]byte(key[end:]))
	pos, numbered := ReadUint(rest)
	d = fold.Due{At: events.Time(at), Log: log, Pos: fold.Pos(pos)}
	d.Log.User, d.Era = CutEra(log.User)
	return d, ok && owned && numbered && pos > 0 && log == log.LogKey()
}

// ProgressKey is the key of how far the oldest sweep has come.
func ProgressKey() []byte { return []byte{Progress} }

// AppendOutbox writes the key of a command's entry in the outbox.
func AppendOutbox(b []byte, seq events.Seq) []byte {
	return AppendUint(append(b, Outbox), uint64(seq))
}

// eraMark separates a user from the era of the inbox.
const eraMark = "\xff"

// InEra is the name of a user in the keys of the C2C logs of an era.
func InEra(user string, era events.Seq) string {
	if era == 0 {
		return user
	}
	return user + eraMark + strconv.FormatUint(uint64(era), 10)
}

// CutEra takes the era off a user's name.
func CutEra(name string) (user string, era events.Seq) {
	user, digits, _ := strings.Cut(name, eraMark)
	n, _ := strconv.ParseUint(digits, 10, 64)
	return user, events.Seq(n)
}

// InboxPrefix is that of a family's rows of the C2C logs of a user's era.
func InboxPrefix(family byte, user string, era events.Seq) []byte {
	return append(append([]byte{family, 'c'}, InEra(user, era)...), 0)
}

// PrefixEnd is the least key after all keys with the prefix, which does not
// end in 0xff.
func PrefixEnd(prefix []byte) []byte {
	end := append([]byte(nil), prefix...)
	end[len(end)-1]++
	return end
}
