package projector_test

import (
	"context"
	"errors"
	"testing"

	"reddot/projector"
	"reddot/projector/testkit"
)

// TestFillInterrupted ends the filling of a log in the middle, again and again,
// as SIGTERM does: it ends after the piece that is on its way, what it was for
// is found again, and the last attempt leaves the log as one attempt would.
func TestFillInterrupted(t *testing.T) {
	t.Parallel()
	c := newPowerCut(t)
	const piece, missing = 1_000, 3_500
	for name, test := range map[string]struct {
		left    moment
		written int  // commands meanwhile
		events  bool // of some that others have the seqs of
	}{
		"store ahead":             {left: moment{c.early.commands, c.early.events, c.late.store}},
		"events ahead":            {left: moment{c.early.commands, c.late.events, c.early.store}},
		"written on, both ahead":  {left: moment{c.early.commands, c.late.events, c.late.store}, written: 10, events: true},
		"written on, store ahead": {left: moment{c.early.commands, c.early.events, c.late.store}, written: 10},
	} {
		t.Run(name, func(t *testing.T) {
			c.restore(test.left)
			if test.written > 0 {
				c.write("other", test.written)
			}
			upto := c.find().Last + missing
			stored := c.events().CachedInfo().State.Msgs
			for ends := 0; ; ends++ {
				found := c.find()
				found.Add("a snapshot", upto)
				ctx, cancel := context.WithCancel(testkit.Context(t))
				reached := uint64(0)
				err := projector.AcceptTruncation(ctx, c.log(), c.js, c.dir, found, func(done uint64) {
					reached = done
					cancel()
				})
				if err == nil {
					if least := missing / piece; ends < least || ends > least+1 { // the last one may forget events yet
						t.Errorf("it is done after %d attempts", ends)
					}
					break
				}
				_, last, rangeErr := c.log().Range(testkit.Context(t))
				if !errors.Is(err, context.Canceled) || rangeErr != nil || last != min(found.Last+piece, upto) || reached != uint64(last-found.Last) {
					t.Fatalf("attempt %d, reaching %d, ends at %d after %d: %v, %v", ends, reached, last, found.Last, err, rangeErr)
				}
			}
			if found := c.find(); found.Derived != 0 || found.Last != upto {
				t.Errorf("it ends at %d, not at %d: %v", found.Last, upto, found)
			}
			if left := c.events().CachedInfo().State.Msgs; (left == 0) != test.events || left != 0 && left != stored {
				t.Errorf("%d of %d events are left", left, stored)
			}
			p := c.run(c.dir)
			next := c.write("new", 40)
			p.settle(next)
			status := p.status()
			p.stop()
			if want := c.digest(next); next != upto+40 || status.Digest != want {
				t.Errorf("at seq %d the digest is %s, the log's is %s", next, status.Digest, want)
			}
		})
	}
}
