package rest

import (
	"context"
	"maps"
	"math"
	"slices"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"

	"reddot/api/stream"
	"reddot/events"
)

// Samples of the figures are taken sampleEvery, and kept as long as the longest of the
// windows that stats shows.
const sampleEvery = 10 * time.Second

// windows are the times that stats shows.
var windows = []time.Duration{time.Minute, 5 * time.Minute, 15 * time.Minute}

// The figures that stats are made of.
const (
	figureApplied  = "reddot_commands_applied_total"
	figureRefused  = "reddot_commands_refused_total"
	figureChanges  = "reddot_events_changes_total"
	figureReceipts = "reddot_events_receipts_total"
	figureQueries  = "reddot_queries_total"
	figureHTTP     = "reddot_http_requests_total"
	figureLimited  = "reddot_rate_limited_total"
	figureHooks    = "reddot_webhook_deliveries_total"

	latencyApply = "reddot_apply_seconds"
	latencyEmit  = "reddot_emit_seconds"
	latencyTell  = "reddot_stream_lag_seconds"
	latencyQuery = "reddot_query_seconds"
	latencyHTTP  = "reddot_http_seconds"
)

// sample is the figures at one time.
type sample struct {
	at         time.Time
	counters   map[string]float64
	errors     float64         // answers of HTTP with a status of 500 or more
	hooks      map[string]told // by endpoint
	histograms map[string]histogram
}

// told is how many webhooks were sent to an endpoint, and how many of them it took.
type told struct{ sent, taken float64 }

// histogram is cumulative counts, by the bounds of their buckets.
type histogram struct {
	bounds []float64
	counts []float64
	total  float64
}

// samples are those of the longest window, the oldest first.
type samples struct {
	from prometheus.Gatherer

	mu  sync.Mutex
	all []sample
}

func newSamples(from prometheus.Gatherer) *samples { return &samples{from: from} }

