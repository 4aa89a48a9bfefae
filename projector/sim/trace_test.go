package sim

import (
	"fmt"
	"hash/fnv"
	"time"
)

// trace is what happened in a run, in order: two runs of one seed must have the
// same.
type trace struct {
	hash  uint64
	count int
	keep  bool
	lines []string // if keep
}

// note enters one thing that happened.
func (t *trace) note(at time.Duration, format string, args ...any) {
	line := fmt.Appendf(make([]byte, 0, 128), "%12v  ", at)
	line = fmt.Appendf(line, format, args...)
	h := fnv.New64a()
	_, _ = fmt.Fprintf(h, "%x", t.hash)
	_, _ = h.Write(line)
	t.hash = h.Sum64()
	t.count++
	if t.keep {
		t.lines = append(t.lines, string(line))
	}
}
