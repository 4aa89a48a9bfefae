package cache_test

import (
	"fmt"
	"testing"

	"reddot/events"
	"reddot/projector/store/cache"
	"reddot/projector/testkit"
)

const entryBytes = 100 // of every entry of these tests

// TestCacheKeepsWhatIsUsed: what is used stays, within the bound, and what is not
// is forgotten.
func TestCacheKeepsWhatIsUsed(t *testing.T) {
	const room = 10
	c := cache.New[int](room * entryBytes)
	c.Add("used", -1, entryBytes)
	c.Add("peeked at", -2, entryBytes)
	held := 0
	for n := range 10 * room {
		if e := c.Get([]byte("used")); e == nil || e.Value != -1 {
			t.Fatalf("after %d others, the entry that is used is %+v", n, e)
		}
		c.Peek("peeked at")
		c.Add(fmt.Sprint(n), n, entryBytes)
		c.Trim()
		held = 0
		for i := range n + 1 {
			if c.Peek(fmt.Sprint(i)) != nil {
				held++
			}
		}
		if held > room+1 {
			t.Fatalf("%d entries of %d bytes in a cache of %d", held, entryBytes, room*entryBytes)
		}
	}
	if held < room/2-1 {
		t.Errorf("only %d entries are kept", held)
	}
	if c.Peek("peeked at") != nil {
		t.Error("an entry that nobody used is kept")
	}
}

// TestCacheResize: entries that grow push others out, and give the room back when
// they are dropped.
func TestCacheResize(t *testing.T) {
	c := cache.New[int](4 * entryBytes)
	e := c.Add("grows", 1, entryBytes)
	c.Resize(e, 10*entryBytes)
	c.Trim() // too large for the young generation
	c.Add("new", 2, entryBytes)
	if c.Peek("grows") == nil || c.Peek("new") == nil {
		t.Fatal("the older generation is forgotten at once")
	}
	c.Resize(e, 20*entryBytes) // of the older generation, which is not counted
	c.Trim()
	if c.Peek("new") == nil {
		t.Error("an older entry's bytes count")
	}
	big := c.Add("big", 3, 10*entryBytes)
	c.Drop("big")
	c.Resize(big, 20*entryBytes)
	c.Trim()
	c.Trim()
	if c.Peek("big") != nil || c.Peek("new") == nil {
		t.Error("an entry that was dropped still takes room")
	}
}

// TestShared: whatever commits and readers do, a reader is given a row as it was at
// the reader's position, or nothing.
func TestShared(t *testing.T) {
	rng := testkit.Rand(t)
	s := cache.NewShared[events.Seq](20 * entryBytes)
	const keys = 30
	history := map[string][]events.Seq{} // when each row was changed
	rowAt := func(key string, at events.Seq) (row events.Seq) {
		for _, seq := range history[key] {
			if seq <= at {
				row = seq
			}
		}
		return row
	}
	now, hits := events.Seq(0), 0
	for range 50_000 {
		key := fmt.Sprint(rng.IntN(keys))
		switch rng.IntN(10) {
		case 0:
			now++
			for range rng.IntN(4) {
				changed := fmt.Sprint(rng.IntN(keys))
				history[changed] = append(history[changed], now)
			}
			s.Advance(now, func(rows cache.Changes[events.Seq]) {
				for key := range history {
					row := rowAt(key, now)
					if row != now {
						continue
					}
					if rng.IntN(5) == 0 {
						rows.Drop(key)
					} else if rows.Replace(key, &row, entryBytes); rng.IntN(2) == 0 {
						if is, ok := rows.Row(key); ok && *is != now {
							t.Fatalf("row %s, replaced at %d, is that of %d", key, now, *is)
						}
					}
				}
			})
		case 1, 2, 3:
			at := now - min(now, events.Seq(rng.IntN(3)))
			row := rowAt(key, at)
			s.Add(at, key, &row, entryBytes)
		default:
			at := now + 1 - min(now+1, events.Seq(rng.IntN(4)))
			row, ok := s.Get([]byte(key), at)
			if ok && *row != rowAt(key, at) {
				t.Fatalf("row %s at %d is that of %d, not of %d", key, at, *row, rowAt(key, at))
			}
			if ok && at > now {
				t.Fatalf("a row at %d is known when the last commit is %d", at, now)
			}
			if ok {
				hits++
			}
		}
	}
	if hits == 0 {
		t.Error("the cache never knew a row")
	}
}
