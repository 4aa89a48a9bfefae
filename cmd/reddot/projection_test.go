package main

import (
	"errors"
	"testing"
)

// TestNewestBetween: while there is no projector nobody says that what the next one
// shows is the newest state: it may have a view before that is asked for.
func TestNewestBetween(t *testing.T) {
	s := new(projection)
	s.begin(errStarting)
	wait := s.Newest()
	if wait == nil {
		t.Fatal("nothing is to be waited for")
	}
	if err := wait(t.Context()); !errors.Is(err, errStarting) {
		t.Errorf("the wait ends with %v", err)
	}
}
