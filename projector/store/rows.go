package store

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/cockroachdb/pebble/v2"

	"reddot/events"
	"reddot/projector/fold"
	"reddot/projector/store/cache"
	"reddot/projector/store/row"
)

// rows is what the fold reads and changes, for the time of an Apply: a read that
// fails panics, and Apply turns that into its error.
type rows struct {
	reader
	store *Store
	pace  fold.Pace

	// What the oldest sweep finds in Pebble must be committed: all that was done up
	// to the command by which it became the oldest.
	since events.Seq
	ahead ahead

	soon  cache.Prefetch
	value []byte // scratch
}

var _ fold.Rows = (*rows)(nil)

// PutConversation implements fold.Rows.
func (r *rows) PutConversation(k fold.Key, c *fold.Conversation) {
	t := tablesOf(r.hidden).conversations[k.Kind]
	r.key = row.AppendConversation(r.key[:0], k)
	if t.get(&r.reader, r.key) != c { // it begins
		c.Era = r.Era(k.User)
		r.key = row.AppendConversation(r.key[:0], k)
	}
	t.put(&r.reader, r.key, c)
	if k.Kind == events.Group || !c.Settled() {
		r.unreadOf(k).add(k)
	}
}

// DeleteConversation implements fold.Rows.
func (r *rows) DeleteConversation(k fold.Key) {
	r.dropTail(k)
	r.key = row.AppendConversation(r.key[:0], k)
	tablesOf(r.hidden).conversations[k.Kind].remove(&r.reader, r.key)
}

// changedOf calls fn with a user's conversations that have changed since the
// last commit.
func (r *reader) changedOf(user string, fn func(fold.Key)) {
	prefix := string(row.ConversationsPrefix(user))
	for _, t := range tablesOf(r.hidden).conversations[events.C2C:] {
		t.changedOf(r, prefix, func(key string, _ *fold.Conversation) {
			k, _ := row.ParseConversation(key)
			fn(k)
		})
	}
}

// compareConversations orders one user's conversations, as their keys do.
func compareConversations(a, b events.ConversationID) int {
	return cmp.Or(cmp.Compare(a.Kind, b.Kind), strings.Compare(a.ID, b.ID))
}

// conversationsOf lists the stored conversations of a user, by kind and id.
func conversationsOf(r pebble.Reader, user string) []fold.Key {
	var keys []fold.Key
	prefix := string(row.ConversationsPrefix(user))
	scan(r, []byte(prefix), func(rest, _ []byte) {
		k, ok := row.ParseConversation(prefix + string(rest))
		if !ok {
			check(rowError([]byte(prefix+string(rest)), row.ErrCorruptRow))
		}
		k.User = user
		keys = append(keys, k)
	})
	return keys
}

// StoredConversations implements fold.Rows.
func (r *rows) StoredConversations(user string) []fold.Key {
	keys := conversationsOf(r.db, user)
	r.changedOf(user, func(k fold.Key) { keys = append(keys, k) })
	slices.SortFunc(keys, func(a, b fold.Key) int { return compareConversations(a.ConversationID, b.ConversationID) })
	return slices.DeleteFunc(slices.Compact(keys), func(k fold.Key) bool { return r.Stored(k) == nil })
}

// scan calls fn with every stored key that begins with a prefix, without the
// prefix, and its value.
func scan(r pebble.Reader, prefix []byte, fn func(rest, value []byte)) {
	it, err := r.NewIter(&pebble.IterOptions{LowerBound: prefix, UpperBound: row.PrefixEnd(prefix)})
	check(err)
	defer func() { // fn may panic; see check
		if err := errors.Join(it.Error(), it.Close()); err != nil {
			check(fmt.Errorf("scan %q: %w", prefix, err))
		}
	}()
	for ok := it.First(); ok; ok = it.Next() {
		fn(it.Key()[len(prefix):], it.Value())
	}
}

// PutGroup implements fold.Rows.
func (r *rows) PutGroup(group string, l *fold.Log) {
	r.key = row.AppendGroup(r.key[:0], group)
	tablesOf(r.hidden).groups.put(&r.reader, r.key, l)
}

// PutSender implements fold.Rows.
func (r *rows) PutSender(k fold.Key, s *fold.Sender) {
	r.key = row.AppendSender(r.key[:0], k)
	if *s == (fold.Sender{}) {
		s = nil
	}
	tablesOf(r.hidden).senders.put(&r.reader, r.key, s)
}

