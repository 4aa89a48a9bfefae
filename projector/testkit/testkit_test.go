package testkit

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestMain(m *testing.M) { Main(m) }

// recorder is a test that notes how it fails.
type recorder struct {
	testing.TB
	failed []string
}

func (r *recorder) Helper() {}

func (r *recorder) Errorf(format string, args ...any) {
	r.failed = append(r.failed, fmt.Sprintf(format, args...))
}

func (r *recorder) Fatalf(format string, args ...any) {
	r.Errorf(format, args...)
	panic(r)
}

// failures runs what may fail.
func failures(t *testing.T, run func(testing.TB)) []string {
	r := &recorder{TB: t}
	func() {
		defer func() {
			if p := recover(); p != nil && p != any(r) {
				panic(p)
			}
		}()
		run(r)
	}()
	return r.failed
}

func TestReplay(t *testing.T) {
	t.Run("a b/c (d)", func(t *testing.T) {
		*effortFlag = 3
		defer func() { *effortFlag = 1 }()
		const want = `go test ./projector/testkit -run '^TestReplay$/^a_b$/^c_\(d\)$' -seed 7 -effort 3`
		if got := Replay(t, 7); got != want {
			t.Errorf("got %s\nwant %s", got, want)
		}
	})
}

func TestSeed(t *testing.T) {
	defer func(given seed) { *seedFlag = given }(*seedFlag)
	*seedFlag = seed{fresh: true}
	if a, b := Seed(t), Seed(t); a == b || a == 0 {
		t.Errorf("drew %d, then %d", a, b)
	}
	*seedFlag = seed{}
	var other uint64
	t.Run("other", func(t *testing.T) { other = Seed(t) })
	if a, b := Seed(t), Seed(t); a != b || a == 0 || a == other {
		t.Errorf("the test's own seed is %d, then %d, another one's %d", a, b, other)
	}
	*seedFlag = seed{given: 9}
	if Seed(t) != 9 || Rand(t).Uint64() != Rand(t).Uint64() {
		t.Error("a seed that is given is not taken")
	}
}

func TestEffort(t *testing.T) {
	defer func(given uint) { *effortFlag = given }(*effortFlag)
	for given, want := range map[uint]int{0: 16, 1: 16, 7: 112} {
		*effortFlag = given
		if n, d := Effort(16), Duration(16); n != want/spared || d != time.Duration(want) {
			t.Errorf("effort %d: %d times, for %d", given, n, d)
		}
	}
}

func TestGolden(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a", "b")
	check := func(tb testing.TB, got string) func(testing.TB) {
		return func(tb testing.TB) { Golden(tb, path, got) }
	}
	defer func(given bool) { *rewriteFlag = given }(*rewriteFlag)
	*rewriteFlag = false
	if got := failures(t, check(t, "one")); len(got) != 1 || !strings.Contains(got[0], "-rewrite") {
		t.Errorf("no file: %q", got)
	}
	*rewriteFlag = true
	check(t, "one")(t)
	*rewriteFlag = false
	check(t, "one")(t)
	if got := failures(t, check(t, "two")); len(got) != 1 || !strings.Contains(got[0], "two") {
		t.Errorf("another text: %q", got)
	}
}

func TestReceive(t *testing.T) {
	c := make(chan int, 1)
	c <- 3
	if got := Receive(t, "a number", c); got != 3 {
		t.Errorf("received %d", got)
	}
	close(c)
	if got := Receive(t, "the end", c); got != 0 {
		t.Errorf("received %d of a closed channel", got)
	}
}

func TestEventually(t *testing.T) {
	looks := 0
	Eventually(t, "third look", func() bool { looks++; return looks == 3 })
	if looks != 3 {
		t.Errorf("%d looks", looks)
	}
}

func TestBuffer(t *testing.T) {
	var b Buffer
	fmt.Fprint(&b, "one two\nthree\n")
	if !b.Has("two", "one") || b.Has("two", "three") || b.String() != "one two\nthree\n" {
		t.Error("lines are not found by their words")
	}
	if b.Reset(); b.String() != "" {
		t.Error("not empty after a reset")
	}
}

// TestLeaked: a goroutine that goes on is shown, one that has ended is not.
func TestLeaked(t *testing.T) {
	c := make(chan struct{})
	go func() { <-c }()
	if err := leaked(0); err == nil || !strings.Contains(err.Error(), "TestLeaked") {
		t.Errorf("a goroutine that waits: %v", err)
	}
	close(c)
	if err := leaked(endWithin); err != nil {
		t.Error(err)
	}
}
