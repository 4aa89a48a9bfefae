package server

import (
	"context"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/prometheus/client_golang/prometheus"

	"reddot/events"
)

// figuresTimeout bounds what a scrape waits for the NATS server.
const figuresTimeout = time.Second

// streamFigures are how large the streams are, asked for at each scrape. While
// the server can't be asked, there are none.
type streamFigures struct {
	js              jetstream.JetStream
	streams         []string
	bytes, messages *prometheus.Desc
	replicas        *prometheus.Desc
}

func newStreamFigures(js jetstream.JetStream, s events.Subjects) *streamFigures {
	return &streamFigures{
		js: js, streams: []string{s.CommandStream(), s.EventStream()},
		bytes:    prometheus.NewDesc("reddot_stream_bytes", "Size of a stream as its server stores it.", []string{"stream"}, nil),
		messages: prometheus.NewDesc("reddot_stream_messages", "Messages in a stream.", []string{"stream"}, nil),
		replicas: prometheus.NewDesc("reddot_stream_replicas", "NATS servers that a stream is on.", []string{"stream"}, nil),
	}
}

// Describe implements prometheus.Collector.
func (f *streamFigures) Describe(ch chan<- *prometheus.Desc) {
	ch <- f.bytes
	ch <- f.messages
	ch <- f.replicas
}

// Collect implements prometheus.Collector.
func (f *streamFigures) Collect(ch chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), figuresTimeout)
	defer cancel()
	for _, name := range f.streams {
		stream, err := f.js.Stream(ctx, name)
		if err != nil {
			continue
		}
		state, replicas := stream.CachedInfo().State, stream.CachedInfo().Config.Replicas
		ch <- prometheus.MustNewConstMetric(f.bytes, prometheus.GaugeValue, float64(state.Bytes), name)
		ch <- prometheus.MustNewConstMetric(f.messages, prometheus.GaugeValue, float64(state.Msgs), name)
		ch <- prometheus.MustNewConstMetric(f.replicas, prometheus.GaugeValue, float64(replicas), name)
	}
}
