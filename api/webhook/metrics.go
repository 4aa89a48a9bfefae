package webhook

import (
	"errors"
	"time"

	"github.com/prometheus/client_golang/prometheus"
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
