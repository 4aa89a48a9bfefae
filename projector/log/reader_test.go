package log_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"reddot/events"
	"reddot/projector/log"
	"reddot/projector/store"
	"reddot/projector/testkit"
)

// TestRead reads from any seq on, in batches without a gap, goes on with what comes, and
// after a restart of the server, and ends with what its caller says.
func TestRead(t *testing.T) {
	b := newBench(t)
	l := b.ensure()
	b.write("m", 20)
	enough := errors.New("enough")
	next, last := events.Seq(8), events.Seq(20)
	err := l.Read(testkit.Context(t), next-1, func(batch []store.Entry) error {
		if len(batch) == 0 || len(batch) > log.MaxBatch {
			t.Errorf("a batch of %d", len(batch))
		}
		for i := range batch {
			e := &batch[i]
			if e.Seq != next || e.Time == 0 || e.Sum == 0 || e.Invalid != "" || e.Skipped || e.Command.From != "bob" {
				t.Errorf("where %d is due: %+v", next, e)
			}
			next++
		}
		switch {
		case next <= last:
			return nil
		case last == 21:
			b.Restart()
			b.js = b.JetStream()
		case last == 22:
			return enough
		}
		b.write("n", 1)
		last++
		return nil
	})
	if err != enough || next != 23 {
		t.Errorf("it ends at %d: %v", next-1, err)
	}
}

// TestReadTo reads a part, none, and no further than it is let.
func TestReadTo(t *testing.T) {
	b := newBench(t)
	l := b.ensure()
	b.write("m", 9)
	testkit.Must(b.js.Publish(testkit.Context(t), "unread.cmd.user.alice.mesage", nil))(t)
	for _, part := range [][2]events.Seq{{0, 10}, {0, 1}, {3, 7}, {9, 10}, {4, 4}, {7, 3}} {
		all := testkit.Must(b.read(l, part[0], part[1]))(t)
		if len(all) != int(max(part[1], part[0])-part[0]) || len(all) > 0 && (all[0].Seq != part[0]+1 || all[len(all)-1].Seq != part[1]) {
			t.Errorf("after %d up to %d: %d commands", part[0], part[1], len(all))
		}
	}
	if all := testkit.Must(b.read(l, 9, 10))(t); all[0].Invalid != "unknown verb" {
		t.Errorf("what is no command is %+v", all[0])
	}
	ctx, cancel := context.WithCancel(testkit.Context(t))
	seen := 0
	err := l.ReadTo(ctx, 0, 10, func(*store.Entry) error {
		if seen++; seen == 3 {
			cancel()
		}
		return nil
	})
	if seen != 3 || !errors.Is(err, context.Canceled) {
		t.Errorf("ended after 3 it has read %d: %v", seen, err)
	}
	testkit.Eventually(t, "no consumer is left", func() bool {
		return testkit.Must(l.Newest(testkit.Context(t)))(t).Consumers == 0
	})
}

// TestFollow reports the consumers of a reading, and that the server is heard.
func TestFollow(t *testing.T) {
	b := newBench(t)
	l := b.ensure()
	b.write("m", 1)
	began, heard, ended := make(chan string, 8), make(chan time.Time, 1), make(chan struct{}, 8)
	r := log.NewReport(b.logger())
	r.Began = func(consumer string) { began <- consumer }
	r.Ended = func() { ended <- struct{}{} }
	r.Heard = func(at time.Time) {
		select {
		case heard <- at:
		default:
		}
	}
	ctx, cancel := context.WithCancel(testkit.Context(t))
	over := make(chan error, 1)
	go func() { over <- l.Follow(ctx, 0, r, func([]store.Entry) error { return nil }) }()
	consumer := testkit.Receive(t, "a consumer", began)
	testkit.Receive(t, "word of the server", heard)
	if n, changes := l.Consumers(); n != 1 || changes == 0 || consumer == "" {
		t.Errorf("it has %d consumers after %d changes, %q", n, changes, consumer)
	}
	if end := testkit.Must(l.Newest(testkit.Context(t)))(t); end.Consumers != 1 || end.Last != 1 {
		t.Errorf("the leader says %+v", end)
	}
	testkit.OK(t, l.RemoveConsumer(testkit.Context(t), consumer))
	if again := testkit.Receive(t, "another consumer", began); again == consumer {
		t.Error("it is the one that was removed")
	}
	testkit.Receive(t, "the end of the first", ended)
	cancel()
	if err := testkit.Receive(t, "the end", over); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

// TestHole ends at a command that is missing, and names it, unless it is named to be
// passed over; no command that can be read is.
func TestHole(t *testing.T) {
	b := newBench(t)
	b.ensure()
	b.write("m", 5)
	b.remove(3)
	last := func(l *log.Log) (skipped []events.Seq, err error) {
		all, err := b.read(l, 0, 5)
		for i, e := range all {
			if e.Seq != events.Seq(i+1) {
				t.Errorf("seq %d where %d was due", e.Seq, i+1)
			}
			if e.Skipped {
				skipped = append(skipped, e.Seq)
			}
		}
		return skipped, err
	}
	_, err := last(b.find())
	testkit.WantError(t, err, log.ErrNotWhole, "seq 4 came where seq 3 was due", "restore the stream", "--skip-seq 3")
	l := b.find()
	l.Skip(3)
	if skipped, err := last(l); err != nil || !slices.Equal(skipped, []events.Seq{3}) {
		t.Errorf("passed over: %v, %v", skipped, err)
	}
	if !b.said.Has("command passed over", "seq=3") {
		t.Errorf("that is not logged: %s", b.said.String())
	}
	l = b.find()
	l.Skip(3, 4)
	_, err = last(l)
	testkit.WantError(t, err, log.ErrSkip, "seq 4 can be read")
	l = b.find()
	l.Passed(3, 4) // as a store did that could not read it
	if skipped, err := last(l); err != nil || !slices.Equal(skipped, []events.Seq{3, 4}) {
		t.Errorf("passed over: %v, %v", skipped, err)
	}
}

// TestSkipUnreadable: only a command that the stream has and nobody can read may be named
// to be passed over.
func TestSkipUnreadable(t *testing.T) {
	b := newBench(t)
	b.ensure()
	b.write("m", 5)
	b.remove(3)
	l := b.find()
	at := store.Position{Applied: 2}
	for seq, says := range map[events.Seq]string{1: "seq 1 was applied", 4: "seq 4 can be read", 6: "the log ends at seq 5"} {
		testkit.WantError(t, l.SkipUnreadable(testkit.Context(t), []events.Seq{3, seq}, at), log.ErrSkip, says, "start without --skip-seq")
	}
	testkit.OK(t, l.SkipUnreadable(testkit.Context(t), []events.Seq{3}, at))
	at = store.Position{Applied: 4, Skipped: []events.Seq{3}}
	testkit.OK(t, b.find().SkipUnreadable(testkit.Context(t), []events.Seq{3}, at)) // named again it does no harm
}

// TestStall corrupts the last command, behind which nothing comes: who reads up to it is
// told, and does not wait for ever.
func TestStall(t *testing.T) {
	b := newBench(t)
	b.ensure()
	b.write("m", 5)
	b.damageLast()
	all, err := b.read(b.find(), 0, 5)
	testkit.WantError(t, err, log.ErrNotWhole, "seq 5 is in the stream, and can't be read")
	if len(all) != 4 {
		t.Errorf("%d commands are read", len(all))
	}
}
