package store

import (
	"cmp"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"reddot/events"
	"reddot/projector/fold"
	"reddot/projector/store/row"
)

// Shards fold many commands at once. Every table has a part for each, and every row is at
// home in one part: those of a group, and what it keeps of its members, by the group; those
// of the C2C part of an inbox by the user. So most commands change, and read, rows that are
// at home in one part. A shard folds those of its part, in the log's order, on a goroutine
// of its own; what it does can't differ from what one goroutine would do, as nobody else
// changes what it reads. A command for which that is not so is folded alone, between two
// rounds, by a reader of the whole: a barrier.
//
// What is at home nowhere is read by all shards: policies, the clock and sweeps, which only
// barriers change, and users' accounts, behind a lock, which only barriers change too.
// Of messages that expire a shard enters only its own, behind a lock.
//
// Position, outbox and who is notified are brought up to date after a round, command by
// command. So rows, digest and effects are the same for any number of shards.
//
// A new verb is a barrier until reachOf says otherwise.
//
// Invariants: a part's dirty rows are at home in it, which every commit checks; a row that is
// at home nowhere is changed by no shard, which every change checks; nothing is left to be
// swept while shards fold.

const (
	// mostShards bounds the shards: each has a share of the caches.
	mostShards = 8

	// whole is the part of a reader of all parts.
	whole = -1

	// roundMost bounds the commands of a round, whose effects are kept until it ends, and
	// roundWeight those effects; roundLeast is from how many commands on a round is worth its
	// goroutines.
	roundMost   = 16_384
	roundWeight = 131_072
	roundLeast  = 64

	// keptEffects bounds what of a command's effects is kept as room for others', of which
	// there may be roundMost for each shard.
	keptEffects = 4

	// turnCommands is after how many commands others get a turn.
	turnCommands = 32
)

// shardsOf is how many shards a store has.
func shardsOf(cfg Config) int {
	if cfg.Shards > 0 {
		return min(cfg.Shards, mostShards)
	}
	return min(runtime.GOMAXPROCS(0), mostShards)
}

// shard folds the commands of one part.
type shard struct {
	rows rows
	todo []int          // the commands of a round, by their place
	fx   []fold.Effects // what they did
	err  error          // at todo[len(todo)-1]
}

// share makes the shards.
func (s *Store) share() {
	s.roundLeast, s.processors = roundLeast, runtime.GOMAXPROCS(0)
	s.writers = make([]writer, len(tablesOf(s.hidden).unread))
	s.shards = make([]shard, len(tablesOf(s.hidden).unread))
	for i := range s.shards {
		s.shards[i].rows = rows{reader: reader{hidden: s.hidden, db: s.db, part: i}, store: s, pace: s.rows.pace}
	}
}

// partOf is the part in which the rows of an id are at home.
func (t *tables) partOf(id string) int {
	if len(t.unread) == 1 {
		return 0
	}
	return row.Home(id, len(t.unread))
}

// homeOf is the part in which a conversation is at home.
func (t *tables) homeOf(k fold.Key) int {
	if k.Kind == events.Group {
		return t.partOf(k.ID)
	}
	return t.partOf(k.User)
}

// reach says which shards fold a command.
type reach int

const (
	alone reach = iota // a barrier: none
	one                // that of an id
	each               // each its own part of it
	none               // it touches no rows
)

// reachOf says which shards fold a command, and, if one does, by which id.
func reachOf(e *Entry, pace fold.Pace) (r reach, id string) {
	c := &e.Command
	switch {
	case e.Skipped:
		return alone, ""
	case e.Invalid != "":
		return none, ""
	}
	switch c.Verb {
	case events.UserMessage, events.UserSent, events.UserRevoke, events.UserEdit:
		return one, c.Inbox
	case events.UserRead, events.UserUnread, events.UserMute, events.UserLevel, events.UserLabel,
		events.UserFollow, events.UserDelete, events.UserClear:
		if c.Conversation.Kind == events.Group {
			return one, c.Conversation.ID
		}
		return one, c.Inbox
	case events.UserReadAll:
		return each, ""
	case events.GroupMessage, events.GroupRevoke, events.GroupEdit, events.GroupPurge:
		return one, c.Inbox
	case events.GroupJoin:
		if uint64(len(c.Users)) <= pace.Bulk {
			return one, c.Inbox
		}
	}
	return alone, ""
}

