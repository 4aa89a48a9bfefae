package api

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"reddot/events"
)

// EndpointData is what STATS tells of each endpoint beyond the framework's own
// numbers.
type EndpointData struct {
	Applied events.Seq  `json:"applied"` // last command folded in, at AsOf
	Lag     uint64      `json:"lag"`     // commands between applied and the stream's end, at AsOf
	AsOf    events.Time `json:"as_of"`   // Unix ms; 0 until the projection has told its position
	Waiting int64       `json:"waiting"` // requests waiting for after_seq, of all endpoints
}

const (
	// statusEvery is how old the position told by STATS may be: it is fetched
	// ahead, so that whoever monitors waits for nothing.
	statusEvery = time.Second

	// statusTimeout bounds one call of Source.Status.
	statusTimeout = 2 * time.Second
)

// stats collects what STATS tells.
type stats struct {
	position atomic.Pointer[position]
}

type position struct {
	applied events.Seq
	lag     uint64
	asOf    time.Time
}

// seen keeps the position of a status.
func (s *stats) seen(status events.Status) {
	s.position.Store(&position{applied: status.Applied, lag: status.Lag, asOf: time.Now()})
}

// data is the EndpointData now. It never blocks.
func (s *Service) data() any {
	data := EndpointData{Waiting: s.pool.waiting.Load()}
	if at := s.stats.position.Load(); at != nil {
		data.Applied, data.Lag, data.AsOf = at.applied, at.lag, events.Time(at.asOf.UnixMilli())
	}
	return data
}

// follow keeps the position that STATS tells until ctx ends.
func (s *Service) follow(ctx context.Context) {
	tick := time.NewTicker(statusEvery)
	defer tick.Stop()
	for {
		if status, err := s.status(ctx); err == nil {
			s.stats.seen(status)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// status is Source.Status with a bound in time and panics contained.
func (s *Service) status(ctx context.Context) (status events.Status, err error) {
	ctx, cancel := context.WithTimeout(ctx, statusTimeout)
	defer cancel()
	defer func() {
		if r := recover(); r != nil {
			s.logPanic(events.QueryStatus, r)
			err = fmt.Errorf("panic: %v", r)
		}
	}()
	return s.cfg.Source.Status(ctx)
}
