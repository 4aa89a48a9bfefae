package sim

import (
	"fmt"
	"slices"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"reddot/events"
	"reddot/projector/fold"
	"reddot/projector/store"
	"reddot/projector/twin"
	"reddot/projector/view"
)

// compareViews asks a store and the twin everything about every user.
func compareViews(s *store.Store, model *twin.Model) error {
	snap, err := s.Snapshot()
	if err != nil {
		return err
	}
	users := model.Users()
	err = snap.Read(func(r fold.Reader) error {
		for _, user := range users {
			if err := compareUser(r, model, user, users); err != nil {
				return err
			}
		}
		return nil
	})
	if e := snap.Close(); err == nil {
		err = e
	}
	return err
}

func compareUser(r fold.Reader, model *twin.Model, user string, peers []string) error {
	reply, err := view.Conversations(r, user, events.ConversationsRequest{Limit: new(events.MaxLimit)})
	if err != nil {
		return err
	}
	want := model.Conversations(user)
	if !slices.EqualFunc(want, reply.Conversations, events.Conversation.Equal) {
		return fmt.Errorf("list of %q (-twin +store):\n%s", user, cmp.Diff(want, reply.Conversations, cmpopts.EquateEmpty()))
	}
	if totals := model.Totals(user, events.NoKind, false); totals != reply.Totals || reply.Version != model.Version(user) {
		return fmt.Errorf("%q has version %d and %+v, the twin says %d and %+v", user, reply.Version, reply.Totals, model.Version(user), totals)
	}
	for _, peer := range peers {
		got, gotOK := view.Receipt(r, user, peer, nil)
		want, wantOK := model.Receipt(user, peer, nil)
		if gotOK != wantOK || got.Upto != want.Upto || got.At != want.At || got.Version != want.Version {
			return fmt.Errorf("%q has receipt %+v of %q, the twin says %+v", user, got, peer, want)
		}
	}
	return nil
}
