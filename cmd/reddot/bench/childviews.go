package bench

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"time"

	"reddot/events"
	"reddot/projector"
	"reddot/projector/loop"
	"reddot/projector/store"
)

const (
	// lookedCold is how often a message is looked at in a store that was just opened.
	lookedCold = 20
	// lookedWarm is how often everything else is looked at.
	lookedWarm = 1_000
)

// ChildViews folds the log at a server into a store in a folder, and says how long it
// takes to look at what the stage views has made.
func ChildViews(ctx context.Context, url, dir string, upto events.Seq, out io.Writer) error {
	log, s, done, err := openStore(ctx, url, dir)
	if err != nil {
		return err
	}
	defer done()
	if err := loop.Build(ctx, log, s, upto, func(events.Seq) {}); err != nil {
		return err
	}
	if err := s.Close(); err != nil {
		return err
	}
	var seen looked
	opened := func(look func(*projector.View) error) error {
		s, err := store.Open(store.Config{Dir: dir, Identity: log.Identity()})
		if err != nil {
			return err
		}
		v, err := projector.NewView(s)
		if err != nil {
			return err
		}
		if err := look(v); err != nil {
			return err
		}
		if err := v.Close(); err != nil {
			return err
		}
		return s.Close()
	}
	for i := range lookedCold {
		if err := opened(func(v *projector.View) error { return timed(&seen.Cold, func() error { return lookAt(v, i) }) }); err != nil {
			return err
		}
	}
	err = opened(func(v *projector.View) error {
		if err := lookAt(v, 0); err != nil {
			return err
		}
		return seen.warm(v)
	})
	if err != nil {
		return err
	}
	return json.NewEncoder(out).Encode(seen)
}

// warm looks at everything over and over.
func (seen *looked) warm(v *projector.View) error {
	size := events.MaxLimit
	for i := range lookedWarm {
		if err := timed(&seen.Counted, func() error { return lookAt(v, i) }); err != nil {
			return err
		}
	}
	for i := range lookedWarm / 10 {
		err := timed(&seen.Readers, func() error {
			_, err := v.Readers(user(0), events.ReadersRequest{Group: crowd, ID: crowdMessage(i % crowdMessages), Limit: &size})
			return err
		})
		if err != nil {
			return err
		}
		err = timed(&seen.Totals, func() error {
			_, err := v.Totals(collector, events.TotalsRequest{})
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// lookAt asks by how many a message of the crowd is read: one somewhere among all.
func lookAt(v *projector.View, i int) error {
	id := crowdMessage(i * 31 % crowdMessages)
	r, err := v.GroupReceipts(user(0), events.GroupReceiptsRequest{Group: crowd, IDs: []string{id}})
	if err == nil && len(r.Receipts) != 1 {
		err = fmt.Errorf("nothing is known of the message %s", id)
	}
	return err
}

// timed does something, and adds how long it took.
func timed(times *[]time.Duration, do func() error) error {
	start := time.Now()
	err := do()
	*times = append(*times, time.Since(start))
	return err
}
