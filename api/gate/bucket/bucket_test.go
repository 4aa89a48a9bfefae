package bucket

import (
	"strconv"
	"testing"
	"time"

	"reddot/projector/testkit"
)

func TestMain(m *testing.M) { testkit.Main(m) }

// TestBuckets: sixty at once, twenty a second, each user's own; a bucket that was
// forgotten is one that was full.
func TestBuckets(t *testing.T) {
	b := New(20, 60)
	at := time.Unix(1_000_000, 0)
	take := func(user string) int {
		n := 0
		for {
			if _, ok := b.Take(user, 1, at); !ok {
				return n
			}
			n++
		}
	}
	for _, step := range []struct {
		after time.Duration
		want  int
	}{{0, 60}, {0, 0}, {time.Second, 20}, {500 * time.Millisecond, 10}, {49 * time.Millisecond, 0}, {2900 * time.Millisecond, 58}, {time.Hour, 60}} {
		at = at.Add(step.after)
		if got := take("alice"); got != step.want {
			t.Errorf("after %v: %d taken, want %d", step.after, got, step.want)
		}
	}
	if got := take("bob"); got != 60 {
		t.Errorf("bob took %d, want 60", got)
	}
	wait, ok := b.Take("alice", 1, at)
	if ok || wait <= 0 || wait > 50*time.Millisecond {
		t.Errorf("an empty bucket says %v, %v", wait, ok)
	}
	if _, ok := b.Take("alice", 1, at.Add(wait)); !ok {
		t.Error("there is no token when it was told there would be one")
	}
}

// TestBucketsAreBounded: however many users ask, two generations are kept.
func TestBucketsAreBounded(t *testing.T) {
	b := New(20, 60)
	at := time.Unix(1_000_000, 0)
	for i := range 3 * maxBuckets {
		b.Take(strconv.Itoa(i), 1, at)
		if len(b.now)+len(b.old) > 2*maxBuckets {
			t.Fatalf("%d buckets after %d users", len(b.now)+len(b.old), i)
		}
	}
	at = at.Add(time.Hour)
	b.Take("alice", 1, at)
	b.Take("alice", 1, at.Add(time.Hour))
	if n := len(b.now) + len(b.old); n > 2 {
		t.Errorf("%d buckets are kept of users who are long gone", n)
	}
}

// TestEmpty: looking takes nothing, and many tokens are taken together or not at all.
func TestEmpty(t *testing.T) {
	b := New(1.0/3, 20)
	at := time.Unix(1_000_000, 0)
	if _, empty := b.Empty("a", at); empty {
		t.Error("a bucket that nobody used is empty")
	}
	if _, ok := b.Take("a", 21, at); ok {
		t.Error("more is taken than it holds")
	}
	if _, ok := b.Take("a", 20, at); !ok {
		t.Error("it was not full")
	}
	for range 2 {
		if wait, empty := b.Empty("a", at); !empty || wait <= 2*time.Second || wait > 3*time.Second {
			t.Errorf("%v, %v", wait, empty)
		}
	}
	if _, empty := b.Empty("a", at.Add(3*time.Second+time.Millisecond)); empty {
		t.Error("it is empty when it was told it would not be")
	}
	var none *Buckets
	if _, ok := none.Take("a", 1000, at); !ok || none.Burst() != 0 {
		t.Error("no buckets bound something")
	}
}
