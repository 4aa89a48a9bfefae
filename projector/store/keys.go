package store

import (
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
//	u user                              version of a user who lost conversations, and era
//	c user 00 kind id                   conversation; a C2C one with its log and its unfinished page
//	g group                             log of a group, with its unfinished page
//	n group 00 user                     membership: the command that joined
//	i log 00 message                    place of a message id, once its page is full; or what awaits it
//	p log 00 <page>                     fold.PageSize messages
//	t log 00 <block>                    least time of fold.BlockSize messages
//	s owner 00 set <bucket>             bucket of a set of ordinals
//	d owner 00 set                      directory of a set's buckets
//	w group 00 message 00 user          member with an early read up to message
//	z <seq>                             what a command has left to be swept
//	y                                   how far the oldest of it is swept
//	x <seq>                             outbox
//
// log is "c user 00 peer" or "g group". owner is a log, or "m user 00 group"
// for a member. So all rows of a user's own inbox begin, within each family,
// with the user's id. In C2C logs the id is followed by the era of the inbox, 0xff
// and the seq of the erasure, if there was one: no id has that byte.
const (
	famMeta         = 'M'
	famUser         = 'u'
	famConversation = 'c'
	famGroup        = 'g'
	famMember       = 'n'
	famIndex        = 'i'
	famPage         = 'p'
	famBlock        = 't'
	famBucket       = 's'
	famDirectory    = 'd'
	famWaiter       = 'w'
	famSweep        = 'z'
	famProgress     = 'y'
	famOutbox       = 'x'
)

var (
	keyIdentity = []byte{famMeta, 'i'}
	keyPosition = []byte{famMeta, 'p'}
	keyEmitted  = []byte{famMeta, 'e'}
)

func appendUint(b []byte, n uint64) []byte {
	var be [8]byte
	binary.BigEndian.PutUint64(be[:], n)
	i := 0
	for i < 8 && be[i] == 0 {
		i++
	}
	b = append(b, byte(8-i))
	return append(b, be[i:]...)
}

func readUint(b []byte) (uint64, bool) {
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

func appendConversation(b []byte, k fold.Key) []byte {
	b = append(b, famConversation)
	b = append(b, k.User...)
	b = append(b, 0, kindByte(k.Kind))
	return append(b, k.ID...)
}

// conversationKey reads the key of a conversation's row.
func conversationKey(key string) (k fold.Key, ok bool) {
	user, id, found := strings.Cut(key[1:], "\x00")
	k.User = user
	if found && id != "" {
		k.Kind, ok = kindOf(id[0])
		k.ID = id[1:]
	}
	return k, ok
}

// conversationsPrefix is that of a user's conversations.
func conversationsPrefix(user string) []byte {
	return append(append([]byte{famConversation}, user...), 0)
}

// membersPrefix is that of a group's memberships.
func membersPrefix(group string) []byte {
	return append(append([]byte{famMember}, group...), 0)
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

type indexKey struct {
	log fold.Key
	id  string
}

func appendIndex(b []byte, k indexKey) []byte {
	b = appendOwner(append(b, famIndex), k.log)
	b = append(b, 0)
	return append(b, k.id...)
}

// pageKey names a page, or a time block, of a log.
type pageKey struct {
	log fold.Key
	no  uint64
}

func appendPage(b []byte, k pageKey) []byte { return appendNumbered(b, famPage, k) }

func appendBlock(b []byte, k pageKey) []byte { return appendNumbered(b, famBlock, k) }

func appendNumbered(b []byte, family byte, k pageKey) []byte {
	b = appendOwner(append(b, family), k.log)
	return appendUint(append(b, 0), k.no)
}

type bucketKey struct {
	set fold.SetKey
	no  uint64
}

func appendBucket(b []byte, k bucketKey) []byte {
	b = appendOwner(append(b, famBucket), k.set.Owner)
	return appendUint(append(b, 0, byte(k.set.Kind)), k.no)
}

func appendDirectory(b []byte, k fold.SetKey) []byte {
	b = appendOwner(append(b, famDirectory), k.Owner)
	return append(b, 0, byte(k.Kind))
}

type memberKey struct{ group, user string }

func appendMember(b []byte, k memberKey) []byte {
	return appendPair(append(b, famMember), k.group, k.user)
}

type waiterKey struct{ group, id, user string }

func appendWaiter(b []byte, k waiterKey) []byte {
	b = appendPair(append(b, famWaiter), k.group, k.id)
	b = append(b, 0)
	return append(b, k.user...)
}

func appendUser(b []byte, user string) []byte { return append(append(b, famUser), user...) }

func appendGroup(b []byte, group string) []byte { return append(append(b, famGroup), group...) }

// eraMark separates a user from the era of the inbox.
const eraMark = "\xff"

// inEra is the name of a user in the keys of the C2C logs of an era.
func inEra(user string, era events.Seq) string {
	if era == 0 {
		return user
	}
	return user + eraMark + strconv.FormatUint(uint64(era), 10)
}

// cutEra takes the era off a user's name.
func cutEra(name string) (user string, era events.Seq) {
	user, digits, _ := strings.Cut(name, eraMark)
	n, _ := strconv.ParseUint(digits, 10, 64)
	return user, events.Seq(n)
}

// inboxPrefixes are the key prefixes of a user's conversations and of all rows of
// the C2C logs of an era, in order.
func inboxPrefixes(user string, era events.Seq) [][]byte {
	ps := [][]byte{conversationsPrefix(user)}
	for _, fam := range []byte{famDirectory, famIndex, famPage, famBucket, famBlock} {
		ps = append(ps, append(append([]byte{fam, 'c'}, inEra(user, era)...), 0))
	}
	return ps
}

// prefixEnd is the least key after all keys with the prefix, which does not
// end in 0xff.
func prefixEnd(prefix []byte) []byte {
	end := append([]byte(nil), prefix...)
	end[len(end)-1]++
	return end
}
