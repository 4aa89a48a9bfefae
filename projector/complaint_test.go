package projector

import (
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"
)

// TestComplaint says the same over and over, in turns with something else, and
// something new each time: the log has each text once, and a bounded number of
// them.
func TestComplaint(t *testing.T) {
	var text strings.Builder
	c := newComplaint("reading", slog.New(slog.NewTextHandler(&text, nil)))
	now := time.Unix(1_000, 0)
	if c.over(now); c.now() != nil || text.Len() > 0 {
		t.Errorf("before anything was wrong: %v, %q", c.now(), text.String())
	}
	for range 1_000 {
		c.is(errors.New("one"), now)
		c.is(errors.New("two"), now)
	}
	if c.now() == nil || strings.Count(text.String(), "one") != 1 || strings.Count(text.String(), "two") != 1 {
		t.Errorf("%v is wrong, the log is %q", c.now(), text.String())
	}
	c.over(now.Add(3 * time.Second))
	c.over(now.Add(4 * time.Second))
	if c.now() != nil || strings.Count(text.String(), "well again") != 1 || !strings.Contains(text.String(), "after=3s") {
		t.Errorf("it is over, the log is %q", text.String())
	}
	text.Reset()
	for i := range 1_000 {
		c.is(fmt.Errorf("text %d", i), now)
	}
	if n := strings.Count(text.String(), "\n"); n != maxTexts-2 {
		t.Errorf("%d lines", n)
	}
	text.Reset()
	if c.is(errors.New("one"), now.Add(sameText)); strings.Count(text.String(), "one") != 1 {
		t.Errorf("after a while it is not logged again: %q", text.String())
	}
}

// TestStandstill looks at something that moves, has nothing to do, and stands
// still.
func TestStandstill(t *testing.T) {
	var text strings.Builder
	s := &standstill{what: "it", logger: slog.New(slog.NewTextHandler(&text, nil))}
	begin := time.Unix(1_000, 0)
	look := func(second int, moved uint64, behind bool, want bool) {
		t.Helper()
		s.look(begin.Add(time.Duration(second)*time.Second), moved, behind, 3*time.Second, 7, func() string { return "a reason" })
		if got := s.get(); (got != nil) != want {
			t.Errorf("after %d s it stands still: %+v", second, got)
		}
	}
	look(0, 1, true, false)
	look(2, 1, true, false)
	look(3, 1, true, true)
	look(9, 1, true, true)
	if got := s.get(); got.Seq != 7 || got.Since != 1_000_000 || got.Reason != "a reason" {
		t.Errorf("%+v", got)
	}
	look(10, 2, true, false)
	look(12, 2, false, false)
	look(14, 2, true, false)
	look(15, 2, true, true)
	look(16, 2, false, false)
	if n, m := strings.Count(text.String(), "it stands still"), strings.Count(text.String(), "it moves again"); n != 2 || m != 2 {
		t.Errorf("%q", text.String())
	}
}