func (r *rows) putMember(group, user string, m *fold.Member) {
	r.key = row.AppendMember(r.key[:0], group, user)
	if was := tablesOf(r.hidden).members.get(&r.reader, r.key); (was == nil) != (m == nil) {
		tablesOf(r.hidden).moved[tablesOf(r.hidden).partOf(group)][group] = true
	}
	tablesOf(r.hidden).members.put(&r.reader, r.key, m)
}

// PutMember implements fold.Rows.
func (r *rows) PutMember(group, user string, m fold.Member) { r.putMember(group, user, &m) }

// DeleteMember implements fold.Rows.
func (r *rows) DeleteMember(group, user string) { r.putMember(group, user, nil) }

// Pieces implements fold.Rows.
func (r *rows) Pieces(group, user string) []string {
	return list(&r.reader, tablesOf(r.hidden).pieces, row.PiecesPrefix(group, user))
}

// PutPiece implements fold.Rows.
func (r *rows) PutPiece(group, user, timeline string, p *fold.Piece) {
	r.key = row.AppendPiece(r.key[:0], group, user, timeline)
	tablesOf(r.hidden).pieces.put(&r.reader, r.key, p)
}

// PutWanted implements fold.Rows.
func (r *rows) PutWanted(group string, w *fold.Wanted) {
	if len(w.Messages) == 0 {
		w = nil
	}
	r.key = row.AppendWanted(r.key[:0], group)
	tablesOf(r.hidden).wanted.put(&r.reader, r.key, w)
}

// PutCounts implements fold.Rows.
func (r *rows) PutCounts(k fold.TreeKey, level byte, no uint64, c *fold.Counts) {
	if c.Empty() {
		c = nil
	}
	r.key = row.AppendCounts(r.key[:0], k, level, no)
	tablesOf(r.hidden).trees.put(&r.reader, r.key, c)
}

// Imported implements fold.Rows.
func (r *rows) Imported(user, group string) bool {
	return tablesOf(r.hidden).imports.read(&r.reader, row.AppendImport(user, r.Era(user), group)) != nil
}

// PutImported implements fold.Rows.
func (r *rows) PutImported(user, group string) {
	tablesOf(r.hidden).imports.put(&r.reader, row.AppendImport(user, r.Era(user), group), &row.Present{})
}

// Members implements fold.Rows.
func (r *rows) Members(group string) []string {
	return list(&r.reader, tablesOf(r.hidden).members, row.MembersPrefix(group))
}

// list lists the rows whose keys have a prefix, by the rest of the keys.
func list[R any](r *reader, t *table[R], prefix []byte) []string {
	t.partOf(r, prefix) // all of them are at home there
	set := map[string]bool{}
	scan(r.db, prefix, func(rest, _ []byte) { set[string(rest)] = true })
	t.changedOf(r, string(prefix), func(key string, row *R) {
		if rest := key[len(prefix):]; row != nil {
			set[rest] = true
		} else {
			delete(set, rest)
		}
	})
	return slices.Sorted(maps.Keys(set))
}

// PendingReaders implements fold.Rows.
func (r *rows) PendingReaders(group, id string) []string {
	return list(&r.reader, tablesOf(r.hidden).pendingReads, row.PendingReadsPrefix(group, id))
}

func (r *rows) putPendingRead(group, id, user string, p *row.Present) {
	r.key = row.AppendPendingRead(r.key[:0], group, id, user)
	tablesOf(r.hidden).pendingReads.put(&r.reader, r.key, p)
}

// PutPendingReader implements fold.Rows.
func (r *rows) PutPendingReader(group, id, user string) {
	r.putPendingRead(group, id, user, &row.Present{})
}

// DeletePendingReader implements fold.Rows.
func (r *rows) DeletePendingReader(group, id, user string) { r.putPendingRead(group, id, user, nil) }

// Policies implements fold.Reader.
func (r *rows) Policies() fold.Policies { return r.store.position.Policies }

// SetPolicies implements fold.Rows.
func (r *rows) SetPolicies(p fold.Policies) { r.store.position.Policies = p }

func (r *rows) putIndex(log fold.Key, id string, i *fold.Index) {
	r.key = row.AppendIndex(r.key[:0], log, id)
	tablesOf(r.hidden).indexes.put(&r.reader, r.key, i)
}

