package emit

import (
	"context"
	"errors"
	"strings"

	"reddot/events"
	"reddot/projector/store"
)

// refusalsAtOnce is how many refusals are emitted in a round.
const refusalsAtOnce = 256

// refuse emits refusals.
func (g *rounds) refuse(ctx context.Context, snap *store.Snapshot) error {
	f := g.refusals
	if f == nil {
		return nil
	}
	enough := errors.New("enough for this round")
	n := 0
	err := snap.Outbox(f.after, func(o store.Out) error {
		if n == refusalsAtOnce {
			return enough
		}
		f.after = o.Seq
		if o.Rejected == nil || o.Seq > f.upto || g.before.rejected(o.Seq) {
			return nil
		}
		n++
		r := *o.Rejected
		r.Subject = strings.ToValidUTF8(r.Subject[:min(len(r.Subject), maxSubject)], "\uFFFD")
		g.emitter.figures.rejected.Add(1)
		f.round.open++
		return g.event(ctx, "rejected", r, &refusalFlight{f.round})
	})
	if errors.Is(err, enough) {
		return nil
	}
	if err == nil {
		g.close(f.round)
		g.refusals = nil
	}
	return err
}

// maxSubject bounds the subject of a refused command, as it is emitted. Those of
// commands that are not refused are shorter.
const maxSubject = 2_048

// refusals are those of commands in (after, upto] that are not sent.
type refusals struct {
	after, upto events.Seq
	round       *round
}

// refusalFlight is a refusal on its way. It implements parcel.
type refusalFlight struct{ round *round }

func (f *refusalFlight) Landed() { f.round.open-- }

func (f *refusalFlight) last() *round { return f.round }
