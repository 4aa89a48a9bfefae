package emit

import (
	"context"
	"strings"

	"reddot/events"
	"reddot/projector/fold"
	"reddot/projector/store"
	"reddot/projector/view"
)

// sendReceipts sends receipts for as long as there is room.
func (g *rounds) sendReceipts(ctx context.Context, snap *store.Snapshot, w *receipts, room *int) error {
	const cost = 8 // about that of as many rows of a list
	return snap.Read(func(rows fold.Reader) error {
		for ; *room > 0; *room -= cost {
			k, ok := w.next()
			if !ok {
				return nil
			}
			g.giveWay()
			r := w.of[k]
			delete(w.of, k)
			receipt, ok := view.SentReceipt(rows, k.ID, k.User, k.Of())
			if !ok || g.before.receipt(receipt) {
				g.close(r)
				continue
			}
			g.emitter.figures.receipts.Add(1)
			f := &receiptFlight{backlog: g.backlog, key: k, round: r}
			g.receiptFlights[k] = f
			if err := g.event(ctx, "evt."+events.EscapeToken(k.ID)+".receipt", receipt, f); err != nil {
				return err
			}
		}
		return nil
	})
}

// receipts are those to be sent, and by which round.
type receipts struct {
	elevator[fold.ReceiptKey]
	of map[fold.ReceiptKey]*round
}

func newReceipts() receipts {
	return receipts{of: map[fold.ReceiptKey]*round{}, elevator: elevator[fold.ReceiptKey]{compare: func(a, b fold.ReceiptKey) int {
		return strings.Compare(a.ID, b.ID)
	}}}
}

func (w *receipts) add(k fold.ReceiptKey, r *round) {
	w.of[k] = r
	w.elevator.add(k)
}

// receipt has a receipt sent. That of the main timeline and that of the conversation are
// one: a listener can't tell them apart, and hears the newer one last.
func (b *backlog) receipt(r *round, k fold.ReceiptKey, in *receipts) {
	k.One = k.One && k.Timeline != ""
	if b.receipts.of[k] != nil || b.bulkReceipts.of[k] != nil {
		return
	}
	switch f := b.receiptFlights[k]; {
	case f == nil:
		in.add(k, r)
	case f.again == nil:
		f.again = r
	default:
		return
	}
	r.open++
}

// receiptFlight is a receipt on its way. It implements parcel.
type receiptFlight struct {
	backlog *backlog
	key     fold.ReceiptKey
	round   *round
	again   *round // it is to be sent once more; nil: it is not
}

func (f *receiptFlight) Landed() {
	b := f.backlog
	b.close(f.round)
	delete(b.receiptFlights, f.key)
	if f.again != nil {
		b.receipts.add(f.key, f.again)
	}
}

func (f *receiptFlight) last() *round { return f.round }