// ApplyAll folds commands, the first of which has the next seq, as Apply does one after the
// other, and calls did with each and with what it did, in their order; fx is scratch.
func (s *Store) ApplyAll(batch []Entry, fx *fold.Effects, did func(*Entry, *fold.Effects)) error {
	fetched := 0
	for at := 0; at < len(batch); {
		n := s.round(batch[at:])
		if n >= s.roundLeast {
			if err := s.applyRound(batch[at:at+n], did); err != nil {
				return err
			}
			at += n
			continue
		}
		for end := at + max(n, 1); at < end; at++ {
			e := &batch[at]
			if at >= fetched {
				for fetched = at; fetched < min(at+prefetched, len(batch)); fetched++ {
					s.rows.prefetch(&batch[fetched])
				}
				s.rows.soon.Load()
			}
			if err := s.Apply(e, fx); err != nil {
				return fmt.Errorf("seq %d: %w", e.Seq, err)
			}
			did(e, fx)
			if s.Turn != nil && s.position.Applied%turnCommands == 0 {
				s.Turn()
			}
		}
	}
	return nil
}

// round shares out commands, from the first on, up to the next barrier, and returns how
// many.
func (s *Store) round(batch []Entry) (n int) {
	if s.rows.left != nil || len(batch) < s.roundLeast || s.workers() == 1 {
		return 0
	}
	for i := range s.shards {
		s.shards[i].todo = s.shards[i].todo[:0]
	}
	for weight := 0; n < min(len(batch), roundMost) && weight < roundWeight; {
		weight += weightOf(&batch[n].Command)
		reach, id := reachOf(&batch[n], s.rows.pace)
		switch reach {
		case alone:
			return n
		case one:
			part := &s.shards[tablesOf(s.hidden).partOf(id)]
			part.todo = append(part.todo, n)
		case each:
			for i := range s.shards {
				s.shards[i].todo = append(s.shards[i].todo, n)
			}
		}
		n++
	}
	return n
}

// weightOf is about how many users or conversations a command concerns: of some the rows
// say how many.
func weightOf(c *events.Command) int {
	n := 1 + len(c.Mentions) + len(c.Users)
	switch c.Verb {
	case events.GroupEdit, events.GroupRevoke, events.UserReadAll:
		n += roundWeight / 256
	}
	return n
}

// applyRound folds commands that were shared out.
func (s *Store) applyRound(batch []Entry, did func(*Entry, *fold.Effects)) error {
	s.unfit = true // until all is done
	for i := range batch {
		if err := batch[i].comesAfter(s.position.Applied + events.Seq(i)); err != nil {
			return fmt.Errorf("seq %d: %w", batch[i].Seq, err)
		}
	}
	s.eachShard(func(i int) { s.shards[i].fold(batch) })
	if err := s.failed(batch); err != nil {
		return err
	}
	s.unfit = false
	s.rounds++
	next := make([]int, len(s.shards))
	var invalid fold.Effects
	for i := range batch {
		e := &batch[i]
		var fx *fold.Effects
		for no := range s.shards {
			sh := &s.shards[no]
			if at := next[no]; at < len(sh.todo) && sh.todo[at] == i {
				next[no]++
				fx = joined(fx, &sh.fx[at])
			}
		}
		if fx == nil {
			fx = &invalid
			fx.Reset()
			fx.Refused = e.Invalid
		}
		s.follow(e, fx)
		did(e, fx)
	}
	for i := range s.shards {
		s.shards[i].spare()
	}
	return nil
}