// run takes samples until ctx ends.
func (s *samples) run(ctx context.Context) {
	tick := time.NewTicker(sampleEvery)
	defer tick.Stop()
	for {
		s.take(time.Now())
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// take takes a sample, and forgets those that no window needs.
func (s *samples) take(at time.Time) {
	now := s.sample(at)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.all = append(s.all, now)
	longest := windows[len(windows)-1]
	s.all = slices.DeleteFunc(s.all, func(o sample) bool { return at.Sub(o.at) > longest+sampleEvery })
}

// sample reads the figures.
func (s *samples) sample(at time.Time) sample {
	now := sample{at: at, counters: map[string]float64{}, hooks: map[string]told{}, histograms: map[string]histogram{}}
	families, _ := s.from.Gather() // those that can be read
	for _, f := range families {
		switch name := f.GetName(); name {
		case figureApplied, figureRefused, figureChanges, figureReceipts, figureQueries, figureHTTP, figureLimited:
			for _, m := range f.GetMetric() {
				n := m.GetCounter().GetValue()
				now.counters[name] += n
				if name == figureHTTP && label(m, "code") >= "500" {
					now.errors += n
				}
			}
		case figureHooks:
			for _, m := range f.GetMetric() {
				endpoint, n := label(m, "endpoint"), m.GetCounter().GetValue()
				of := now.hooks[endpoint]
				if of.sent += n; label(m, "outcome") == "delivered" {
					of.taken += n
				}
				now.hooks[endpoint] = of
			}
		case latencyApply, latencyEmit, latencyTell, latencyQuery, latencyHTTP:
			sum := now.histograms[name]
			for _, m := range f.GetMetric() {
				sum = sum.plus(m.GetHistogram())
			}
			now.histograms[name] = sum
		}
	}
	return now
}

// label is a label's value of a figure.
func label(m *dto.Metric, name string) string {
	for _, l := range m.GetLabel() {
		if l.GetName() == name {
			return l.GetValue()
		}
	}
	return ""
}

func (h histogram) plus(other *dto.Histogram) histogram {
	if h.bounds == nil {
		for _, b := range other.GetBucket() {
			h.bounds = append(h.bounds, b.GetUpperBound())
		}
		h.counts = make([]float64, len(h.bounds))
	}
	for i, b := range other.GetBucket() {
		if i < len(h.counts) {
			h.counts[i] += float64(b.GetCumulativeCount())
		}
	}
	h.total += float64(other.GetSampleCount())
	return h
}

// since is what was added after another sample. A counter that was begun anew, as that of
// the next projector of a process, counts from there.
func since(now, then float64) float64 {
	if now < then {
		return now
	}
	return now - then
}

func (h histogram) since(then histogram) histogram {
	if h.total < then.total || len(then.counts) != len(h.counts) {
		return h
	}
	out := histogram{bounds: h.bounds, counts: make([]float64, len(h.counts)), total: h.total - then.total}
	for i := range h.counts {
		out.counts[i] = h.counts[i] - then.counts[i]
	}
	return out
}

// quantile is by which time in seconds a part of all was done, as Prometheus has it: as
// if they lay evenly in their bucket. Beyond the last bound it is that bound.
func (h histogram) quantile(part float64) float64 {
	want, below, from := part*h.total, 0.0, 0.0
	for i, n := range h.counts {
		if n >= want && n > below {
			return from + (h.bounds[i]-from)*(want-below)/(n-below)
		}
		below, from = n, h.bounds[i]
	}
	return from
}

// Stats answers GET /v1/stats.
type Stats struct {
	At      events.Time              `json:"at"`
	Streams map[stream.Transport]int `json:"streams"` // now
	Windows []Window                 `json:"windows"`
}

// Window is what happened lately, for one span of time.
type Window struct {
	Seconds float64 `json:"seconds"` // of the window; while the server is younger, since its start

	Commands Rate `json:"commands"` // applied
	Refused  Rate `json:"refused"`
	Events   Rate `json:"events"` // emitted
	Queries  Rate `json:"queries"`
	Requests Rate `json:"requests"` // over HTTP
	Errors   Rate `json:"errors"`   // of them, with a status of 500 or more
	Limited  Rate `json:"limited"`  // turned away since they came too often
	Webhooks struct {
		Deliveries
		Endpoints []EndpointDeliveries `json:"endpoints,omitempty"` // by name
	} `json:"webhooks"`
	Latencies struct {
		Apply Latency `json:"apply"` // from the stream to the state that answers show
		Emit  Latency `json:"emit"`  // from there until the events are stored
		Tell  Latency `json:"tell"`  // from there until a stream is told one, where streams are told
		Query Latency `json:"query"`
		HTTP  Latency `json:"http"`
	} `json:"latencies"`
}

// Deliveries are webhooks.
type Deliveries struct {
	Sent      Rate `json:"sent"`
	Delivered Rate `json:"delivered"` // of them, which their endpoint took
}

// EndpointDeliveries are those to one endpoint.
type EndpointDeliveries struct {
	Name string `json:"name"`
	Deliveries
}

// Rate is how many there were, and how many in a second.
type Rate struct {
	Count     uint64  `json:"count"`
	PerSecond float64 `json:"per_second"`
}

// Latency is how long something took.
type Latency struct {
	Count uint64  `json:"count"`
	P50   float64 `json:"p50_ms"`
	P95   float64 `json:"p95_ms"`
	P99   float64 `json:"p99_ms"`
}

// stats answers GET /v1/stats: what the figures of the last minutes say.
func (s *Server) stats(x *Exchange) error {
	if err := only(x.Query); err != nil {
		return err
	}
	reply := s.samples.stats(time.Now())
	reply.Streams = map[stream.Transport]int{}
	if live, err := s.live(); err == nil {
		reply.Streams = live.Streams().Streams()
	}
	return x.reply(reply)
}

func (s *samples) stats(at time.Time) Stats {
	now := s.sample(at)
	reply := Stats{At: events.Time(at.UnixMilli())}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, span := range windows {
		then := sample{at: at}
		for _, o := range s.all { // the newest that is as old as the window, or the oldest
			if then = o; at.Sub(o.at) <= span+sampleEvery/2 {
				break
			}
		}
		reply.Windows = append(reply.Windows, now.window(then))
	}
	return reply
}

func (now sample) window(then sample) (w Window) {
	w.Seconds = round(now.at.Sub(then.at).Seconds())
	rate := func(n float64) Rate {
		r := Rate{Count: uint64(n)}
		if w.Seconds > 0 {
			r.PerSecond = round(n / w.Seconds)
		}
		return r
	}
	counted := func(names ...string) (r Rate) {
		n := 0.0
		for _, name := range names {
			n += since(now.counters[name], then.counters[name])
		}
		return rate(n)
	}
	took := func(name string) Latency {
		h := now.histograms[name].since(then.histograms[name])
		ms := func(part float64) float64 { return round(h.quantile(part) * 1000) }
		if h.total == 0 {
			return Latency{}
		}
		return Latency{Count: uint64(h.total), P50: ms(.5), P95: ms(.95), P99: ms(.99)}
	}
	w.Commands, w.Refused, w.Events, w.Queries = counted(figureApplied), counted(figureRefused), counted(figureChanges, figureReceipts), counted(figureQueries)
	w.Requests, w.Limited, w.Errors = counted(figureHTTP), counted(figureLimited), rate(since(now.errors, then.errors))
	all := told{}
	for _, name := range slices.Sorted(maps.Keys(now.hooks)) {
		to, before := now.hooks[name], then.hooks[name]
		to.sent, to.taken = since(to.sent, before.sent), since(to.taken, before.taken)
		all.sent, all.taken = all.sent+to.sent, all.taken+to.taken
		w.Webhooks.Endpoints = append(w.Webhooks.Endpoints, EndpointDeliveries{name, Deliveries{rate(to.sent), rate(to.taken)}})
	}
	w.Webhooks.Deliveries = Deliveries{rate(all.sent), rate(all.taken)}
	of := &w.Latencies
	of.Apply, of.Emit, of.Tell, of.Query, of.HTTP = took(latencyApply), took(latencyEmit), took(latencyTell), took(latencyQuery), took(latencyHTTP)
	return w
}

// round leaves three digits behind the point.
func round(n float64) float64 { return math.Round(n*1000) / 1000 }