// PutIndex implements fold.Rows.
func (r *rows) PutIndex(log fold.Key, id string, i fold.Index) { r.putIndex(r.rowsOf(log), id, &i) }

// DeleteIndex implements fold.Rows.
func (r *rows) DeleteIndex(log fold.Key, id string) { r.putIndex(r.rowsOf(log), id, nil) }

// Append implements fold.Rows. A page that is full becomes a row, and its ids
// rows of the index: those of messages that await something are gone by then.
func (r *rows) Append(lk fold.Key, l *fold.Log, m *fold.Message) {
	r.value = row.AppendRecord(append(r.value[:0], l.Tail...), lk, m)
	l.Tail = string(r.value)
	if row.InTail(l.Head.Pos) > 0 {
		return
	}
	p, no := row.TailOf(l), row.PageNo(l.Head.Pos)
	l.Tail = ""
	lk = r.rowsOf(lk)
	r.key = row.AppendPage(r.key[:0], lk, no)
	tablesOf(r.hidden).pages.add(&r.reader, r.key, &p)
	p.Places(row.FirstOf(no), func(id string, i fold.Index) {
		r.key = row.AppendIndex(r.key[:0], lk, id)
		tablesOf(r.hidden).indexes.add(&r.reader, r.key, &i)
	})
}

// Rewrite implements fold.Rows.
func (r *rows) Rewrite(lk fold.Key, l *fold.Log, pos fold.Pos, m *fold.Message) {
	no := row.PageNo(pos)
	p := r.page(lk, no).Replaced(lk, pos, m)
	if l.Tail != "" && no == row.PageNo(l.Head.Pos) {
		l.Tail = p.Records
		return
	}
	r.key = row.AppendPage(r.key[:0], r.rowsOf(lk), no)
	tablesOf(r.hidden).pages.put(&r.reader, r.key, &p)
}

// AddTimeBlock implements fold.Rows.
func (r *rows) AddTimeBlock(log fold.Key, block uint64, span fold.Span) {
	log = r.rowsOf(log)
	r.key = row.AppendBlock(r.key[:0], log, block)
	tablesOf(r.hidden).blocks.add(&r.reader, r.key, &span)
}

// PutChunk implements fold.Rows.
func (r *rows) PutChunk(k fold.SetKey, no uint64, b *fold.Chunk) {
	if b.Len() == 0 {
		b = nil
	}
	k = r.setOf(k)
	r.key = row.AppendChunk(r.key[:0], k, no)
	tablesOf(r.hidden).chunks.put(&r.reader, r.key, b)
}

// AddChunk implements fold.Rows.
func (r *rows) AddChunk(k fold.SetKey, no uint64, b *fold.Chunk) {
	k = r.setOf(k)
	r.key = row.AppendChunk(r.key[:0], k, no)
	tablesOf(r.hidden).chunks.add(&r.reader, r.key, b)
}

// PutDirectory implements fold.Rows.
func (r *rows) PutDirectory(k fold.SetKey, d fold.Directory) {
	k = r.setOf(k)
	r.key = row.AppendDirectory(r.key[:0], k)
	if len(d) == 0 {
		tablesOf(r.hidden).directories.remove(&r.reader, r.key)
	} else {
		tablesOf(r.hidden).directories.put(&r.reader, r.key, &d)
	}
}

func (r *rows) putAccount(user string, a *row.Account) {
	r.key = row.AppendUser(r.key[:0], user)
	tablesOf(r.hidden).users.put(&r.reader, r.key, a)
}

// SetLost implements fold.Rows.
func (r *rows) SetLost(user string, by events.Seq) {
	a := row.Account{}
	if known := r.account(user); known != nil {
		a = *known
	}
	a.Lost = by
	r.putAccount(user, &a)
}

// SetSettings implements fold.Rows.
func (r *rows) SetSettings(user string, s *fold.Settings) {
	r.putAccount(user, &row.Account{Lost: lostOf(r.account(user)), Era: r.Era(user), Settings: *s})
}

// SetErased implements fold.Rows.
func (r *rows) SetErased(user string, by events.Seq) {
	r.putAccount(user, &row.Account{Lost: by, Era: by})
	for i := range tablesOf(r.hidden).unread {
		tablesOf(r.hidden).unread[i].rows.Drop(user)
	}
}
