package asof_test

import (
	"context"
	"fmt"
	"log/slog"
	"path/filepath"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"reddot/cmd/reddot/asof"
	"reddot/cmd/reddot/repository"
	"reddot/events"
	"reddot/projector"
	"reddot/projector/log"
	"reddot/projector/store"
	"reddot/projector/testkit"
	"reddot/projector/testkit/natstest"
	"reddot/snapshot"
	"reddot/snapshot/storage"
)

func TestMain(m *testing.M) { testkit.Main(m) }

// past is a log with a snapshot repository, and what states are derived from.
type past struct {
	*asof.Source
	t      *testing.T
	js     jetstream.JetStream
	sent   int
	folded []uint64 // commands of each folding, as it was shown
}

// newPast is a log in which bob sends alice messages, one a command.
func newPast(t *testing.T, messages int) *past {
	t.Helper()
	js := natstest.Start(t).JetStream()
	subjects := testkit.Must(events.NewSubjects(events.DefaultPrefix))(t)
	p := &past{t: t, js: js}
	nothing := slog.New(slog.DiscardHandler)
	l := testkit.Must(log.Ensure(t.Context(), js, log.Config{Subjects: subjects, Logger: nothing, Derived: func() (info store.Info, dir string, err error) { return }}))(t)
	p.Source = &asof.Source{Log: l, Logger: nothing, Watch: func(commands uint64) asof.Progress {
		p.folded = append(p.folded, commands)
		return &shown{t: t, commands: commands}
	}}
	p.Snapshots = testkit.Must(repository.Open(t.Context(), storage.NewFolder(nil, t.TempDir()), t.TempDir(), "test", nothing))(t)
	p.send(messages)
	return p
}

// send adds messages to the log.
func (p *past) send(messages int) {
	p.t.Helper()
	for range messages {
		p.sent++
		testkit.Must(p.js.Publish(p.t.Context(), "unread.cmd.user.alice.message", fmt.Appendf(nil, `{"id":"m%d","from":"bob"}`, p.sent)))(p.t)
	}
}

// snapshot takes one of the state at a seq, and of the log's own commands.
func (p *past) snapshot(seq events.Seq) {
	p.t.Helper()
	st, _, err := p.Fold(p.t.Context(), filepath.Join(p.t.TempDir(), "store"), seq)
	testkit.OK(p.t, err)
	created := testkit.Must(p.Snapshots.Create(p.t.Context(), taken{st, p.Log}, nil))(p.t)
	testkit.OK(p.t, st.Close())
	if created.Manifest.Seq != seq {
		p.t.Fatalf("the snapshot is of seq %d, not %d", created.Manifest.Seq, seq)
	}
}

// taken is a store of which a snapshot is taken.
type taken struct {
	*store.Store
	log *log.Log
}

func (s taken) Applied() events.Seq { return s.Position().Applied }

func (s taken) LogTime(ctx context.Context, seq events.Seq) (time.Time, error) {
	return s.log.TimeOf(ctx, seq)
}

var _ snapshot.Source = taken{}

// unread is alice's unread count in the state at a seq, and the seq that the folding
// began with.
func (p *past) unread(seq events.Seq) (count, folded uint64) {
	p.t.Helper()
	err := p.View(p.t.Context(), filepath.Join(p.t.TempDir(), "store"), seq, func(v *projector.View) error {
		totals, err := v.Totals("alice", events.TotalsRequest{})
		count = totals.Totals.Unread
		return err
	})
	testkit.OK(p.t, err)
	return count, p.folded[len(p.folded)-1]
}

// shown is a folding that is shown: it comes along, and ends with all of it.
type shown struct {
	t              *testing.T
	commands, done uint64
}

func (s *shown) Set(done uint64) {
	if done <= s.done && done != s.commands || done > s.commands {
		s.t.Errorf("%d of %d commands after %d", done, s.commands, s.done)
	}
	s.done = done
}

func (s *shown) Finish(complete bool) {
	if complete && s.done != s.commands {
		s.t.Errorf("it ends with %d of %d commands", s.done, s.commands)
	}
}
