package main

import (
	"testing"

	"reddot/events"
	"reddot/snapshot"
)

// TestSnapshotAskedFor: who has asked for a snapshot finds that it is there, also when
// another one was taken before the next look.
func TestSnapshotAskedFor(t *testing.T) {
	s := &snapshots{cfg: &serveConfig{}, last: &events.Snapshot{Run: "asked", State: events.Done, Seq: 5}}
	for _, seq := range []events.Seq{9, 7} { // the second one is older than what is told
		if err := s.taken(t.Context(), snapshot.Created{Manifest: &snapshot.Manifest{Seq: seq}}); err != nil {
			t.Fatal(err)
		}
		if got := s.last; got.Run != "asked" || got.State != events.Done || got.Seq != 9 {
			t.Errorf("after one of seq %d: %+v", seq, got)
		}
	}
}
