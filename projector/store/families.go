package store

import (
	"github.com/cockroachdb/pebble/v2"

	"reddot/events"
	"reddot/projector/fold"
	"reddot/projector/store/cache"
	"reddot/projector/store/row"
)

// Bounds of the row caches, in bytes. They cover what a batch touches many
// times over, and the working set of some tens of thousands of active users.
// Members' rows have room of their own: every C2C message may bring a new row,
// and would push them out.
const (
	hotC2C     = 64 << 20
	hotMembers = 32 << 20
	hotGroups  = 8 << 20
	hotUnread  = 8 << 20
	hotOthers  = 2 << 20 // of each family that is rarely touched
)

// Bounds of the snapshots' caches, in bytes. They hold what is shown: the users
// who are being told of changes or who ask, with all their conversations.
const (
	sharedLists  = 48 << 20
	sharedGroups = 24 << 20
	sharedPages  = 8 << 20
	sharedOthers = 2 << 20
)

// tables are the rows of all families.
type tables struct {
	conversations [events.Group + 1]*table[fold.Conversation] // by kind
	groups        *table[fold.Log]
	users         *table[row.Account]
	members       *table[events.Seq]
	indexes       *table[fold.Index]
	pages         *table[row.Page]
	blocks        *table[fold.Span]
	buckets       *table[fold.Chunk]
	directories   *table[fold.Directory]
	waiters       *table[row.Present]
	sweeps        *table[fold.Sweep]
	progress      *table[fold.Progress]

	unread unread

	// For snapshots, beside the tables' own.
	lists     userLists
	audiences *cache.Shared[[]string] // members of groups
}

func newTables(filter *cache.Filter) tables {
	t := tables{
		groups:      newTable(groupRows, hotGroups, cache.NewShared[fold.Log](sharedGroups)),
		users:       newTable(userRows, hotOthers, nil),
		members:     newTable(memberRows, hotOthers, nil),
		indexes:     newTable(indexRows, hotOthers, nil),
		pages:       newTable(pageRows, hotOthers, cache.NewShared[row.Page](sharedPages)),
		blocks:      newTable(blockRows, hotOthers, nil),
		buckets:     newTable(bucketRows, hotOthers, cache.NewShared[fold.Chunk](sharedOthers)),
		directories: newTable(directoryRows, hotOthers, cache.NewShared[fold.Directory](sharedOthers)),
		waiters:     newTable(waiterRows, hotOthers, nil),
		sweeps:      newTable(sweepRows, 0, nil),
		progress:    newTable(progressRows, 0, nil),
		unread:      unread{cache.New[inbox](hotUnread)},
		lists:       userLists{cache.NewShared[userList](sharedLists)},
		audiences:   cache.NewShared[[]string](sharedGroups),
	}
	t.conversations[events.C2C] = newTable(conversationRows, hotC2C, nil)
	t.conversations[events.Group] = newTable(conversationRows, hotMembers, nil)
	for _, f := range t.conversations[events.C2C:] {
		f.filter = filter
		f.owners = map[string]*entry[fold.Conversation]{}
	}
	t.members.owners = map[string]*entry[events.Seq]{}
	t.waiters.owners = map[string]*entry[row.Present]{}
	t.indexes.filter, t.users.filter = filter, filter
	return t
}

// family is what every table can do, whatever its rows are.
type family interface {
	commit(*pebble.Batch, *writer) error
	committed(to events.Seq)
	remove(db pebble.Reader, key []byte)
}

// all are the tables of all families, in the order of their keys.
func (t *tables) all() []family {
	return []family{
		t.conversations[events.C2C], t.conversations[events.Group], t.directories, t.groups, t.indexes,
		t.members, t.pages, t.buckets, t.blocks, t.users, t.waiters, t.progress, t.sweeps,
	}
}

// log is the table of a family that logs have rows of, beside their own.
func (t *tables) log(fam byte) family {
	switch fam {
	case row.Directories:
		return t.directories
	case row.Indexes:
		return t.indexes
	case row.Pages:
		return t.pages
	case row.Chunks:
		return t.buckets
	default:
		return t.blocks
	}
}

// commit writes all changes into a batch, in the order of the keys.
func (t *tables) commit(b *pebble.Batch, w *writer) error {
	for _, f := range t.all() {
		if err := f.commit(b, w); err != nil {
			return err
		}
	}
	return nil
}

// settle brings the caches up to a commit.
func (t *tables) settle(to events.Seq) {
	t.lists.commit(to, t.conversations[events.C2C:], t.users)
	t.audiences.Advance(to, func(audiences cache.Changes[[]string]) {
		for group := range t.members.owners {
			audiences.Drop(group)
		}
	})
	for _, f := range t.all() {
		f.committed(to)
	}
	t.unread.rows.Trim()
}
