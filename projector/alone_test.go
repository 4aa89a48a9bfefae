package projector

import (
	"testing"
	"time"

	"reddot/events"
)

// heard is what a reddot has heard of others.
type heard struct{ nobody bool }

func (h *heard) Alone() bool { return h.nobody }
func (h *heard) Known() bool { return false }

// TestAloneRow: looks that find nobody make a reddot alone, from where it has
// applied what the first of them found; any other look, a look too late, another
// reading, another connection or another reddot's presence end that.
func TestAloneRow(t *testing.T) {
	now := time.Now().Add(time.Minute) // however long the test takes, what is good stays good
	ago := func(d time.Duration) time.Time { return now.Add(-d) }
	nobody := func(begun time.Time, last events.Seq) sighting {
		return sighting{begun: begun, last: last, consumers: 2, own: 2, changes: 7}
	}
	other := nobody(ago(0), 30)
	other.consumers = 3
	none := nobody(ago(0), 30)
	none.consumers, none.own = 0, 0
	again := nobody(ago(0), 30)
	again.changes++
	elsewhere := nobody(ago(0), 30)
	elsewhere.connection++
	asleep := nobody(ago(0), 10)
	asleep.begun = asleep.begun.Round(0).Add(-time.Hour) // by the clock on the wall alone
	for name, c := range map[string]struct {
		looks []sighting
		floor events.Seq // applied that it takes; 0: never alone
	}{
		"no look":            {nil, 0},
		"one look":           {[]sighting{nobody(ago(0), 10)}, 10},
		"a row":              {[]sighting{nobody(ago(800*time.Millisecond), 10), nobody(ago(0), 20)}, 10},
		"too old":            {[]sighting{nobody(time.Now().Add(-aloneFor), 10)}, 0},
		"too far apart":      {[]sighting{nobody(ago(aloneFor+time.Millisecond), 10), nobody(ago(0), 20)}, 20},
		"another":            {[]sighting{nobody(ago(0), 10), other}, 0},
		"another that went":  {[]sighting{nobody(ago(400*time.Millisecond), 10), other, nobody(ago(0), 40)}, 40},
		"no consumer":        {[]sighting{none}, 0},
		"another reading":    {[]sighting{nobody(ago(400*time.Millisecond), 10), again}, 30},
		"another connection": {[]sighting{elsewhere}, 0},
		"asleep":             {[]sighting{asleep}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			h := &heard{nobody: true}
			up := true
			a := &alone{link: func() (uint64, bool) { return 0, up }, peers: h}
			for _, s := range c.looks {
				a.look(s)
			}
			if c.floor == 0 {
				if a.holds(1_000) {
					t.Error("alone")
				}
				return
			}
			if a.holds(c.floor - 1) {
				t.Errorf("alone before seq %d is applied", c.floor)
			}
			if !a.holds(c.floor) {
				t.Errorf("not alone although seq %d is applied", c.floor)
			}
			h.nobody = false
			if a.holds(c.floor) {
				t.Error("alone although another is heard")
			}
			h.nobody, up = true, false
			if a.holds(c.floor) {
				t.Error("alone although the server is away")
			}
			up = true
			a.end()
			if a.holds(c.floor) {
				t.Error("alone although nothing is read")
			}
		})
	}
}

// TestAloneLocked: while a connection is locked, and a question waits for it, looks
// go on, and so does who can be told without it.
func TestAloneLocked(t *testing.T) {
	locked, asks := make(chan struct{}), make(chan struct{}, 1)
	a := &alone{peers: &heard{nobody: true}, link: func() (uint64, bool) {
		asks <- struct{}{}
		<-locked
		return 0, true
	}}
	look := sighting{begun: time.Now().Add(time.Minute), consumers: 1, own: 1}
	a.look(look)
	answered := make(chan bool, 1)
	go func() { answered <- a.holds(0) }()
	<-asks
	done := make(chan bool, 1)
	go func() {
		a.look(look)
		a.end()
		done <- a.holds(0)
	}()
	select {
	case alone := <-done:
		if alone {
			t.Error("alone although nothing is read")
		}
	case <-time.After(30 * time.Second):
		t.Error("all wait for the connection")
	}
	close(locked)
	if !<-answered {
		t.Error("not alone, although it was when that was asked")
	}
}

// TestSettlingBegunAnew: what ends one settling does not end the next.
func TestSettlingBegunAnew(t *testing.T) {
	s := newSettling()
	s.end(s.begun())
	if s.done() {
		t.Error("over before it began")
	}
	s.begin()
	first := s.begun()
	s.begin()
	s.end(first)
	if s.done() {
		t.Error("the second is over with the first")
	}
	s.end(s.begun())
	if !s.done() {
		t.Error("not over")
	}
	s.begin()
	if s.done() {
		t.Error("over when it has begun again")
	}
	s.stop()
	s.begin()
	if !s.done() {
		t.Error("not over for good")
	}
}
