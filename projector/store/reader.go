package store

import (
	"fmt"
	"slices"

	"github.com/cockroachdb/pebble/v2"

	"reddot/events"
	"reddot/projector/fold"
	"reddot/projector/store/row"
)

// reader reads rows, in one of two states: the fold's, with all that it has changed
// so far, or a snapshot's, as of one commit. It implements fold.Reader; a read that
// fails panics, and whoever gave the reader away catches that.
type reader struct {
	hidden
	db   pebble.Reader // the store's, or a snapshot of it
	left *fold.Sweeps  // to be swept
	snap *Snapshot     // whose state is read; nil: the fold's
	part int           // of the tables, that the fold's reader is of; or whole
	key  []byte        // scratch: the row that was asked for last
	last lastLog       // of a snapshot, whose rows don't change
}

// lastLog is the log that was read last, and its name in the keys of rows: who reads
// a message mostly reads others of the same log.
type lastLog struct {
	of, rows fold.Key
	log      *fold.Log // nil: none was read
}

// read returns the row with a key, nil if there is none.
func (t *table[R]) read(r *reader, key []byte) *R {
	r.key = key
	if r.snap == nil {
		return t.get(r, key)
	}
	return t.shownTo(r.snap, key)
}

// there returns a row that must be there.
func there[R any](p *R, key []byte) *R {
	if p == nil {
		check(rowError(key, fmt.Errorf("%w: it is missing", row.ErrCorrupt)))
	}
	return p
}

// Conversation implements fold.Reader.
func (r *reader) Conversation(k fold.Key) *fold.Conversation {
	c := r.Stored(k)
	if r.left != nil {
		c = r.left.Now(k, c)
	}
	return c
}

// Stored implements fold.Reader.
func (r *reader) Stored(k fold.Key) *fold.Conversation {
	if r.snap != nil {
		if c, known := r.snap.inList(k); known {
			return c
		}
	}
	return tablesOf(r.hidden).conversations[k.Kind].read(r, row.AppendConversation(r.key[:0], k))
}

// Conversations implements fold.Reader.
func (r *reader) Conversations(user string) []fold.Key {
	if r.snap != nil {
		return r.snap.conversationsOf(user)
	}
	keys := conversationsOf(r.db, user)
	r.changedOf(user, func(k fold.Key) { keys = append(keys, k) })
	keys = append(keys, r.left.Joined(user)...)
	keys = slices.DeleteFunc(keys, func(k fold.Key) bool { return r.Conversation(k) == nil })
	slices.SortFunc(keys, func(a, b fold.Key) int { return compareConversations(a.ConversationID, b.ConversationID) })
	return slices.Compact(keys)
}

// Lost implements fold.Reader; for the fold, as it is stored.
func (r *reader) Lost(user string) events.Seq {
	if r.snap != nil {
		return r.snap.lost(user)
	}
	return lostOf(r.account(user))
}

// account returns the row of a user's account, nil if there is none.
func (r *reader) account(user string) *row.Account {
	return tablesOf(r.hidden).users.read(r, row.AppendUser(r.key[:0], user))
}

// Settings implements fold.Reader.
func (r *reader) Settings(user string) *fold.Settings {
	if r.snap != nil {
		return settingsOf(r.snap.accountOf(user))
	}
	return settingsOf(r.account(user))
}

func lostOf(a *row.Account) events.Seq {
	if a == nil {
		return 0
	}
	return a.Lost
}

// noSettings are those of a user without an account.
var noSettings fold.Settings

func settingsOf(a *row.Account) *fold.Settings {
	if a == nil {
		return &noSettings
	}
	return &a.Settings
}

// Era implements fold.Rows.
func (r *reader) Era(user string) events.Seq {
	return eraOf(r.account(user))
}

func eraOf(a *row.Account) events.Seq {
	if a == nil {
		return 0
	}
	return a.Era
}

// Group implements fold.Reader.
func (r *reader) Group(group string) *fold.Log {
	return tablesOf(r.hidden).groups.read(r, row.AppendGroup(r.key[:0], group))
}

// Sender implements fold.Reader.
func (r *reader) Sender(k fold.Key) *fold.Sender {
	if r.snap != nil {
		if s, known := r.snap.senderInList(k); known {
			return s
		}
	}
	return tablesOf(r.hidden).senders.read(r, row.AppendSender(r.key[:0], k))
}

