package projector_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"

	"reddot/events"
	"reddot/projector"
	"reddot/projector/emit"
	"reddot/projector/testkit"
)

// deny makes the server of a bus refuse a user "reddot" to publish to subjects;
// everybody else may do everything. Called again it changes that.
func (b *bus) deny(subjects ...string) {
	b.t.Helper()
	options := b.Options
	options.Users = []*server.User{{Username: "all", Password: "all"}, {Username: "reddot", Password: "reddot", Permissions: &server.Permissions{
		Publish: &server.SubjectPermission{Deny: subjects},
	}}}
	options.NoAuthUser = "all"
	if b.Options.Users == nil {
		b.Stop()
		b.Options = options
		b.restart()
		b.js = b.JetStream()
		return
	}
	b.Options = options
	testkit.OK(b.t, b.NATS().ReloadOptions(&options))
}

// asReddot has a projector connect as that user.
func (b *bus) asReddot(cfg *projector.Config) {
	cfg.Conn = b.Connect(nats.UserInfo("reddot", "reddot"), nats.ErrorHandler(func(*nats.Conn, *nats.Subscription, error) {}))
}

// notReady waits until a projector is not ready, and says why.
func (p *process) notReady(says string) {
	p.t.Helper()
	testkit.Eventually(p.t, "not ready: "+says, func() bool {
		err := p.Ready()
		return err != nil && strings.Contains(err.Error(), says)
	})
}

func (p *process) ready() {
	p.t.Helper()
	testkit.Eventually(p.t, "ready", func() bool { return p.Ready() == nil })
}

// TestFoldStandsStill takes away the permissions to ask for commands. That
// commands are in the stream and not applied is seen: by whoever asks for the
// status or whether the server is ready, and once in the log. With the permissions
// it goes on, and says so once.
func TestFoldStandsStill(t *testing.T) {
	t.Parallel()
	testkit.Unraced(t)
	const next = "$JS.API.CONSUMER.MSG.NEXT.UNREAD_COMMANDS.>"
	b := newBus(t)
	b.deny()
	a := b.author()
	p := b.run(t.TempDir(), b.asReddot)
	a.message("alice", "bob", "m1")
	p.settle(a.flush())
	p.ready()
	b.deny(next, "$JS.API.STREAM.MSG.GET.>")
	testkit.Eventually(t, "what was asked for before has expired", func() bool { return p.log.Has(next) })
	a = b.authorAt(a)
	a.message("alice", "bob", "m2")
	a.message("alice", "bob", "m3")
	last := a.flush()
	p.notReady("stands still before seq 2")
	// In between the server may be said to be silent: of what it refuses a connection
	// knows the last only, and other requests are refused as well.
	testkit.Eventually(t, "the status says why", func() bool {
		s := p.status()
		return s.State == events.Stalled && s.Stalled != nil && s.Stalled.Seq == 2 && s.Stalled.Since != 0 && s.EmissionStalled == nil &&
			strings.Contains(s.Stalled.Reason, "does not let this user publish to "+next+": permit it") && strings.Contains(s.Error, "stands still before seq 2")
	})
	b.deny()
	p.settle(last)
	p.ready()
	if s := p.status(); s.State != events.Live || s.Stalled != nil || s.Error != "" {
		t.Errorf("status: %+v", s)
	}
	for text, want := range map[string]int{"the fold stands still": 1, "the fold moves again": 1, "does not let this user publish to " + next: 1} {
		// The reason stands in the line of the standstill too.
		if n := strings.Count(p.log.String(), text); n < want || n > 2*want {
			t.Errorf("%q is logged %d times:\n%s", text, n, p.log.String())
		}
	}
}

// TestEmissionStandsStill takes away the permission to store events.
func TestEmissionStandsStill(t *testing.T) {
	t.Parallel()
	testkit.Unraced(t)
	b := newBus(t)
	b.deny()
	a := b.author()
	p := b.run(t.TempDir(), b.asReddot)
	a.message("alice", "bob", "m1")
	p.settle(a.flush())
	b.deny("unread-out.>")
	a = b.authorAt(a)
	a.message("alice", "bob", "m2")
	last := a.flush()
	p.notReady("events stand still before those of seq 2")
	if s := p.status(); s.State != events.Stalled || s.EmissionStalled == nil || s.EmissionStalled.Seq != 2 || s.Stalled != nil || s.Applied != 2 {
		t.Errorf("status: %+v", s)
	}
	if err := p.Fresh(); err != nil {
		t.Errorf("queries are not answered: %v", err)
	}
	b.deny()
	p.settle(last)
	p.ready()
	if n, m := strings.Count(p.log.String(), "the emission stands still"), strings.Count(p.log.String(), "the emission moves again"); n != 1 || m != 1 {
		t.Errorf("logged %d and %d times:\n%s", n, m, p.log.String())
	}
}

