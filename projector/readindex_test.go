package projector_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"reddot/events"
	"reddot/projector"
	"reddot/projector/testkit"
)

// peers are a reddot's peers as a test wants them.
type peers struct{ alone, known bool }

func (p peers) Alone() bool { return p.alone }
func (p peers) Known() bool { return p.known }

// lonely has a projector hear of nobody else.
func lonely(cfg *projector.Config) { cfg.Peers = peers{alone: true} }

// ask answers what a user's version is, as a query does.
func (p *process) ask(ctx context.Context, user string) (events.Seq, error) {
	if wait := p.Newest(); wait != nil {
		if err := wait(ctx); err != nil {
			return 0, err
		}
	}
	return p.look(user)
}

// look answers from what there is.
func (p *process) look(user string) (events.Seq, error) {
	v, err := p.View()
	if err != nil {
		return 0, err
	}
	reply, err := v.Totals(user, events.TotalsRequest{})
	return reply.Version, errors.Join(err, v.Close())
}

// fresh waits until a process answers.
func (p *process) fresh() {
	p.t.Helper()
	testkit.Eventually(p.t, "fresh", func() bool { return p.Fresh() == nil })
}

// TestAnswersNeverGoBackward asks two projectors of one log in turn, one of which
// is held up again and again: no answer is older than any before it, or than what
// a listener heard before the question. One that can't know gives none.
func TestAnswersNeverGoBackward(t *testing.T) {
	t.Parallel()
	const user, rounds = "alice", 60
	seed := testkit.Seed(t)
	rnd := rand.New(rand.NewPCG(seed, 0))
	b := newBus(t)
	a := b.author()
	both := [2]*process{b.run(t.TempDir(), lonely), b.run(t.TempDir(), lonely)}
	for _, p := range both {
		p.fresh()
	}
	heard := b.versions(user)
	shown, refused, hazards := events.Seq(0), 0, 0
	ask := func(p *process) {
		t.Helper()
		shown = max(shown, heard())
		if old := testkit.Must(p.look(user))(t); old < shown {
			hazards++ // what it would have answered
		}
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
		defer cancel()
		switch version, err := p.ask(ctx, user); {
		case err != nil:
			refused++
		case version < shown:
			t.Fatalf("answers version %d after %d was shown", version, shown)
		default:
			shown = version
		}
	}
	for range rounds {
		slow, quick := both[0], both[1]
		if rnd.IntN(2) == 0 {
			slow, quick = quick, slow
		}
		release := slow.HoldFolding()
		for range 1 + rnd.IntN(5) {
			a.message(user, "bob", fmt.Sprint("m", a.last()))
		}
		last := a.flush()
		testkit.OK(t, quick.WaitApplied(testkit.Context(t), last))
		for range 3 {
			ask(quick)
			ask(slow)
		}
		release()
		if rnd.IntN(2) == 0 {
			ask(slow)
		}
		if version, err := slow.ask(testkit.Context(t), user); err != nil || version != last {
			t.Fatalf("answers version %d, not %d: %v", version, last, err)
		}
		shown = last
	}
	if hazards < rounds || refused < rounds {
		t.Errorf("%d answers would have been old, %d were not given: the test shows nothing", hazards, refused)
	}
}

// versions returns what says the newest version that a listener has heard.
func (b *bus) versions(user string) func() events.Seq {
	b.t.Helper()
	conn := b.Connect()
	sub := testkit.Must(conn.SubscribeSync(b.subjects.Change(user)))(b.t)
	testkit.OK(b.t, conn.Flush())
	newest := events.Seq(0)
	return func() events.Seq {
		b.t.Helper()
		testkit.OK(b.t, conn.Flush())
		for n, _, _ := sub.Pending(); n > 0; n, _, _ = sub.Pending() {
			var e events.Change
			msg := testkit.Must(sub.NextMsg(testkit.Patience))(b.t)
			testkit.OK(b.t, events.Unmarshal(msg.Header.Get("Content-Type"), msg.Data, &e))
			newest = max(newest, e.Version)
		}
		return newest
	}
}

// requests counts requests to JetStream.
func (b *bus) requests(subject string) *nats.Subscription {
	b.t.Helper()
	conn := b.Connect()
	sub := testkit.Must(conn.SubscribeSync("$JS.API." + subject))(b.t)
	testkit.OK(b.t, conn.Flush())
	return sub
}