// logOf returns a log, nil if there is none, and how it is named in the keys of
// the rows that it has beside its own.
func (r *reader) logOf(lk fold.Key) (l *fold.Log, rows fold.Key) {
	if r.last.log != nil && r.last.of == lk {
		return r.last.log, r.last.rows
	}
	l, rows = r.findLog(lk)
	if r.snap != nil {
		r.last = lastLog{lk, rows, l}
	}
	return l, rows
}

func (r *reader) findLog(lk fold.Key) (l *fold.Log, rows fold.Key) {
	if lk.Kind == events.Group {
		return r.Group(lk.ID), lk
	}
	era := events.Seq(0)
	if c := r.Conversation(lk); c != nil {
		l, era = c.Log, c.Era
	} else {
		era = r.Era(lk.User)
	}
	if era > 0 {
		lk.User = row.InEra(lk.User, era)
	}
	return l, lk
}

// rowsOf is the name of a log, or of the owner of a set, in the keys of rows.
func (r *reader) rowsOf(lk fold.Key) fold.Key {
	if lk.Kind != events.C2C {
		return lk
	}
	_, lk = r.logOf(lk)
	return lk
}

// setOf is rowsOf for a set.
func (r *reader) setOf(k fold.SetKey) fold.SetKey {
	k.Owner = r.rowsOf(k.Owner)
	return k
}

// Index implements fold.Reader. The ids of the unfinished page are looked for
// there, those of all others, and what awaits an id, in rows of their own.
func (r *reader) Index(log fold.Key, id string) (fold.Index, bool) {
	l, log := r.logOf(log)
	if l != nil && l.Tail != "" {
		if i, ok := row.FindInTail(l, id); ok {
			return i, true
		}
	}
	if i := tablesOf(r.hidden).indexes.read(r, row.AppendIndex(r.key[:0], log, id)); i != nil {
		return *i, true
	}
	return fold.Index{}, false
}

// page returns a page of a log.
func (r *reader) page(lk fold.Key, no uint64) row.Page {
	l, lk := r.logOf(lk)
	if l != nil && l.Tail != "" && no == row.PageNo(l.Head.Pos) {
		return row.TailOf(l)
	}
	p := tablesOf(r.hidden).pages.read(r, row.AppendPage(r.key[:0], lk, no))
	return *there(p, r.key)
}

// Message implements fold.Reader.
func (r *reader) Message(log fold.Key, pos fold.Pos) fold.Message {
	m, err := r.page(log, row.PageNo(pos)).Message(log, pos)
	if err != nil {
		check(rowError(row.AppendPage(nil, log, row.PageNo(pos)), err))
	}
	return m
}

// PageBase implements fold.Reader.
func (r *reader) PageBase(log fold.Key, no uint64) fold.Ord { return r.page(log, no).Base }

// TimeBlock implements fold.Reader.
func (r *reader) TimeBlock(log fold.Key, block uint64) fold.Span {
	log = r.rowsOf(log)
	span := tablesOf(r.hidden).blocks.read(r, row.AppendBlock(r.key[:0], log, block))
	return *there(span, r.key)
}

// Chunk implements fold.Reader.
func (r *reader) Chunk(k fold.SetKey, no uint64) *fold.Chunk {
	k = r.setOf(k)
	return tablesOf(r.hidden).chunks.read(r, row.AppendChunk(r.key[:0], k, no))
}

// Counts implements fold.Reader.
func (r *reader) Counts(k fold.TreeKey, level byte, no uint64) *fold.Counts {
	return tablesOf(r.hidden).trees.read(r, row.AppendCounts(r.key[:0], k, level, no))
}

// Member implements fold.Reader.
func (r *reader) Member(group, user string) *fold.Member {
	return tablesOf(r.hidden).members.read(r, row.AppendMember(r.key[:0], group, user))
}

// Piece implements fold.Reader.
func (r *reader) Piece(group, user, timeline string) *fold.Piece {
	return tablesOf(r.hidden).pieces.read(r, row.AppendPiece(r.key[:0], group, user, timeline))
}

// Wanted implements fold.Reader.
func (r *reader) Wanted(group string) *fold.Wanted {
	return tablesOf(r.hidden).wanted.read(r, row.AppendWanted(r.key[:0], group))
}

// Policies implements fold.Reader; those of the fold are others.
func (r *reader) Policies() fold.Policies { return r.snap.position.Policies }

// Sweeps implements fold.Reader.
func (r *reader) Sweeps() *fold.Sweeps { return r.left }

// Directory implements fold.Reader.
func (r *reader) Directory(k fold.SetKey) fold.Directory {
	k = r.setOf(k)
	if d := tablesOf(r.hidden).directories.read(r, row.AppendDirectory(r.key[:0], k)); d != nil {
		return *d
	}
	return nil
}
