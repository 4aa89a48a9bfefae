package store

import (
	"cmp"
	"slices"

	"github.com/cockroachdb/pebble/v2"

	"reddot/events"
	"reddot/projector/fold"
	"reddot/projector/store/cache"
	"reddot/projector/store/row"
)

// family says all that the store has to know of one kind of row. What is done to
// every row, whatever it is, follows from it.
type family[R any] struct {
	prefix byte                        // of the keys; see package row
	name   func(key []byte) string     // a row in words, "" if no row has such a key
	encode func(b []byte, r *R) []byte // equal rows as the same bytes: the digest hashes them
	decode func(key, value string) (*R, error)

	// contents is what people see of a row; nil: the row itself.
	contents func(key string, r *R) (row.Contents, error)

	hot    int // bytes of stored rows that are kept for the fold
	shared int // bytes of decoded rows that are kept for snapshots; 0: they read them from Pebble
	weight int // bytes of a decoded row beside its value, about

	// log is the name of the log that a row with a key belongs to; nil: counts don't depend
	// on such rows, or they belong to a user's list.
	log func(key string) string

	inbox    bool // a C2C log has such rows beside its own: they go with an erased inbox
	listed   bool // those of one owner are listed by the fold or by a cache: see part.owners
	filtered bool // the key filter knows which there are
	absent   bool // most that are asked for are not there: the filter is asked first
	common   bool // the rows are at home nowhere, see shards.go
	entered  bool // if so, a shard may enter some of its own: else only barriers change them
}

// Bounds of the row caches, in bytes. They cover what a batch touches many
// times over, and the working set of some tens of thousands of active users.
const (
	hotC2C     = 64 << 20
	hotMembers = 24 << 20
	hotSenders = 16 << 20
	hotThreads = 8 << 20 // and as much for timelines
	hotGroups  = 8 << 20
	hotUnread  = 4 << 20
	hotOthers  = 2 << 20 // of each family that is rarely touched

	// Of memberships, of trees and of what asks for receipts: those of the groups that
	// are read.
	hotReceipts = 4 << 20
)

// Bounds of the snapshots' caches, in bytes. They hold what is shown: the users
// who are being notified of changes or who ask, with all their conversations.
const (
	sharedLists   = 48 << 20
	sharedGroups  = 24 << 20
	sharedPages   = 8 << 20
	sharedThreads = 8 << 20
	sharedOthers  = 2 << 20

	sharedReceipts = 8 << 20 // trees: some thousand rows
)

// memberWeight and c2cWeight are about what a decoded conversation takes beside its
// value, and logWeight is what a log does: bytes.
const (
	memberWeight = 352
	logWeight    = 288
	c2cWeight    = memberWeight + logWeight
)

// senderWeight is about what a decoded sender takes beside its value: bytes.
const senderWeight = 192

// threadWeight and timelineWeight are about what a decoded thread or timeline takes
// beside its value: bytes.
const (
	threadWeight   = 320
	timelineWeight = 192
)

// tables are the rows of all families.
type tables struct {
	conversations [events.Group + 1]*table[fold.Conversation] // by kind
	groups        *table[fold.Log]
	users         *table[row.Account]
	senders       *table[fold.Sender]
	members       *table[fold.Member]
	pieces        *table[fold.Piece]
	wanted        *table[fold.Wanted]
	trees         *table[fold.Counts]
	imports       *table[row.Present]
	threads       *table[fold.Thread]
	orders        *table[string]
	timelines     *table[fold.Timeline]
	followers     *table[row.Present]
	indexes       *table[fold.Index]
	pages         *table[row.Page]
	blocks        *table[fold.Span]
	chunks        *table[fold.Chunk]
	directories   *table[fold.Directory]
	pendingReads  *table[row.Present]
	sweeps        *table[fold.Sweep]
	progress      *table[fold.Progress]
	dues          *table[row.Present]

	all      []anyTable // in the order of their keys
	families Families

	// What is kept beside the tables' own caches.
	unread    []unread  // by part
	lists     userLists // for snapshots
	marks     *logMarks
	audiences *cache.Shared[[]string] // members of groups, for snapshots
	moved     []map[string]bool       // by part: groups that members have joined or left since the last commit
}

// hidden holds tables, behind an interface: packages that import this one would compile all
// that is generic in them once more, each for seconds.
type hidden struct{ any }

func tablesOf(h hidden) *tables { return h.any.(*tables) }