// TestAlone: who is alone waits for nothing before an answer; who hears of
// another, or sees that another reads the log, does.
func TestAlone(t *testing.T) {
	t.Parallel()
	b := newBus(t)
	p := b.run(t.TempDir(), lonely)
	a := b.author()
	a.message("alice", "bob", "m1")
	last := a.flush()
	p.fresh()
	waits := func() bool { return p.Newest() != nil }
	testkit.Eventually(t, "a thousand answers without a wait", func() bool {
		for range 1_000 {
			if waits() {
				return false
			}
		}
		return true
	})
	other := testkit.Must(b.commands().CreateConsumer(testkit.Context(t), jetstream.ConsumerConfig{AckPolicy: jetstream.AckNonePolicy, MemoryStorage: true}))(t)
	testkit.Eventually(t, "another reads the log", waits)
	if version, err := p.ask(testkit.Context(t), "alice"); err != nil || version != last {
		t.Errorf("answers version %d, %v", version, err)
	}
	testkit.OK(t, b.commands().DeleteConsumer(testkit.Context(t), other.CachedInfo().Name))
	testkit.Eventually(t, "alone again", func() bool { return !waits() })

	deaf := b.run(t.TempDir(), func(cfg *projector.Config) { cfg.Peers = peers{} })
	deaf.fresh()
	if deaf.Newest() == nil {
		t.Error("who hears of nobody because it can't hear believes to be alone")
	}
}

// TestReadIndexShared: of many who ask at once, all are served, by few requests.
func TestReadIndexShared(t *testing.T) {
	t.Parallel()
	const askers, each = 100, 20
	b := newBus(t)
	p := b.run(t.TempDir())
	p.fresh()
	sub := b.requests("STREAM.INFO.UNREAD_COMMANDS")
	done := make(chan error, askers)
	for range askers {
		go func() {
			for range each {
				if err := p.Newest()(testkit.Context(t)); err != nil {
					done <- err
					return
				}
			}
			done <- nil
		}()
	}
	for range askers {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	n, _, err := sub.Pending()
	if err != nil || n == 0 || n > askers*each/2 {
		t.Errorf("%d requests for %d answers, %v", n, askers*each, err)
	}
}

// TestSettling: a reddot that finds another reading the log shows nothing until
// that one can't believe any more to be alone; one that finds nobody begins at once.
func TestSettling(t *testing.T) {
	t.Parallel()
	b := newBus(t)
	first := b.run(t.TempDir(), lonely)
	first.fresh()
	a := b.author()
	a.message("alice", "bob", "m1")
	last := a.flush()
	if !first.SettledByLook() {
		t.Error("nobody else was there, and it has waited")
	}
	created := b.requests("CONSUMER.CREATE.UNREAD_COMMANDS.>")
	second := b.run(t.TempDir(), lonely)
	testkit.Must(created.NextMsg(testkit.Patience))(t)
	began := time.Now()
	testkit.OK(t, second.WaitApplied(testkit.Context(t), last))
	if second.SettledByLook() {
		t.Error("another was there, and it has not waited")
	}
	second.fresh()
	if took := time.Since(began); took < projector.AloneFor {
		t.Errorf("it has waited for %v only", took)
	}
	if first.Newest() == nil || second.Newest() == nil {
		t.Error("one of two believes to be alone")
	}
}

// TestKilledStartsAtOnce: what a killed reddot leaves behind at the server is not
// taken for another one when it starts again.
func TestKilledStartsAtOnce(t *testing.T) {
	t.Parallel()
	b := newBus(t)
	dir := t.TempDir()
	p := b.run(dir, lonely)
	testkit.Eventually(t, "a start behind a consumer that was left waits for no time to pass", func() bool {
		p.fresh()
		p.kill() // its connection first: it takes nothing back
		if n := testkit.Must(b.commands().Info(testkit.Context(t)))(t).State.Consumers; n != 1 {
			t.Fatalf("%d consumers are left, not 1", n)
		}
		p = b.run(dir, lonely)
		p.fresh()
		return p.SettledByLook()
	})
	testkit.Eventually(t, "alone", func() bool { return p.Newest() == nil })
}
