package api

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"reddot/api/gate"
	"reddot/events"
)

// Metrics are the numbers of a Service for Prometheus. A nil *Metrics measures
// nothing.
type Metrics struct {
	queries *prometheus.CounterVec
	seconds *prometheus.HistogramVec
	waiters prometheus.Gauge
	drops   *prometheus.CounterVec
	served  map[string]served // by query; those that are not here are found by their labels
	wishes  *prometheus.CounterVec
	taken   prometheus.Gauge
}

// served are the numbers of a query's good answers.
type served struct {
	answers prometheus.Counter
	seconds prometheus.Observer
}

// NewMetrics registers the metrics of one Service:
//
//	reddot_queries_total{query,code}          answers, by query and by code (200, 400, 403, 404, 408, 429, 503)
//	reddot_query_seconds{query}               from a request's arrival to its answer, less the wait for after_seq
//	reddot_query_waiters                      requests waiting for after_seq now
//	reddot_requests_dropped_total{kind}       requests not looked at, since their reply subject is no inbox
//	reddot_queries_taken                      1 while this instance is in the queue group, 0 while others get all queries
//	reddot_user_commands_total{verb,outcome}  users' own commands, by what became of them
//
// Users' own commands are the query "do" of the first two.
//
// An error means that the registry has metrics of these names already.
func NewMetrics(registry *prometheus.Registry) (*Metrics, error) {
	m := &Metrics{
		queries: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "reddot_queries_total",
			Help: "Queries answered, by query and code.",
		}, []string{"query", "code"}),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "reddot_query_seconds",
			Help:    "Time from a query's arrival to its answer, less the wait for after_seq.",
			Buckets: []float64{.0001, .00025, .0005, .001, .0025, .005, .01, .025, .1, .5, 2},
		}, []string{"query"}),
		waiters: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "reddot_query_waiters",
			Help: "Queries waiting for after_seq.",
		}),
		drops: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "reddot_requests_dropped_total",
			Help: "Requests dropped because their reply subject is no inbox, by kind.",
		}, []string{"kind"}),
		wishes: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "reddot_user_commands_total",
			Help: "Commands that users asked for, by verb and outcome.",
		}, []string{"verb", "outcome"}),
		taken: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "reddot_queries_taken",
			Help: "1 while this instance takes queries, 0 while it leaves them to others since it does not know the newest state.",
		}),
	}
	for _, c := range []prometheus.Collector{m.queries, m.seconds, m.waiters, m.drops, m.wishes, m.taken} {
		if err := registry.Register(c); err != nil {
			return nil, fmt.Errorf("register query metrics: %w", err)
		}
	}
	m.served = map[string]served{}
	for _, q := range handlers(nil) { // so that a rate is 0, not absent, before the first query
		m.served[q.name] = served{m.queries.WithLabelValues(q.name, "200"), m.seconds.WithLabelValues(q.name)}
		m.drops.WithLabelValues(q.name)
	}
	m.drops.WithLabelValues(commandEndpoint)
	m.drops.WithLabelValues(monitorKind)
	for _, verb := range gate.Verbs() {
		for _, outcome := range []string{outcomeStored, events.ErrRateLimited.Word()} {
			m.wishes.WithLabelValues(verb, outcome)
		}
	}
	return m, nil
}

// answered counts one answer and the time that it took.
func (m *Metrics) answered(query, code string, took time.Duration) {
	if m == nil {
		return
	}
	if of, ok := m.served[query]; ok && code == "200" {
		of.answers.Inc()
		of.seconds.Observe(took.Seconds())
		return
	}
	m.queries.WithLabelValues(query, code).Inc()
	m.seconds.WithLabelValues(query).Observe(took.Seconds())
}

// dropped counts a request that was not looked at.
func (m *Metrics) dropped(kind string) {
	if m != nil {
		m.drops.WithLabelValues(kind).Inc()
	}
}

// What became of a user's command, beside the words of errors.
const (
	outcomeStored    = "stored"
	outcomeDuplicate = "duplicate"
	outcomeRefused   = "refused" // by the fold
)

// commanded counts a user's command. verb is one that users have, or empty.
func (m *Metrics) commanded(verb, outcome string) {
	if m != nil {
		m.wishes.WithLabelValues(cmp.Or(verb, "unknown"), outcome).Inc()
	}
}

// wait counts a request that begins (+1) or ends (-1) to wait.
func (m *Metrics) wait(n float64) {
	if m != nil {
		m.waiters.Add(n)
	}
}

// takes shows whether the instance is in the queue group.
func (m *Metrics) takes(queries bool) {
	switch {
	case m == nil:
	case queries:
		m.taken.Set(1)
	default:
		m.taken.Set(0)
	}
}

// positionsTimeout bounds how long a scrape waits for a source's status.
const positionsTimeout = time.Second

// positions shows a source's status to Prometheus, asked for at each scrape.
type positions struct {
	source Source
	up     *prometheus.Desc
	seq    *prometheus.Desc
	lag    *prometheus.Desc
}

// NewPositions returns a collector of
//
//	reddot_status_up             1 if the projection gives its status, else 0 and nothing else
//	reddot_status_seq{position}  applied, emitted, durable and last, as in the query status
//	reddot_status_lag            commands between applied and last
func NewPositions(source Source) prometheus.Collector {
	return &positions{
		source: source,
		up:     prometheus.NewDesc("reddot_status_up", "Whether the projection tells its status.", nil, nil),
		seq:    prometheus.NewDesc("reddot_status_seq", "Positions in the command stream.", []string{"position"}, nil),
		lag:    prometheus.NewDesc("reddot_status_lag", "Commands in the stream that are not applied yet.", nil, nil),
	}
}

func (p *positions) Describe(out chan<- *prometheus.Desc) {
	out <- p.up
	out <- p.seq
	out <- p.lag
}

func (p *positions) Collect(out chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), positionsTimeout)
	defer cancel()
	gauge := func(d *prometheus.Desc, n float64, labels ...string) {
		out <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, n, labels...)
	}
	status, err := p.source.Status(ctx)
	if err != nil {
		gauge(p.up, 0)
		return
	}
	gauge(p.up, 1)
	gauge(p.lag, float64(status.Lag))
	for _, at := range []struct {
		name string
		seq  events.Seq
	}{
		{"applied", status.Applied}, {"emitted", status.Emitted},
		{"durable", status.Durable}, {"last", status.Last},
	} {
		gauge(p.seq, float64(at.seq), at.name)
	}
}
