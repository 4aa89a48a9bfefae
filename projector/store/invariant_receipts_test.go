package store_test

import (
	"strings"

	"reddot/projector/fold"
)

// receipts checks that the trees of every group add up to what its memberships say:
// for each message, who could have read it and who has.
func (a *audit) receipts() {
	for _, g := range a.rows["g"] {
		a.groupReceipts(g)
	}
	for _, key := range a.rows["q"] {
		group, rest, _ := strings.Cut(key, "\x00")
		user, timeline, _ := strings.Cut(rest, "\x00")
		m := a.members[group+"\x00"+user]
		p := a.Piece(group, user, timeline)
		if m == nil || m.Pieces == 0 || p.To <= max(m.Join, m.Seen) || p.To > a.Group(group).Head.Pos {
			a.fail("%q has receipts in %q of %q up to %+v, as the member %+v", user, timeline, group, p, m)
		}
	}
	for _, g := range a.rows["j"] {
		for i, w := range a.Wanted(g).Messages {
			m := a.Message(fold.GroupKey(g), w.Pos)
			if m.From != w.From || m.Thread != w.Thread || i > 0 && w.Pos <= a.Wanted(g).Messages[i-1].Pos ||
				w.Pos > a.Group(g).Purged.Pos && fold.Unreadable(a, g, a.Group(g), w.Pos, &m) {
				a.fail("%q: the readers of %+v are told to %+v", g, m, w)
			}
		}
	}
}

// groupReceipts compares the trees of a group with its members one by one.
func (a *audit) groupReceipts(g string) {
	log := a.Group(g)
	for pos := fold.Pos(1); pos <= log.Head.Pos; pos = next(pos, log.Head.Pos) {
		m := a.Message(fold.GroupKey(g), pos)
		var read, members uint64
		a.EachMember(g, "", func(user string, x fold.Member) bool {
			if x.Seen > log.Head.Pos {
				a.fail("%q of %q has seen %d of %d", user, g, x.Seen, log.Head.Pos)
			}
			if user == m.From || x.Join >= pos {
				return true
			}
			members++
			if _, has := fold.ReadAt(a, g, user, x, pos, m.Thread); has {
				read++
			}
			return true
		})
		if by, of := fold.ReadBy(a, g, log, pos, &m); by != read || of != members {
			a.fail("message %d of %q is read by %d of %d members, the trees say %d of %d", pos, g, read, members, by, of)
		}
	}
}

// next is the next message to look at: all of the first ones, some of many.
func next(pos, head fold.Pos) fold.Pos {
	if pos < 40 || head-pos < 3 {
		return pos + 1
	}
	return min(pos+head/20+1, head-2)
}
