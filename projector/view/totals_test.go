package view_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"reddot/events"
	"reddot/projector/fold"
	"reddot/projector/testkit"
	"reddot/projector/view"
)

// drawFilter draws a filter of labels a, b and archived.
func drawFilter(rng *rand.Rand) (f events.Filter) {
	labels := []string{"a", "b", events.LabelArchived}
	f.Kind, f.Mentioned, f.IncludeMuted = events.Kind(rng.IntN(3)), rng.IntN(4) == 0, rng.IntN(3) == 0
	switch rng.IntN(4) {
	case 0:
		f.Label = new("")
	case 1:
		f.Label = new(labels[rng.IntN(3)])
	}
	if rng.IntN(3) == 0 {
		f.Without = labels[rng.IntN(3)]
	}
	return f
}

// inbox folds some conversations of "u", with every level, and labels and marks.
func inbox(r *rig, rng *rand.Rand) {
	for n := range 24 {
		k := c2c(fmt.Sprint("p", n))
		if n%2 == 0 {
			k = group(fmt.Sprint("g", n))
			r.do(join(k.ID, "u", "x"))
		}
		for i := range rng.IntN(4) {
			m := message(k, "x", fmt.Sprint("m", i))
			if k.Kind == events.C2C {
				m.From = k.ID
			}
			if rng.IntN(3) == 0 {
				m.Mentions = []string{"u"}
			}
			r.do(m)
		}
		level, label := act(events.UserLevel, k), act(events.UserLabel, k)
		level.Level = []events.Level{events.LevelAll, events.LevelMentions, events.LevelNone}[rng.IntN(3)]
		for _, name := range []string{"a", "b", events.LabelArchived} {
			if rng.IntN(3) == 0 {
				label.Add = append(label.Add, name)
			}
		}
		if r.do(level, label); rng.IntN(4) == 0 {
			r.do(act(events.UserUnread, k))
		}
	}
}

// sum makes the totals of a filter from the conversations that a user is shown.
func sum(list []events.Conversation, f events.Filter) (t events.Totals) {
	for _, c := range list {
		id, _ := events.ParseConversation(c.Conversation)
		has := func(label string) bool { return slices.Contains(c.Labels, label) }
		if f.Kind != events.NoKind && f.Kind != id.Kind || f.Mentioned && c.Mentions == 0 || has(f.Without) ||
			f.Label != nil && *f.Label != "" && !has(*f.Label) || f.Label != nil && *f.Label == "" && c.Labels != nil {
			continue
		}
		out := c.Level == "none" || has(events.LabelArchived) && (f.Label == nil || *f.Label != events.LabelArchived)
		if out {
			t.Muted += c.Unread
			if !f.IncludeMuted {
				continue
			}
		}
		unread, shows := c.Unread, c.Unread > 0 || c.MarkedUnread
		if c.Level == "mentions" && !f.IncludeMuted {
			unread, shows = c.Mentions, c.Mentions > 0
		}
		t.Unread, t.Mentions = t.Unread+unread, t.Mentions+c.Mentions
		if id.Kind == events.C2C {
			t.C2C += unread
		} else {
			t.Group += unread
		}
		if shows {
			t.Conversations++
		}
	}
	return t
}

