package repository_test

import (
	"context"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"reddot/cmd/reddot/asof"
	"reddot/cmd/reddot/datadir"
	"reddot/cmd/reddot/repository"
	"reddot/events"
	"reddot/projector/log"
	"reddot/projector/store"
	"reddot/projector/store/generation"
	"reddot/projector/testkit"
	"reddot/projector/testkit/natstest"
	"reddot/snapshot"
	"reddot/snapshot/storage"
)

// logOf is a log of some commands of its own.
func logOf(t *testing.T, commands int) (*log.Log, jetstream.JetStream) {
	t.Helper()
	js := natstest.Start(t).JetStream()
	subjects := testkit.Must(events.NewSubjects(events.DefaultPrefix))(t)
	l := testkit.Must(log.Ensure(t.Context(), js, log.Config{
		Subjects: subjects, Logger: slog.New(slog.DiscardHandler), Derived: func() (info store.Info, dir string, err error) { return },
	}))(t)
	for n := range commands {
		testkit.Must(js.Publish(t.Context(), "unread.cmd.user.alice.message", fmt.Appendf(nil, `{"id":"m%d","from":"bob"}`, n)))(t)
	}
	return l, js
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

// snapshots are those of a log at some seqs, the newest first.
func snapshots(t *testing.T, l *log.Log, seqs ...events.Seq) (*snapshot.Repository, []snapshot.Entry) {
	t.Helper()
	repo := testkit.Must(repository.Open(t.Context(), storage.NewFolder(nil, t.TempDir()), t.TempDir(), "test", slog.New(slog.DiscardHandler)))(t)
	from := asof.Source{Log: l, Logger: slog.New(slog.DiscardHandler)}
	for _, seq := range seqs {
		st, _, err := from.Fold(t.Context(), filepath.Join(t.TempDir(), "store"), seq)
		testkit.OK(t, err)
		testkit.Must(repo.Create(t.Context(), taken{st, l}, nil))(t)
		testkit.OK(t, st.Close())
	}
	return repo, testkit.Must(repo.List(t.Context()))(t)
}

// TestForeign: a snapshot is of the commands that a log has if the last of them was taken
// in at the time that it names; one behind the log's end is not.
func TestForeign(t *testing.T) {
	l, _ := logOf(t, 4)
	repo, entries := snapshots(t, l, 2, 4)
	foreign := func(log *log.Log, last events.Seq, want int) {
		t.Helper()
		got := testkit.Must(repository.Foreign(t.Context(), log, repo, last))(t)
		if len(got) != want || want > 0 && got[0].Seq != 4 {
			t.Errorf("up to seq %d: %+v", last, got)
		}
	}
	foreign(l, 4, 0)
	foreign(l, 3, 1)
	other, _ := logOf(t, 4)
	foreign(other, 4, 0) // they are not said to be its own
	other.Adopt(l.Identity())
	foreign(other, 4, 2)
	for _, e := range entries {
		if derived := testkit.Must(repository.DerivedFrom(t.Context(), l, e.Manifest))(t); !derived {
			t.Errorf("seq %d is not of its log", e.Seq)
		}
		if derived := testkit.Must(repository.DerivedFrom(t.Context(), other, e.Manifest))(t); derived {
			t.Errorf("seq %d is of another log", e.Seq)
		}
	}
}

// TestRecognise: a log that its stream does not name is recognised by a command that a
// snapshot names by its time; another log is not.
func TestRecognise(t *testing.T) {
	l, js := logOf(t, 3)
	repo, _ := snapshots(t, l, 3)
	is := l.Identity()
	testkit.OK(t, repository.Recognise(t.Context(), l, repo))
	if !l.Identity().Equal(is) {
		t.Errorf("it is %v, and was %v", l.Identity(), is)
	}
	config := testkit.Must(js.Stream(t.Context(), is.Name))(t).CachedInfo().Config
	config.Metadata = nil
	testkit.Must(js.UpdateStream(t.Context(), config))(t)
	subjects := testkit.Must(events.NewSubjects(events.DefaultPrefix))(t)
	restored := testkit.Must(log.Find(t.Context(), js, subjects, slog.New(slog.DiscardHandler)))(t)
	restored.Adopt(events.StreamID{Name: is.Name, Created: is.Created.Add(time.Hour)})
	testkit.OK(t, repository.Recognise(t.Context(), restored, repo))
	if !restored.Identity().Equal(is) {
		t.Errorf("it is taken for %v, not %v", restored.Identity(), is)
	}
	other, _ := logOf(t, 3)
	own := other.Identity()
	testkit.OK(t, repository.Recognise(t.Context(), other, repo))
	if !other.Identity().Equal(own) {
		t.Errorf("another log is taken for %v", other.Identity())
	}
}

// TestRestoration: a snapshot takes the store's place: the newest that the log goes on
// from, or the one that is named, if it is of that log.
func TestRestoration(t *testing.T) {
	l, _ := logOf(t, 4)
	repo, _ := snapshots(t, l, 2, 4)
	data := datadir.Dir(t.TempDir())
	restored := func(r repository.Restoration, want events.Seq) {
		t.Helper()
		r.Snapshots, r.Data = repo, data
		m := testkit.Must(r.Run(t.Context()))(t)
		dir, ok := testkit.Must(generation.Open(nil, data.Store()))(t).Current()
		info := testkit.Must(store.Inspect(nil, dir))(t)
		if !ok || m.Seq != want || info.Position.Applied != want || info.Position.Digest() != m.Digest {
			t.Errorf("it is the snapshot of seq %d, in use is seq %d, want %d", m.Seq, info.Position.Applied, want)
		}
	}
	restored(repository.Restoration{Log: l}, 4)
	restored(repository.Restoration{Log: l, Which: "2"}, 2)
	restored(repository.Restoration{}, 4) // of the log whose store is there
	fails := func(r repository.Restoration, says ...string) {
		t.Helper()
		r.Snapshots, r.Data = repo, data
		_, err := r.Run(t.Context())
		for _, s := range says {
			if err == nil || !strings.Contains(err.Error(), s) {
				t.Errorf("%q is not in %v", s, err)
			}
		}
	}
	fails(repository.Restoration{Log: l, Which: "3"}, "not found")
	other, _ := logOf(t, 3)
	fails(repository.Restoration{Log: other, Which: "2"}, "is of another log")
	other.Adopt(l.Identity())
	fails(repository.Restoration{Log: other, Which: "4"}, "the log ends at seq 3: it was cut")
	fails(repository.Restoration{Log: other, Which: "2"}, "was made of other commands than the log has")
	testkit.OK(t, l.Trim(t.Context(), 3))
	fails(repository.Restoration{Log: l, Which: "2"}, "what comes between is gone", "; 4 can be used")
	restored(repository.Restoration{Log: l}, 4)
}
