package fold

import (
	"maps"
	"slices"
	"strings"

	"reddot/events"
)

// Member is a membership as its group has it: since when, and for what the member
// has given receipts (rule seen): for the messages between the join and Seen, and
// for those of some timelines up to a further place, a [Piece] each. The zero Member
// is none.
type Member struct {
	Joined events.Seq // the command that joined
	Join   Pos        // the group's head then
	Seen   Pos        // 0: the member has given no receipt for the whole log
	SeenAt events.Time
	Pieces uint64 // how many timelines have one
}

// seen is up to where the member has given receipts for the whole log.
func (m Member) seen() Pos { return max(m.Join, m.Seen) }

// Piece is up to where a member has given receipts for one timeline, beyond what
// there is for the whole log.
type Piece struct {
	To Pos
	At events.Time // of the read that set it
}

// memberOf is the membership of a user who has a conversation with a group. What is
// stored may be of an earlier one that is left to be swept, or nothing.
func memberOf(r Reader, k Key, c *Conversation) Member {
	if m := r.Member(k.ID, k.User); m != nil && m.Joined == c.JoinSeq {
		return *m
	}
	return joined(c)
}

// joined is the membership of one who has given no receipts.
func joined(c *Conversation) Member { return Member{Joined: c.JoinSeq, Join: c.Join.Pos} }

// gone is a membership that ends.
type gone struct {
	user string
	Member
}

// count enters memberships into a group's trees.
func (s *step) count(g string, log *Log, all ...gone) { s.addToTrees(g, log, 1, all) }

// uncount takes memberships out of a group's trees.
func (s *step) uncount(g string, log *Log, all ...gone) { s.addToTrees(g, log, -1, all) }

func (s *step) addToTrees(g string, log *Log, sign int64, all []gone) {
	var joins, pieces []Change
	apart := map[string][]Change{}
	for _, m := range all {
		joins = append(joins, Change{m.Join, sign})
		if to := m.seen(); to > m.Join {
			pieces = append(pieces, Change{m.Join, -sign}, Change{to, sign})
		}
		if m.Pieces == 0 {
			continue
		}
		for _, timeline := range s.Pieces(g, m.user) {
			apart[timeline] = append(apart[timeline], Change{m.seen(), -sign}, Change{s.piece(g, m.user, timeline).To, sign})
		}
	}
	log.tree(g, TreeJoins, "").Add(s, joins...)
	log.tree(g, TreePieces, "").Add(s, pieces...)
	for _, timeline := range slices.Sorted(maps.Keys(apart)) {
		log.tree(g, TreeApart, timeline).Add(s, apart[timeline]...)
	}
}

// piece is a piece that must be there.
func (s *step) piece(g, user, timeline string) *Piece {
	p := s.Piece(g, user, timeline)
	if p == nil {
		Break(Key{user, GroupKey(g).ConversationID}, "its receipts in %q are missing", timeline)
	}
	return p
}

// forget deletes the rows of a membership.
func (s *step) forget(g, user string, m Member) {
	if m.Pieces > 0 {
		for _, timeline := range s.Pieces(g, user) {
			s.PutPiece(g, user, timeline, nil)
		}
	}
	s.DeleteMember(g, user)
}

// erased lists the memberships of those who have been erased and are left to be
// swept, as far as the group still counts them: see [Log.Members].
func erased(r Reader, g string, log *Log) (all []gone) {
	p := r.Sweeps()
	for user := range p.Erased() {
		k := Key{user, GroupKey(g).ConversationID}
		p.follow(k, r.Stored(k), func(w *Sweep, c *Conversation) {
			if w.Kind == SweepErase && log.Dismissed < w.Seq {
				all = append(all, gone{user, memberOf(r, k, c)})
			}
		})
	}
	slices.SortStableFunc(all, func(a, b gone) int { return strings.Compare(a.user, b.user) })
	return all
}