// newTables returns the tables of all families, without rows, of so many parts each.
// Adding a family is one entry here: see the package's documentation.
func newTables(parts int) *tables {
	t := &tables{
		families:  Families{},
		unread:    make([]unread, parts),
		lists:     userLists{cache.NewShared[userList](sharedLists)},
		marks:     new(logMarks),
		audiences: cache.NewShared[[]string](sharedGroups),
		moved:     make([]map[string]bool, parts),
	}
	for i := range parts {
		t.unread[i], t.moved[i] = unread{cache.New[inbox](hotUnread / parts)}, map[string]bool{}
	}
	conversations := family[fold.Conversation]{
		prefix: row.Conversations, name: row.NameConversation,
		encode: row.EncodeConversation, decode: row.DecodeConversation, contents: row.ConversationContents,
		hot: hotC2C, weight: c2cWeight, listed: true, filtered: true,
	}
	t.conversations[events.C2C] = add(t, conversations)
	// Members' rows have room of their own: every C2C message may bring a new row,
	// and would push them out.
	conversations.hot, conversations.weight = hotMembers, memberWeight
	t.conversations[events.Group] = add(t, conversations)
	t.groups = add(t, family[fold.Log]{
		prefix: row.Groups, log: row.LogOf, name: row.NameGroup, encode: row.EncodeLog, decode: row.DecodeLog, contents: row.LogContents,
		hot: hotGroups, shared: sharedGroups, weight: logWeight,
	})
	t.users = add(t, family[row.Account]{
		prefix: row.Users, name: row.NameUser, encode: row.EncodeAccount, decode: row.DecodeAccount,
		hot: hotOthers, weight: 64, filtered: true, absent: true, common: true,
	})
	t.members = add(t, family[fold.Member]{
		prefix: row.Members, name: row.NameMember, encode: row.EncodeMember, decode: row.DecodeMember,
		hot: hotReceipts, shared: sharedOthers, weight: 40, listed: true,
	})
	t.pieces = add(t, family[fold.Piece]{
		prefix: row.Pieces, name: row.NamePiece, encode: row.EncodePiece, decode: row.DecodePiece,
		hot: hotOthers, weight: 16, listed: true, filtered: true,
	})
	t.wanted = add(t, family[fold.Wanted]{
		prefix: row.Wanted, name: row.NameWanted, encode: row.EncodeWanted, decode: row.DecodeWanted,
		hot: hotReceipts, shared: sharedOthers, weight: 32, filtered: true,
	})
	t.trees = add(t, family[fold.Counts]{
		prefix: row.Trees, name: row.NameCounts, encode: row.EncodeCounts, decode: row.DecodeCounts,
		hot: hotReceipts, shared: sharedReceipts, weight: 2048,
	})
	t.senders = add(t, family[fold.Sender]{
		prefix: row.Senders, log: row.LogOf, name: row.NameSender, encode: row.EncodeSender, decode: row.DecodeSender,
		hot: hotSenders, shared: sharedOthers, weight: senderWeight, listed: true, filtered: true,
	})
	t.imports = add(t, family[row.Present]{
		prefix: row.Imports, name: row.NameImport, encode: row.EncodePresent, decode: row.DecodePresent,
		hot: hotOthers, inbox: true,
	})
	t.threads = add(t, family[fold.Thread]{
		prefix: row.Threads, log: row.LogOf, name: row.NameThread, encode: row.EncodeThread, decode: row.DecodeThread,
		hot: hotThreads, shared: sharedThreads, weight: threadWeight, inbox: true, filtered: true,
	})
	t.orders = add(t, family[string]{
		prefix: row.Orders, name: row.NameOrder, encode: row.EncodeName, decode: row.DecodeName,
		hot: hotOthers, weight: 16, inbox: true, listed: true,
	})
	t.timelines = add(t, family[fold.Timeline]{
		prefix: row.Timelines, name: row.NameTimeline, encode: row.EncodeTimeline, decode: row.DecodeTimeline,
		hot: hotThreads, weight: timelineWeight, inbox: true, listed: true, filtered: true,
	})
	t.followers = add(t, family[row.Present]{
		prefix: row.Followers, name: row.NameFollower, encode: row.EncodePresent, decode: row.DecodePresent,
		hot: hotOthers, listed: true,
	})
	t.indexes = add(t, family[fold.Index]{
		prefix: row.Indexes, name: row.NameIndex, encode: row.EncodeIndex, decode: row.DecodeIndex,
		hot: hotOthers, weight: 32, inbox: true, filtered: true, absent: true,
	})
	t.pages = add(t, family[row.Page]{
		prefix: row.Pages, log: row.LogOf, name: row.NamePage, encode: row.EncodePage, decode: row.DecodePage, contents: row.PageContents,
		hot: hotOthers, shared: sharedPages, weight: 32, inbox: true,
	})
	t.blocks = add(t, family[fold.Span]{
		prefix: row.Blocks, name: row.NameBlock, encode: row.EncodeSpan, decode: row.DecodeSpan,
		hot: hotOthers, weight: 16, inbox: true,
	})
	t.chunks = add(t, family[fold.Chunk]{
		prefix: row.Chunks, log: row.LogOf, name: row.NameChunk, encode: row.EncodeChunk, decode: row.DecodeChunk,
		hot: hotOthers, shared: sharedOthers, weight: 128, inbox: true,
	})
	t.directories = add(t, family[fold.Directory]{
		prefix: row.Directories, log: row.LogOf, name: row.NameDirectory, encode: row.EncodeDirectory, decode: row.DecodeDirectory,
		hot: hotOthers, shared: sharedOthers, weight: 64, inbox: true,
	})
	t.pendingReads = add(t, family[row.Present]{
		prefix: row.PendingReads, name: row.NamePendingRead, encode: row.EncodePresent, decode: row.DecodePresent,
		hot: hotOthers, listed: true,
	})
	t.sweeps = add(t, family[fold.Sweep]{
		prefix: row.Sweeps, name: row.NameSweep, encode: row.EncodeSweep, decode: row.DecodeSweep, common: true,
	})
	t.progress = add(t, family[fold.Progress]{
		prefix: row.Progress, name: row.NameProgress, encode: row.EncodeProgress, decode: row.DecodeProgress, common: true,
	})
	t.dues = add(t, family[row.Present]{
		prefix: row.Dues, name: row.NameDue, encode: row.EncodePresent, decode: row.DecodePresent,
		hot: hotOthers, common: true, entered: true,
	})
	slices.SortStableFunc(t.all, func(a, b anyTable) int { return cmp.Compare(a.about().Prefix, b.about().Prefix) })

	// The store's own rows: they don't follow from the log alone, and no cache
	// keeps them.
	t.families[row.Meta] = family[any]{prefix: row.Meta, name: nameMeta, decode: decodeMeta}.info()
	t.families[row.Outbox] = family[Out]{prefix: row.Outbox, name: row.NameOutbox, decode: decodeOutbox}.info()
	return t
}