// TestNobodyEmits runs one that emits, and one that may not store events and stands
// by. As long as the first one emits, both are ready; when it has ended, the other
// one says that events stand still, until it may emit them.
func TestNobodyEmits(t *testing.T) {
	t.Parallel()
	testkit.Unraced(t)
	b := newBus(t)
	b.deny()
	a := b.author()
	p := b.run(t.TempDir())
	a.message("alice", "bob", "m1")
	p.settle(a.flush())
	b.deny("unread-out.>")
	a = b.authorAt(a)
	q := b.run(t.TempDir(), b.asReddot)
	a.message("alice", "bob", "m2")
	last := a.flush()
	p.settle(last)
	q.settle(last)
	for _, each := range []*process{p, q} {
		each.ready()
		if s := each.status(); s.EmissionStalled != nil {
			t.Errorf("while another one emits, events stand still: %+v", s)
		}
	}
	p.stop()
	a.message("alice", "bob", "m3")
	last = a.flush()
	q.notReady(fmt.Sprintf("events stand still before those of seq %d", last))
	if s := q.status(); s.State != events.Stalled || s.EmissionStalled == nil || s.EmissionStalled.Seq != last || s.Stalled != nil {
		t.Errorf("status: %+v", s)
	}
	if err := q.Fresh(); err != nil {
		t.Errorf("queries are not answered: %v", err)
	}
	b.deny()
	q.settle(last)
	q.ready()
}

// TestStandsByForEver has one stand by that can't see whether another one emits, so
// that it does not take over: that is no reason to say nothing.
func TestStandsByForEver(t *testing.T) {
	t.Parallel()
	testkit.Unraced(t)
	b := newBus(t)
	b.deny()
	dir, a := t.TempDir(), b.author()
	p := b.run(dir)
	a.message("alice", "bob", "m1")
	p.settle(a.flush())
	p.stop()
	b.deny("$JS.API.STREAM.MSG.GET.UNREAD_EVENTS")
	a = b.authorAt(a)
	a.message("alice", "bob", "m2")
	last := a.flush()
	p = b.run(dir, b.asReddot)
	p.notReady("events stand still before those of seq 2")
	if s := p.status(); s.Emitter != string(emit.Standby) || s.EmissionStalled == nil || !strings.Contains(s.EmissionStalled.Reason, "stands by") {
		t.Errorf("status: %+v", s)
	}
	b.deny()
	p.settle(last)
	p.ready()
	if s := p.status(); s.EmissionStalled != nil || s.State != events.Live {
		t.Errorf("status: %+v", s)
	}
}

// TestNobodySaysHowFar takes away what the watch over the stream needs: each
// missing permission is named, in the log and to who asks whether it is ready.
func TestNobodySaysHowFar(t *testing.T) {
	t.Parallel()
	for subject, about := range map[string]string{
		"$JS.API.STREAM.INFO.UNREAD_COMMANDS":    "the command stream does not say how far it is",
		"$JS.API.STREAM.MSG.GET.UNREAD_COMMANDS": "the command stream can't be checked",
	} {
		t.Run(subject, func(t *testing.T) {
			t.Parallel()
			b := newBus(t)
			b.deny()
			a := b.author()
			p := b.run(t.TempDir(), b.asReddot)
			a.message("alice", "bob", "m1")
			p.settle(a.flush())
			b.deny(subject)
			says := "does not let this user publish to " + subject + ": permit it"
			p.notReady(says)
			if !p.log.Has(about) || !p.log.Has(says) {
				t.Errorf("the log does not say why:\n%s", p.log.String())
			}
			b.deny()
			p.ready()
			if n := strings.Count(p.log.String(), about+": well again"); n != 1 {
				t.Errorf("%d times it is well again:\n%s", n, p.log.String())
			}
		})
	}
}

// TestServerLost stops the server: that is said, with the seqs as they were, and
// nothing is answered any more.
func TestServerLost(t *testing.T) {
	t.Parallel()
	b := newBus(t)
	a := b.author()
	p := b.run(t.TempDir())
	a.message("alice", "bob", "m1")
	last := a.flush()
	p.settle(last)
	p.ready()
	b.Stop()
	p.notReady("the NATS server is lost")
	if s := p.status(); s.State != events.Lost || s.Error == "" || s.Last != last || s.Applied != last {
		t.Errorf("status: %+v", s)
	}
	testkit.Eventually(t, "nothing is answered", func() bool {
		err := p.Fresh()
		return err != nil && strings.Contains(err.Error(), "nothing was heard of the command stream")
	})
	if end, err := p.End(t.Context()); err == nil {
		t.Errorf("the log is said to end at %d, as if somebody had been asked", end)
	}
	b.restart()
	p.ready()
	if s := p.status(); s.State != events.Live {
		t.Errorf("status: %+v", s)
	}
	if end, err := p.End(t.Context()); err != nil || end != last {
		t.Errorf("the log ends at %d: %v; want %d", end, err, last)
	}
}
