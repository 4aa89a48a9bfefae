package webhook

import (
	"errors"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"reddot/events"
)

// metrics are the figures of webhooks, by endpoint: an operator names those.
type metrics struct {
	hooks      *Webhooks
	deliveries *prometheus.CounterVec
	dead       *prometheus.CounterVec
	waiting    *prometheus.Desc
	oldest     *prometheus.Desc
}

func newMetrics(h *Webhooks) *metrics {
	label := []string{"endpoint"}
	return &metrics{
		hooks:      h,
		deliveries: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "reddot_webhook_deliveries_total", Help: "Webhooks sent, by endpoint and what became of them."}, []string{"endpoint", "outcome"}),
		dead:       prometheus.NewCounterVec(prometheus.CounterOpts{Name: "reddot_webhook_dead_total", Help: "Webhooks given up, by endpoint."}, label),
		waiting:    prometheus.NewDesc("reddot_webhook_waiting", "What an endpoint is not told of yet.", label, nil),
		oldest:     prometheus.NewDesc("reddot_webhook_oldest_seconds", "For how long the oldest of that waits.", label, nil),
	}
}

func (m *metrics) register(with prometheus.Registerer) error {
	return errors.Join(with.Register(m.deliveries), with.Register(m.dead), with.Register(m))
}

// begin has an endpoint's counters there before anything is counted.
func (m *metrics) begin(endpoint string) {
	for _, k := range []resultKind{delivered, throttled, gone, failed} {
		m.deliveries.WithLabelValues(endpoint, k.String())
	}
	m.dead.WithLabelValues(endpoint)
}

// Describe implements prometheus.Collector.
func (m *metrics) Describe(ch chan<- *prometheus.Desc) {
	ch <- m.waiting
	ch <- m.oldest
}

// Collect implements prometheus.Collector. Only who delivers knows what waits.
func (m *metrics) Collect(ch chan<- prometheus.Metric) {
	for name, f := range m.hooks.now() {
		oldest := 0.0
		if f.Oldest != nil {
			oldest = max(0, time.Since(time.UnixMilli(int64(*f.Oldest))).Seconds())
		}
		ch <- prometheus.MustNewConstMetric(m.waiting, prometheus.GaugeValue, float64(f.Waiting+f.InFlight), name)
		ch <- prometheus.MustNewConstMetric(m.oldest, prometheus.GaugeValue, oldest, name)
	}
}

// Figures are how an endpoint does.
type Figures struct {
	Waiting  int          `json:"waiting"`             // things that it is not told of yet
	InFlight int          `json:"in_flight"`           // requests
	Failures int          `json:"failures"`            // in a row
	Oldest   *events.Time `json:"oldest_at,omitempty"` // since when the oldest waits
	Paused   *events.Time `json:"paused_at,omitempty"` // since when it wants no more
	Next     *events.Time `json:"next_at,omitempty"`   // when it is tried again, if all waits for that
	Reason   string       `json:"reason,omitempty"`    // of the last failure
}

// look tells the figures.
func (e *endpoint) look() {
	f := &Figures{Waiting: e.schedule.waiting, InFlight: e.schedule.flying, Failures: e.schedule.failures}
	at := func(t time.Time) *events.Time {
		if t.IsZero() {
			return nil
		}
		ms := events.Time(t.UnixMilli())
		return &ms
	}
	f.Oldest, f.Paused = at(e.schedule.oldest()), at(e.paused)
	if e.schedule.gate.After(time.Now()) {
		f.Next = at(e.schedule.gate)
	}
	for _, l := range e.schedule.lanes {
		for _, it := range l.waiting {
			if it.reason != "" {
				f.Reason = it.reason
			}
		}
	}
	e.figures.Store(f)
}
