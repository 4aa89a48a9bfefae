package projector

import (
	"math"
	"strings"
	"testing"
	"time"
)

// TestInstant: how long ago something was is measured by a clock that nobody sets,
// so that an old state is not taken for new, or a new one for old.
func TestInstant(t *testing.T) {
	var i instant
	if i.ago() != math.MaxInt64 || !i.before(time.Hour) {
		t.Errorf("what never was is %v ago", i.ago())
	}
	i.set(time.Now())
	if at := i.at.Load().String(); !strings.Contains(at, " m=") {
		t.Errorf("%s has no reading of the monotonic clock", at)
	}
	if i.before(time.Hour) {
		t.Errorf("just now is %v ago", i.ago())
	}
}
