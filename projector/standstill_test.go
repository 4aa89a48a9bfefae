package projector

import (
	"log/slog"
	"strings"
	"testing"
	"time"
)

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
