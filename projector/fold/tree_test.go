package fold_test

import (
	"math/rand/v2"
	"testing"

	"reddot/projector/fold"
	"reddot/projector/testkit"
)

// treeRows are the rows of one tree.
type treeRows struct {
	fold.Rows
	nodes map[[2]uint64]*fold.Counts
	puts  int
}

func (t *treeRows) Counts(_ fold.TreeKey, level byte, no uint64) *fold.Counts {
	return t.nodes[[2]uint64{uint64(level), no}]
}

func (t *treeRows) PutCounts(_ fold.TreeKey, level byte, no uint64, c *fold.Counts) {
	t.puts++
	if at := [2]uint64{uint64(level), no}; c.Empty() {
		delete(t.nodes, at)
	} else {
		t.nodes[at] = c
	}
}

// TestTree compares trees with slices: points come and go, one by one and in heaps,
// in a log that grows; nothing is left of a tree that is empty.
func TestTree(t *testing.T) {
	rng := rand.New(rand.NewPCG(testkit.Seed(t), 5))
	for _, most := range []int{3, 300, 70_000, 20_000_000} {
		rows := &treeRows{nodes: map[[2]uint64]*fold.Counts{}}
		var k fold.TreeKey
		var points []fold.Pos
		check := func() {
			t.Helper()
			for _, p := range []fold.Pos{0, 1, 255, 256, 257, 65_535, 65_536, 1 << 40, fold.Pos(rng.IntN(most))} {
				want := int64(0)
				for _, q := range points {
					if q < p {
						want++
					}
				}
				if got := k.Below(rows, p); got != want {
					t.Fatalf("%d of %d points lie before %d, not %d", want, len(points), p, got)
				}
			}
		}
		for head := 1; head < most; head += 1 + rng.IntN(most/20+1) {
			var changes []fold.Change
			for range 1 + rng.IntN(4) {
				p := fold.Pos(rng.IntN(head))
				points = append(points, p)
				changes = append(changes, fold.Change{At: p, N: 1})
			}
			for len(points) > 0 && rng.IntN(3) > 0 {
				i := rng.IntN(len(points))
				changes = append(changes, fold.Change{At: points[i], N: -1})
				points = append(points[:i], points[i+1:]...)
			}
			k.Add(rows, changes...)
			check()
		}
		for _, p := range points {
			k.Add(rows, fold.Change{At: p, N: -1})
		}
		if points = nil; len(rows.nodes) > 0 {
			t.Errorf("%d rows are left of nothing", len(rows.nodes))
		}
		check()
	}
}

// TestTreeRows: what moves within a row writes that row alone, and what stays writes
// none.
func TestTreeRows(t *testing.T) {
	rows := &treeRows{nodes: map[[2]uint64]*fold.Counts{}}
	var k fold.TreeKey
	for _, test := range []struct {
		from, to fold.Pos
		puts     int
	}{{0, 0, 0}, {10, 200, 1}, {200, 300, 3}, {65_540, 65_600, 1}, {65_540, 66_000, 3}, {65_535, 65_536, 5}} {
		rows.puts = 0
		k.Add(rows, fold.Change{At: test.from, N: -1}, fold.Change{At: test.to, N: 1})
		if rows.puts != test.puts {
			t.Errorf("%d to %d writes %d rows, not %d", test.from, test.to, rows.puts, test.puts)
		}
	}
}
