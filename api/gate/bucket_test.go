package gate

import (
	"strconv"
	"testing"
	"time"
)

// TestBuckets: sixty at once, twenty a second, each user's own; a bucket that was
// forgotten is one that was full.
func TestBuckets(t *testing.T) {
	b := newBuckets(20, 60)
	at := time.Unix(1_000_000, 0)
	take := func(user string) int {
		n := 0
		for {
			if _, ok := b.take(user, at); !ok {
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
	wait, ok := b.take("alice", at)
	if ok || wait <= 0 || wait > 50*time.Millisecond {
		t.Errorf("an empty bucket says %v, %v", wait, ok)
	}
	if _, ok := b.take("alice", at.Add(wait)); !ok {
		t.Error("there is no token when it was told there would be one")
	}
}

// TestBucketsAreBounded: however many users ask, two generations are kept.
func TestBucketsAreBounded(t *testing.T) {
	b := newBuckets(20, 60)
	at := time.Unix(1_000_000, 0)
	for i := range 3 * maxBuckets {
		b.take(strconv.Itoa(i), at)
		if len(b.now)+len(b.old) > 2*maxBuckets {
			t.Fatalf("%d buckets after %d users", len(b.now)+len(b.old), i)
		}
	}
	at = at.Add(time.Hour)
	b.take("alice", at)
	b.take("alice", at.Add(time.Hour))
	if n := len(b.now) + len(b.old); n > 2 {
		t.Errorf("%d buckets are kept of users who are long gone", n)
	}
}
