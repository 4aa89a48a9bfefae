package stream

import (
	"fmt"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// figures are the hub's numbers for Prometheus.
type figures struct {
	opened prometheus.Counter
	events *prometheus.CounterVec
	resets *prometheus.CounterVec
	closed *prometheus.CounterVec
	lag    prometheus.Histogram

	changes, receipts prometheus.Counter // of events
}

// newFigures registers
//
//	reddot_streams{transport}            streams and waiting polls
//	reddot_stream_opened_total           that have begun
//	reddot_stream_closed_total{reason}   that have ended
//	reddot_stream_events_total{event}    changes and receipts told as they happened
//	reddot_stream_resets_total{reason}   users told anew
//	reddot_stream_queue_bytes            of events that wait for slow clients
//	reddot_stream_lag_seconds            from an event being stored until it is written
func newFigures(to prometheus.Registerer, h *Hub) (*figures, error) {
	f := &figures{
		opened: prometheus.NewCounter(prometheus.CounterOpts{Name: "reddot_stream_opened_total", Help: "Streams and polls that have begun."}),
		events: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "reddot_stream_events_total", Help: "Changes and receipts that streams were told as they happened.",
		}, []string{"event"}),
		resets: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "reddot_stream_resets_total", Help: "Users whose whole state a stream was told, by why.",
		}, []string{"reason"}),
		closed: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "reddot_stream_closed_total", Help: "Streams and polls that have ended, by why.",
		}, []string{"reason"}),
		lag: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name:                        "reddot_stream_lag_seconds",
			Help:                        "Time from an event being stored until it is written to a stream.",
			Buckets:                     []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 10},
			NativeHistogramBucketFactor: 1.1, NativeHistogramMaxBucketNumber: 100, NativeHistogramMinResetDuration: time.Hour,
		}),
	}
	f.changes, f.receipts = f.events.WithLabelValues(eventChange), f.events.WithLabelValues(eventReceipts)
	for _, r := range []Reason{Start, Epoch, Lost, Behind, Unknown} {
		f.resets.WithLabelValues(string(r))
	}
	for _, r := range []Reason{Expired, Shutdown, Moved, Replaced, Disconnected, Slow, gone, answered} {
		f.closed.WithLabelValues(string(r))
	}
	if to == nil {
		return f, nil
	}
	for _, c := range []prometheus.Collector{f.opened, f.events, f.resets, f.closed, f.lag, newNow(h)} {
		if err := to.Register(c); err != nil {
			return nil, fmt.Errorf("register metrics of streams: %w", err)
		}
	}
	return f, nil
}

// told counts an event that was written.
func (f *figures) told(e *frame) {
	if e.name == eventChange {
		f.changes.Inc()
	} else {
		f.receipts.Inc()
	}
	if !e.stored.IsZero() {
		f.lag.Observe(max(0, time.Since(e.stored).Seconds())) // its clock may be another machine's
	}
}

// now shows what there is.
type now struct {
	hub            *Hub
	streams, queue *prometheus.Desc
}

func newNow(h *Hub) now {
	return now{
		hub:     h,
		streams: prometheus.NewDesc("reddot_streams", "Streams and waiting polls.", []string{"transport"}, nil),
		queue:   prometheus.NewDesc("reddot_stream_queue_bytes", "Bytes of events that wait for streams to take them.", nil, nil),
	}
}

// Describe implements prometheus.Collector.
func (n now) Describe(ch chan<- *prometheus.Desc) {
	ch <- n.streams
	ch <- n.queue
}

// Collect implements prometheus.Collector.
func (n now) Collect(ch chan<- prometheus.Metric) {
	for transport, number := range n.hub.Streams() {
		ch <- prometheus.MustNewConstMetric(n.streams, prometheus.GaugeValue, float64(number), string(transport))
	}
	n.hub.mu.Lock()
	queued := n.hub.mu.queued
	n.hub.mu.Unlock()
	ch <- prometheus.MustNewConstMetric(n.queue, prometheus.GaugeValue, float64(queued))
}