// TestTotalsOfFilters: totals are sums over the conversations that the user is shown,
// whatever filter they are of: one that is asked for, or one that is kept.
func TestTotalsOfFilters(t *testing.T) {
	rng := testkit.Rand(t)
	for range testkit.Effort(40) {
		r := newRig(t)
		inbox(r, rng)
		kept := map[string]events.Filter{}
		for n := range 1 + rng.IntN(5) {
			f := drawFilter(rng)
			kept[fmt.Sprint("f", n)] = f
			r.do(events.Command{Verb: events.UserFilter, Inbox: "u", Name: fmt.Sprint("f", n), Filter: &f})
		}
		r.read(func(rows fold.Reader) {
			all := list(t, rows, events.ConversationsRequest{})
			want := events.NamedTotals{}
			for name, f := range kept {
				want[name] = sum(all.Conversations, f)
			}
			for range 20 {
				f := drawFilter(rng)
				q := events.TotalsRequest{Kind: f.Kind, Label: f.Label, Mentioned: f.Mentioned, IncludeMuted: f.IncludeMuted}
				if f.Without != "" {
					q.Without = &f.Without
				}
				reply := events.TotalsReply{User: "u", Version: r.seq, Totals: sum(all.Conversations, f), Filters: want}
				if d := cmp.Diff(reply, view.Totals(rows, "u", q)); d != "" {
					t.Fatalf("%+v (- sum, + totals): %s", f, d)
				}
				f.IncludeMuted = true
				matching := list(t, rows, events.ConversationsRequest{Kind: q.Kind, Label: q.Label, Without: q.Without, Mentioned: q.Mentioned})
				if got, want := sum(matching.Conversations, events.Filter{IncludeMuted: true}), sum(all.Conversations, f); got.Unread != want.Unread || got.Mentions != want.Mentions {
					t.Fatalf("%+v lists %q, with %+v of %+v", f, names(matching.Conversations), got, want)
				}
			}
			changed := view.Change(rows, "u", 0, func(fold.Key, *fold.Summary) bool { return false },
				func(fold.Key) bool { return false })
			if d := cmp.Diff(want, changed.Filters); d != "" || changed.Totals != sum(all.Conversations, events.Filter{}) {
				t.Fatalf("an event's totals %+v, filters: %s", changed.Totals, d)
			}
		})
	}
}

// TestSettingsAreBounded: one more than there may be is refused, as a whole; what
// changes nothing is ignored.
func TestSettingsAreBounded(t *testing.T) {
	r := newRig(t)
	k := c2c("p")
	label := func(add, remove []string) events.Command {
		c := act(events.UserLabel, k)
		c.Add, c.Remove = add, remove
		return c
	}
	keep := func(name string, f *events.Filter) events.Command {
		return events.Command{Verb: events.UserFilter, Inbox: "u", Name: name, Filter: f}
	}
	var labels []string
	for n := range events.MaxLabels {
		labels = append(labels, fmt.Sprintf("l%02d", n))
		if n < events.MaxFilters {
			r.do(keep(fmt.Sprint("f", n), &events.Filter{Without: "x"}))
		}
	}
	for _, step := range []struct {
		c       events.Command
		refused string
		ignored bool
	}{
		{c: label(labels, nil)},
		{c: label(nil, []string{"other"}), ignored: true},
		{c: label(labels[:1], labels[:1]), ignored: true},
		{c: label([]string{"more"}, nil), refused: fold.ReasonLabels},
		{c: label([]string{"more", "even more"}, labels[:1]), refused: fold.ReasonLabels},
		{c: label([]string{"more"}, labels[:1])},
		{c: keep("more", &events.Filter{}), refused: fold.ReasonFilters},
		{c: keep("f0", &events.Filter{Without: "x"}), ignored: true},
		{c: keep("f0", &events.Filter{Label: new("")})},
		{c: keep("f0", &events.Filter{Label: new("")}), ignored: true},
		{c: keep("unknown", nil), ignored: true},
		{c: keep("f0", nil)},
		{c: keep("more", &events.Filter{})},
	} {
		if r.do(step.c); r.fx.Refused != step.refused || r.fx.Ignored != step.ignored {
			t.Errorf("%+v: refused %q, ignored %v", step.c, r.fx.Refused, r.fx.Ignored)
		}
	}
	r.read(func(rows fold.Reader) {
		if got := rows.Conversation(k).Labels; !slices.Equal(got, append(labels[1:], "more")) {
			t.Errorf("labels %q", got)
		}
		if got := len(rows.Settings("u").Filters); got != events.MaxFilters {
			t.Errorf("%d filters", got)
		}
	})
}
