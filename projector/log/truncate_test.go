package log_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"reddot/events"
	"reddot/projector/log"
	"reddot/projector/store"
	"reddot/projector/testkit"
)

// TestFindTruncation compares a log of ten commands with what is derived from it, and
// fills it up: then it has as many as were ever given a seq, and nothing is found any
// more but what has to be forgotten.
func TestFindTruncation(t *testing.T) {
	for name, test := range map[string]struct {
		derived func(whole *log.Log, b *bench) log.Derived
		says    string // "": nothing is missing
		missing uint64
		store   bool // is to be forgotten
		events  bool
	}{
		"nothing": {derived: func(*log.Log, *bench) log.Derived { return log.Derived{} }},
		"all there": {derived: func(l *log.Log, b *bench) log.Derived {
			at := b.fold(l, 7)
			return log.Derived{Store: at, Event: log.Event{Place: 9, At: 7, Sum: at.Last}}
		}},
		"store ahead": {
			derived: func(l *log.Log, b *bench) log.Derived {
				return log.Derived{Store: store.Position{Applied: 14, Last: 1}}
			},
			says: "it ends at seq 10, but the store was made of the commands up to seq 14", missing: 4, store: true,
		},
		"store of other commands": {
			derived: func(l *log.Log, b *bench) log.Derived {
				return log.Derived{Store: store.Position{Applied: 7, Last: 1}}
			},
			says: "seq 7 is not the command of which the store was made", store: true,
		},
		"event ahead": {
			derived: func(l *log.Log, b *bench) log.Derived {
				return log.Derived{Event: log.Event{Place: 9, At: 2_510, Sum: 1, Time: time.Now().Add(time.Hour)}}
			},
			says: "the newest event, 9 of UNREAD_EVENTS, was made of the commands up to seq 2510", missing: 2_500,
		},
		"event ahead, written further": {
			derived: func(l *log.Log, b *bench) log.Derived {
				return log.Derived{Event: log.Event{Place: 9, At: 12, Sum: 1, Time: time.Now().Add(-time.Hour)}}
			},
			says: "up to seq 12", missing: 2, events: true,
		},
		"event of another command": {
			derived: func(l *log.Log, b *bench) log.Derived {
				return log.Derived{Event: log.Event{Place: 9, At: 7, Sum: 1}}
			},
			says: "seq 7 is not the command of which the newest event", events: true,
		},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			l := b.ensure()
			b.write("m", 10)
			d := test.derived(l, b)
			found := testkit.Must(l.FindTruncation(testkit.Context(t), d))(t)
			if test.says == "" {
				if found.Derived != 0 || found.Store || found.Events {
					t.Errorf("it is truncated: %v", found)
				}
				return
			}
			testkit.WantError(t, found, log.ErrNotWhole, test.says)
			if found.Last != 10 || found.Missing() != test.missing || found.Store != test.store || found.Events != test.events {
				t.Errorf("%+v, %d are missing", found, found.Missing())
			}
			whole := l.Epoch()
			b.fill(l, d)
			if cut := b.find(); cut.Epoch() == whole || cut.Epoch() != l.Epoch() || cut.Identity() != l.Identity() {
				t.Errorf("epoch %s, after the cut %s and %s", whole, l.Epoch(), cut.Epoch())
			}
			again := testkit.Must(l.FindTruncation(testkit.Context(t), d))(t)
			if again.Missing() != 0 || again.Store != test.store || again.Events != test.events {
				t.Errorf("filled up: %+v", again)
			}
			if _, last, err := l.Range(testkit.Context(t)); err != nil || last != 10+events.Seq(test.missing) {
				t.Errorf("it ends at %d: %v", last, err)
			}
			for _, e := range testkit.Must(b.read(l, 10, again.Last))(t) {
				if e.Invalid != "" || e.Command.Verb != events.PolicySet {
					t.Fatalf("it is filled up with %+v", e)
				}
			}
		})
	}
}

// fill fills a log up, interrupted after each piece.
func (b *bench) fill(l *log.Log, d log.Derived) {
	b.t.Helper()
	for {
		found := testkit.Must(l.FindTruncation(testkit.Context(b.t), d))(b.t)
		ctx, cancel := context.WithCancel(testkit.Context(b.t))
		reached := uint64(0)
		err := l.Fill(ctx, b.js, found, func(done uint64) {
			reached = done
			cancel()
		})
		cancel()
		if err == nil {
			return
		}
		if !errors.Is(err, context.Canceled) || reached == 0 || reached >= found.Missing() {
			b.t.Fatalf("after %d of %d: %v", reached, found.Missing(), err)
		}
	}
}

// TestManyMissing names the number of missing commands where it must be
// confirmed.
func TestManyMissing(t *testing.T) {
	for missing, says := range map[events.Seq]string{
		log.MostMissing:     `go on with what is left with "reddot serve --accept-truncation"`,
		log.MostMissing + 1: `if it is true that 1000001 commands are missing, go on with what is left with "reddot serve --accept-truncation=1000001"`,
		3_999_999_997:       `--accept-truncation=3999999997"`,
	} {
		e := &log.TruncatedError{Last: 3}
		e.Add("snapshot x", 3+missing)
		testkit.WantError(t, e, log.ErrNotWhole, says, fmt.Sprintf("ends at seq 3, but snapshot x was made of the commands up to seq %d", 3+missing))
		if e.Missing() != uint64(missing) {
			t.Errorf("%d are missing, not %d", e.Missing(), missing)
		}
	}
}