// add enters a family, and returns its table.
func add[R any](t *tables, f family[R]) *table[R] {
	rows := newTable(f, len(t.unread))
	rows.info.InDigest = true
	t.all = append(t.all, rows)
	t.families[f.prefix] = rows.info
	return rows
}

// anyTable is what every table can do, whatever its rows are.
type anyTable interface {
	about() *Family
	commit(part int, b *pebble.Batch, w *writer) error
	committed(to events.Seq)
	remove(r *reader, key []byte)
	filterBy(*cache.Filter)
	markLogs(m *logMarks, to events.Seq)
}

// of is the table of the row with a key.
func (t *tables) of(key []byte) anyTable {
	i := slices.IndexFunc(t.all, func(f anyTable) bool { return f.about().Prefix == key[0] })
	return t.all[i]
}

// filterOf returns a filter of the keys of the families that have one.
func (t *tables) filterOf(db *pebble.DB) *cache.Filter {
	var prefixes []byte
	for _, f := range t.all {
		if is := f.about(); is.filtered {
			prefixes = append(prefixes, is.Prefix)
		}
	}
	filter := cache.NewFilter(db, slices.Compact(prefixes))
	for _, f := range t.all {
		f.filterBy(filter)
	}
	return filter
}

// inboxPrefixes are the key prefixes of a user's conversations and of all rows of
// the C2C logs of an era, in the order in which they are swept.
func (t *tables) inboxPrefixes(user string, era events.Seq) [][]byte {
	prefixes := [][]byte{row.ConversationsPrefix(user)}
	for _, f := range t.all {
		if is := f.about(); is.inbox {
			prefixes = append(prefixes, row.InboxPrefix(is.Prefix, user, era))
		}
	}
	return prefixes
}

// commit writes all changes of one part into a batch, in the order of the keys.
func (t *tables) commit(part int, b *pebble.Batch, w *writer) error {
	for _, f := range t.all {
		if err := f.commit(part, b, w); err != nil {
			return err
		}
	}
	return nil
}

// settle brings the caches up to a commit.
func (t *tables) settle(to events.Seq) {
	t.markLogs(to) // before the lists
	t.lists.commit(to, t)
	t.audiences.Advance(to, func(audiences cache.Changes[[]string]) {
		for _, moved := range t.moved {
			for group := range moved {
				audiences.Drop(group)
			}
			clear(moved)
		}
	})
	for _, f := range t.all {
		f.committed(to)
	}
	for i := range t.unread {
		t.unread[i].rows.Trim()
	}
}
