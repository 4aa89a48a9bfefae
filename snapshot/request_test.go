package snapshot

import (
	"testing"

	"reddot/events"
)

// TestOlderTaken: a snapshot that is older than the last one is not the last one.
func TestOlderTaken(t *testing.T) {
	s := new(Scheduler)
	s.mu.last = &events.Snapshot{Run: "asked", State: events.Done, Seq: 5}
	for _, seq := range []events.Seq{9, 7} {
		s.taken(Created{Manifest: &Manifest{Seq: seq}})
		if got := s.Last(); got.Run != "asked" || got.State != events.Done || got.Seq != 9 {
			t.Errorf("after one of seq %d: %+v", seq, got)
		}
	}
}
