package projector

import (
	"context"

	"github.com/nats-io/nats.go/jetstream"

	"reddot/projector/emit/journal"
	"reddot/projector/log"
	"reddot/projector/store"
	"reddot/projector/store/generation"
)

// FindTruncation compares a log with what is derived from it: the store in use in a
// folder of stores, and the newest stored event. What else is derived the caller may
// add. The log is given the identity of that store if it holds its commands.
func FindTruncation(ctx context.Context, l *log.Log, js jetstream.JetStream, dir string) (*log.TruncatedError, error) {
	info, err := inspectCurrent(dir)
	if err != nil {
		return nil, err
	}
	if err := l.Recognise(ctx, info); err != nil {
		return nil, err
	}
	if !info.Identity.Equal(l.Identity()) {
		info = store.Info{} // it is of another log: Open sees to that
	}
	newest, err := journal.FindNewest(ctx, js, l.Subjects(), l.Identity().String())
	if err != nil {
		return nil, err
	}
	return l.FindTruncation(ctx, log.Derived{Store: info.Position, Event: log.Event(newest)})
}

// AcceptTruncation makes it possible to go on with a log as it is. One that ends too
// early is filled up with commands that change nothing, so that no seq, which is a
// version, is ever given twice; progress, unless nil, is called with how many there
// are. Then what is derived from commands that are gone is forgotten: the stored
// events, if other commands are in their place, and the store. So if a crash, or
// the end of ctx, interrupts it, a further FindTruncation finds the rest.
//
// Listeners who were notified of a command that is gone keep what they were sent
// until the conversation changes again, or they ask.
func AcceptTruncation(ctx context.Context, l *log.Log, js jetstream.JetStream, dir string,
	t *log.TruncatedError, progress func(done uint64),
) error {
	if err := l.Fill(ctx, js, t, progress); err != nil {
		return err
	}
	if t.Events {
		if err := journal.Forget(ctx, js, l.Subjects()); err != nil {
			return err
		}
	}
	if !t.Store {
		return nil
	}
	folder, err := generation.Open(nil, dir)
	if err == nil {
		err = folder.Drop()
	}
	return err
}

// inspectCurrent inspects the current store of a folder; zero if there is none
// that can be read.
func inspectCurrent(dir string) (store.Info, error) {
	folder, err := generation.Open(nil, dir)
	if err != nil {
		return store.Info{}, err
	}
	path, ok := folder.Current()
	if !ok {
		return store.Info{}, nil
	}
	info, err := store.Inspect(nil, path)
	if err != nil {
		return store.Info{}, nil // whoever opens it sees to that
	}
	return info, nil
}
