package fold

import (
	"cmp"
	"slices"

	"reddot/events"
)

// treeFan is the number of counts in one row of a tree. It is part of the stored
// format.
const treeFan = 256

// Counts is one row of a tree: how many lie at each of treeFan positions, or below
// each of so many rows of the level below.
type Counts [treeFan]int64

// Empty reports whether all counts are 0.
func (c *Counts) Empty() bool { return *c == Counts{} }

// sum adds up the first n counts; nil is all 0.
func (c *Counts) sum(n uint64) (sum int64) {
	if c != nil {
		for _, x := range c[:n] {
			sum += x
		}
	}
	return sum
}

// TreeKind distinguishes the trees of a group. The values are stored.
type TreeKind byte

// The kinds of tree. Pieces are what members have given receipts for: each counts
// -1 at the position that it begins after and 1 at its last one, so that as many
// cover a position as what lies below it falls short of 0.
const (
	TreeJoins  TreeKind = 'j' // members, at the positions of their joins
	TreePieces TreeKind = 's' // pieces of the whole log
	TreeApart  TreeKind = 't' // pieces of one timeline
)

// TreeKey names a tree of a group.
type TreeKey struct {
	Group    string
	Era      events.Seq // of the dismissal that it came after: each one ends all trees
	Kind     TreeKind
	Timeline string // TreeApart: the thread, "" for the main timeline
}

// tree names one of a group's trees.
func (l *Log) tree(group string, kind TreeKind, timeline string) TreeKey {
	return TreeKey{group, l.Dismissed, kind, timeline}
}

// Change is what is added to a tree's count at a position.
type Change struct {
	At Pos
	N  int64
}

// Add changes counts, in any order. What is at a position is counted on each level
// below which the position lies, but never in the first count of a level above the
// lowest: that is the sum of the first rows below. So a tree grows with its
// positions and no row says how high it is, and one row is written where something
// moves within it.
func (k TreeKey) Add(rows Rows, changes ...Change) {
	changes = merged(changes)
	for level := byte(0); len(changes) > 0; level++ {
		above := changes[:0]
		for i := 0; i < len(changes); {
			no, sum := changes[i].At/treeFan, int64(0)
			c := rows.Counts(k, level, uint64(no))
			if c == nil {
				c = new(Counts)
			}
			for ; i < len(changes) && changes[i].At/treeFan == no; i++ {
				c[changes[i].At%treeFan] += changes[i].N
				sum += changes[i].N
			}
			rows.PutCounts(k, level, uint64(no), c)
			if sum != 0 && no > 0 {
				above = append(above, Change{no, sum})
			}
		}
		changes = above
	}
}

// merged are changes in the order of their positions, one for each.
func merged(changes []Change) []Change {
	slices.SortFunc(changes, func(a, b Change) int { return cmp.Compare(a.At, b.At) })
	all := changes[:0]
	for _, c := range changes {
		if n := len(all); n > 0 && all[n-1].At == c.At {
			all[n-1].N += c.N
		} else {
			all = append(all, c)
		}
	}
	return slices.DeleteFunc(all, func(c Change) bool { return c.N == 0 })
}

// Below adds up the counts of all positions before p.
func (k TreeKey) Below(r Reader, p Pos) (n int64) {
	at := uint64(p)
	for level := byte(0); ; level++ {
		n += r.Counts(k, level, at/treeFan).sum(at % treeFan)
		if at /= treeFan; at == 0 {
			return n
		}
		n += r.Counts(k, level, 0).sum(treeFan) // the first count above
	}
}
