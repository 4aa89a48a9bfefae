package log

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
	c := NewComplaint("reading", slog.New(slog.NewTextHandler(&text, nil)))
	now := time.Unix(1_000, 0)
	if c.Over(now); c.Now() != nil || text.Len() > 0 {
		t.Errorf("before anything was wrong: %v, %q", c.Now(), text.String())
	}
	for range 1_000 {
		c.Is(errors.New("one"), now)
		c.Is(errors.New("two"), now)
	}
	if c.Now() == nil || strings.Count(text.String(), "one") != 1 || strings.Count(text.String(), "two") != 1 {
		t.Errorf("%v is wrong, the log is %q", c.Now(), text.String())
	}
	c.Over(now.Add(3 * time.Second))
	c.Over(now.Add(4 * time.Second))
	if c.Now() != nil || strings.Count(text.String(), "well again") != 1 || !strings.Contains(text.String(), "after=3s") {
		t.Errorf("it is over, the log is %q", text.String())
	}
	text.Reset()
	for i := range 1_000 {
		c.Is(fmt.Errorf("text %d", i), now)
	}
	if n := strings.Count(text.String(), "\n"); n != maxTexts-2 {
		t.Errorf("%d lines", n)
	}
	text.Reset()
	if c.Is(errors.New("one"), now.Add(sameText)); strings.Count(text.String(), "one") != 1 {
		t.Errorf("after a while it is not logged again: %q", text.String())
	}
}
