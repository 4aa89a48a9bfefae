package server

import (
	"context"
	"errors"
	"path/filepath"

	"reddot/api"
	"reddot/cmd/reddot/asof"
	"reddot/events"
	"reddot/projector"
)

// Past implements rest.Live: it folds the log up to the state into a scratch store. One
// is folded at a time.
func (w *web) Past(ctx context.Context, at events.PastPoint, user, query string, body []byte) (reply any, applied events.Seq, err error) {
	p, err := w.source.running()
	if err != nil {
		return nil, 0, err
	}
	from := &asof.Source{Log: p.Log(), Logger: w.log}
	if w.source.snapshots != nil {
		from.Snapshots = w.source.snapshots.repo
	}
	err = w.data.WithScratch(func(dir string) error {
		seq, err := from.Resolve(ctx, asof.Point{Seq: at.Seq, At: at.Time, Text: at.Text, Named: "at"})
		if err != nil {
			return err
		}
		applied = seq
		return from.View(ctx, filepath.Join(dir, "past"), seq, func(v *projector.View) (err error) {
			v.Until(ctx.Err)
			reply, err = api.AnswerFrom(ctx, v, user, query, body)
			return err
		})
	})
	if outside, ok := errors.AsType[*asof.OutsideError](err); ok {
		err = &events.Invalid{Reason: outside.Error()}
	}
	return reply, applied, err
}
