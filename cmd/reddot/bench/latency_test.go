package bench

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// TestPending: an event tells of the messages to its user that came before,
// and each time counts from when the message was to be sent.
func TestPending(t *testing.T) {
	const first, n = 3 * latencyUsers, 2*latencyUsers + 2
	begin := time.Now()
	p := newPending(first, n)
	for i := range p.due {
		p.due[i] = begin.Add(time.Duration(i))
	}
	at := func(i int) time.Time { return begin.Add(time.Duration(i)) }
	p.hear(first+latencyUsers, at(5_000), nil) // user 0: two messages at once
	p.hear(first, at(6_000), nil)              // again: told already
	if diff := cmp.Diff(sample{5_000, 5_000 - latencyUsers}, p.times); diff != "" {
		t.Error(diff)
	}
	for i := range n {
		select {
		case <-p.done:
			t.Fatalf("done before message %d", i)
		default:
		}
		p.hear(first+i, at(9_000), nil)
	}
	<-p.done
	if len(p.times) != n {
		t.Errorf("%d times of %d", len(p.times), n)
	}
	p.hear(first, at(9_999), nil)              // too late to matter
	p.hear(0, at(9_999), errors.New("broken")) // so is this
	if p.err != nil {
		t.Error(p.err)
	}
	p = newPending(0, 1)
	p.hear(0, at(1), errors.New("broken"))
	if <-p.done; p.err == nil {
		t.Error("the error is lost")
	}
	for _, i := range []int{-1, 1} {
		p = newPending(0, 1)
		p.hear(i, at(1), nil)
		if <-p.done; p.err == nil {
			t.Errorf("message %d of 1 was heard of", i)
		}
	}
}

// TestPacer: a wait ends no earlier than it should.
func TestPacer(t *testing.T) {
	p := newPacer(time.Millisecond)
	defer p.close()
	for _, d := range []time.Duration{-time.Second, 0, time.Microsecond, 300 * time.Microsecond} {
		until := time.Now().Add(d)
		if p.wait(until); time.Now().Before(until) {
			t.Errorf("a wait of %v ended early", d)
		}
	}
}
