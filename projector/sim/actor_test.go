package sim

import (
	"context"
	"math/rand/v2"
	"time"
)

// actor is whoever does something at times of its own choice: a goroutine, or a
// link. It has random numbers of its own, so that they don't depend on who comes
// first where two do something at a time, and a slot of its own, so that none do.
type actor struct {
	*rand.Rand
	w    *world
	slot time.Duration
}

// slots is how many nanoseconds belong to different actors, again and again; the
// second half to what comes back to them. The times that an emitter and a log
// wait for are multiples of it, so what they do then stays in the slot in which
// they began to wait.
const slots = 128

// actor makes an actor. It is called with world.mu free.
func (w *world) actor() *actor {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.actors++
	return &actor{Rand: rand.New(rand.NewPCG(w.seed, 1+w.actors)), w: w, slot: time.Duration(w.actors % (slots / 2))}
}

// one says whether a thing happens that happens one time in n.
func (a *actor) one(n int) bool { return a.IntN(n) == 0 }

// between draws a time.
func (a *actor) between(least, most time.Duration) time.Duration {
	return least + time.Duration(a.Int64N(int64(most-least)))
}

// after is the actor's first moment at or after a time.
func (a *actor) after(t time.Duration) time.Duration {
	return t + ((a.slot-t)%slots+slots)%slots
}

// afterReply is the first moment for a reply to the actor.
func (a *actor) afterReply(t time.Duration) time.Duration { return a.after(t-slots/2) + slots/2 }

// in has something done after a while, with the world at hand.
func (a *actor) in(d time.Duration, what func()) { a.w.at(a.after(a.w.now()+d), what) }

// sleep sleeps until ctx ends, then it says why that did.
func (a *actor) sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(a.after(a.w.now()+d) - a.w.now()):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
