package projector

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"

	"reddot/events"
)

// waiting runs n waits, the i-th for seq i+1, and returns their results.
func waiting(ctx context.Context, p *progress, n int) []chan error {
	results := make([]chan error, n)
	for _, i := range rand.Perm(n) {
		results[i] = make(chan error, 1)
		go func() { results[i] <- p.wait(ctx, events.Seq(i+1)) }()
	}
	return results
}

// ended counts the results that are there, and those that are err.
func ended(results []chan error, err error) (all, as int) {
	for _, r := range results {
		select {
		case got := <-r:
			all++
			if errors.Is(got, err) || got == err {
				as++
			}
			r <- got
		default:
		}
	}
	return all, as
}

// TestProgress wakes each of many who wait when its seq is reached, and none
// before.
func TestProgress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const n = 10_000
		p := new(progress)
		results := waiting(t.Context(), p, n)
		for seq := 0; seq < n; {
			synctest.Wait()
			if all, well := ended(results, nil); all != seq || well != seq || len(p.waiters) != n-seq {
				t.Fatalf("at seq %d, %d have ended, %d of them well, %d wait", seq, all, well, len(p.waiters))
			}
			seq += 1 + rand.IntN(n/5)
			seq = min(seq, n)
			p.set(events.Seq(seq))
			p.set(events.Seq(rand.IntN(seq + 1))) // never back
			if got := p.get(); got != events.Seq(seq) {
				t.Fatalf("seq %d after it was set to %d", got, seq)
			}
		}
		synctest.Wait()
		if all, well := ended(results, nil); all != n || well != n || len(p.waiters) != 0 {
			t.Errorf("in the end %d have ended, %d of them well, %d wait", all, well, len(p.waiters))
		}
	})
}

// TestProgressCancelled forgets who has given up, and goes on for the others.
func TestProgressCancelled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const n = 10_000
		p := new(progress)
		ctx, cancel := context.WithCancel(t.Context())
		leave := waiting(ctx, p, n)
		stay := waiting(t.Context(), p, n)
		synctest.Wait()
		cancel()
		synctest.Wait()
		if all, as := ended(leave, context.Canceled); all != n || as != n || len(p.waiters) != n {
			t.Errorf("%d have ended, %d as cancelled, %d wait", all, as, len(p.waiters))
		}
		p.set(n)
		synctest.Wait()
		if all, well := ended(stay, nil); all != n || well != n {
			t.Errorf("%d have ended, %d of them well", all, well)
		}
		if err := p.wait(ctx, n); err != nil {
			t.Errorf("what is reached is not waited for: %v", err)
		}
		if err := p.wait(ctx, n+1); !errors.Is(err, context.Canceled) || len(p.waiters) != 0 {
			t.Errorf("%v, and %d wait", err, len(p.waiters))
		}
	})
}

// TestProgressFailed tells all who wait, and all who come later, why they wait
// in vain; what was reached stays so.
func TestProgressFailed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const n = 10_000
		p := new(progress)
		p.set(n / 2)
		results := waiting(t.Context(), p, n)
		synctest.Wait()
		p.fail(ErrStopped)
		synctest.Wait()
		if all, failed := ended(results, ErrStopped); all != n || failed != n/2 || len(p.waiters) != 0 {
			t.Errorf("%d have ended, %d of them in vain, %d wait", all, failed, len(p.waiters))
		}
		if err := p.wait(t.Context(), n/2); err != nil {
			t.Error(err)
		}
		if err := p.wait(t.Context(), n/2+1); !errors.Is(err, ErrStopped) {
			t.Error(err)
		}
	})
}

// TestProgressRace has many set, wait and give up at once.
func TestProgressRace(t *testing.T) {
	const n, each = 16, 500
	p := new(progress)
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() {
			for j := range each {
				switch seq := events.Seq(j*n + i); {
				case i%4 == 0:
					p.set(seq)
				case i%4 == 1:
					gone, give := context.WithCancel(ctx)
					go give()
					if err := p.wait(gone, seq+n); err != nil && !errors.Is(err, context.Canceled) {
						t.Error(err)
					}
				default:
					if err := p.wait(ctx, seq); err != nil {
						t.Error(err)
					}
				}
			}
			if i%4 == 0 {
				p.set(n * each)
			}
		})
	}
	wg.Wait()
	cancel()
	if len(p.waiters) != 0 {
		t.Errorf("%d wait in the end", len(p.waiters))
	}
}
