package api

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go/micro"

	"reddot/events"
)

// EndpointData is what STATS tells of an endpoint beyond the framework's own
// numbers. Those see only how fast a request was taken in; Errors and LastError
// are told here because answers are given outside of the framework's handler.
type EndpointData struct {
	Applied   events.Seq  `json:"applied"`              // last command folded in, at AsOf
	Lag       uint64      `json:"lag"`                  // commands between applied and the stream's end, at AsOf
	AsOf      events.Time `json:"as_of"`                // Unix ms; 0 until the projection has told its position
	Waiting   int64       `json:"waiting"`              // requests waiting for after_seq, of all endpoints
	Errors    uint64      `json:"errors"`               // error replies of this endpoint
	LastError string      `json:"last_error,omitempty"` // the last of them, "<word>: <message>"
}

const (
	// statusEvery is how old the position told by STATS may be. The framework
	// asks for STATS data while it holds the lock that every request needs, so
	// the position is fetched ahead, not on demand.
	statusEvery = time.Second

	// statusTimeout bounds one call of Source.Status.
	statusTimeout = 2 * time.Second
)

// stats collects what STATS tells.
type stats struct {
	position atomic.Pointer[position]
	byQuery  map[string]*errorCount // never changed after newStats
}

type position struct {
	applied events.Seq
	lag     uint64
	asOf    time.Time
}

type errorCount struct {
	mu    sync.Mutex
	count uint64
	last  string
}

func newStats(queries []query) *stats {
	s := &stats{byQuery: map[string]*errorCount{}}
	for _, q := range queries {
		s.byQuery[q.name] = &errorCount{}
	}
	return s
}

// seen keeps the position of a status.
func (s *stats) seen(status events.Status) {
	s.position.Store(&position{applied: status.Applied, lag: status.Lag, asOf: time.Now()})
}

// failed counts an error reply.
func (s *stats) failed(query string, f *fault) {
	e := s.byQuery[query]
	e.mu.Lock()
	defer e.mu.Unlock()
	e.count++
	e.last = f.Error()
}

// endpoint is the framework's StatsHandler. It never blocks.
func (s *Service) endpoint(e *micro.Endpoint) any {
	data := EndpointData{Waiting: s.pool.waiting.Load()}
	if at := s.stats.position.Load(); at != nil {
		data.Applied, data.Lag, data.AsOf = at.applied, at.lag, events.Time(at.asOf.UnixMilli())
	}
	if errs := s.stats.byQuery[e.Name]; errs != nil {
		errs.mu.Lock()
		defer errs.mu.Unlock()
		data.Errors, data.LastError = errs.count, errs.last
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
