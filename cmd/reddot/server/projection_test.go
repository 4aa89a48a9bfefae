package server_test

import (
	"errors"
	"testing"

	"reddot/cmd/reddot/server"
)

// TestNewestBetween: while there is no projector nobody says that what the next one
// shows is the newest state: it may have a view before that is asked for.
func TestNewestBetween(t *testing.T) {
	wait := server.NewestWithout(server.ErrStarting)
	if wait == nil {
		t.Fatal("nothing is to be waited for")
	}
	if err := wait(t.Context()); !errors.Is(err, server.ErrStarting) {
		t.Errorf("the wait ends with %v", err)
	}
}

// TestStatusBeforeSnapshots: the metrics ask for the status from the first moment on, and
// get one before the snapshots have their scheduler.
func TestStatusBeforeSnapshots(t *testing.T) {
	status, err := server.StatusBefore(t.Context(), server.ErrStarting)
	if err != nil || status.Snapshot != nil || status.Error != server.ErrStarting.Error() {
		t.Errorf("the status is %+v: %v", status, err)
	}
}
