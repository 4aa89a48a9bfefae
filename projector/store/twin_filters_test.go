package store_test

import (
	"fmt"

	"github.com/google/go-cmp/cmp/cmpopts"

	"reddot/events"
	"reddot/projector/fold"
	"reddot/projector/testkit"
	"reddot/projector/view"
)

// diffFilters compares what a random request for totals and one for conversations
// answer, and the filters that the user keeps.
func (r *rig) diffFilters(rows fold.Reader, user string) string {
	label := func() *string {
		return [...]*string{nil, nil, new(""), new("work"), new("pinned"), new(events.LabelArchived)}[r.rng.IntN(6)]
	}
	q := events.TotalsRequest{
		Kind: events.Kind(r.rng.IntN(3)), Label: label(), IncludeMuted: r.rng.IntN(2) == 0, Mentioned: r.rng.IntN(4) == 0,
	}
	if q.Without = label(); q.Without != nil && *q.Without == "" {
		q.Without = nil
	}
	got := view.Totals(rows, user, q)
	if want := r.twin.TotalsOf(user, q.Filter()); want != got.Totals {
		return fmt.Sprintf("totals %+v (- twin, + store):\n%s", q.Filter(), testkit.Diff(want, got.Totals))
	}
	if d := testkit.Diff(r.twin.Filters(user), got.Filters, cmpopts.EquateEmpty()); d != "" {
		return "filters: " + d
	}
	list := events.ConversationsRequest{
		Kind: q.Kind, Label: q.Label, Without: q.Without, Mentioned: q.Mentioned, UnreadOnly: r.rng.IntN(2) == 0, Limit: new(events.MaxLimit),
	}
	page, err := view.Conversations(rows, user, list)
	if err != nil {
		return err.Error()
	}
	if d := testkit.Diff(r.twin.ConversationsOf(user, list), page.Conversations, cmpopts.EquateEmpty()); d != "" {
		return fmt.Sprintf("conversations %+v: %s", list, d)
	}
	return ""
}