// workers is how many goroutines fold: as many as there are processors, or one less.
func (s *Store) workers() int {
	n := s.processors
	if s.Yield {
		n--
	}
	return max(1, min(n, len(s.shards)))
}

// eachShard calls fn for every shard, on as many goroutines as there are to be, each of which
// takes the next one that nobody has begun.
func (s *Store) eachShard(fn func(shard int)) {
	workers := s.workers()
	var begun atomic.Int64
	work := func() {
		for i := int(begun.Add(1)) - 1; i < len(s.shards); i = int(begun.Add(1)) - 1 {
			fn(i)
		}
	}
	var others sync.WaitGroup
	for range workers - 1 {
		others.Go(work)
	}
	work()
	others.Wait()
}

// spare gives up the memory of what large commands did: else each place of a round would
// keep that of the largest there ever was.
func (sh *shard) spare() {
	for i := range sh.fx[:len(sh.todo)] {
		if fx := &sh.fx[i]; cap(fx.Changed)+cap(fx.Noted)+cap(fx.Receipts)+cap(fx.Authors) > keptEffects {
			*fx = fold.Effects{}
		}
	}
}

// failed is the error of the first command that could not be folded.
func (s *Store) failed(batch []Entry) (err error) {
	first := len(batch)
	for i := range s.shards {
		if sh := &s.shards[i]; sh.err != nil && sh.todo[len(sh.todo)-1] < first {
			first = sh.todo[len(sh.todo)-1]
			err = fmt.Errorf("seq %d: %w", batch[first].Seq, sh.err)
		}
	}
	return err
}

// fold folds a shard's commands, up to one that fails.
func (sh *shard) fold(batch []Entry) {
	sh.err = nil
	for len(sh.fx) < len(sh.todo) {
		sh.fx = append(sh.fx, fold.Effects{})
	}
	turn := sh.rows.store.Turn
	for at, i := range sh.todo {
		if at%prefetched == 0 {
			for _, i := range sh.todo[at:min(at+prefetched, len(sh.todo))] {
				sh.rows.prefetch(&batch[i])
			}
			sh.rows.soon.Load()
		}
		if sh.err = sh.apply(&batch[i], &sh.fx[at]); sh.err != nil {
			sh.todo = sh.todo[:at+1]
			return
		}
		if turn != nil && at%turnCommands == turnCommands-1 {
			turn()
		}
	}
}

func (sh *shard) apply(e *Entry, fx *fold.Effects) (err error) {
	defer catch(&err)
	fold.Apply(&sh.rows, e.Seq, e.Time, &e.Command, fx)
	return nil
}

// joined is what several shards have done of one command, in the order in which one would
// have done it: by conversation.
func joined(fx, more *fold.Effects) *fold.Effects {
	if fx == nil {
		return more
	}
	byConversation := func(a, b fold.Key) int { return compareConversations(a.ConversationID, b.ConversationID) }
	fx.Ignored = fx.Ignored && more.Ignored
	fx.Changed = append(fx.Changed, more.Changed...)
	slices.SortStableFunc(fx.Changed, byConversation)
	fx.Noted = append(fx.Noted, more.Noted...)
	slices.SortStableFunc(fx.Noted, byConversation)
	fx.Receipts = append(fx.Receipts, more.Receipts...)
	slices.SortStableFunc(fx.Receipts, func(a, b fold.ReceiptKey) int { return byConversation(a.Key, b.Key) })
	fx.Authors = append(fx.Authors, more.Authors...)
	slices.SortStableFunc(fx.Authors, func(a, b fold.Author) int { return strings.Compare(a.Group, b.Group) })
	fx.Threads = append(fx.Threads, more.Threads...)
	slices.SortStableFunc(fx.Threads, func(a, b fold.ThreadKey) int { return cmp.Compare(a.Group, b.Group) })
	return fx
}
