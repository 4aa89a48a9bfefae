package server

import (
	"context"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
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

// diskFigures are those of the disk that a folder is on, looked at at each scrape. Where
// they can't be read there are none.
type diskFigures struct {
	dir         string
	free, total *prometheus.Desc
}

func newDiskFigures(dir string) *diskFigures {
	return &diskFigures{
		dir:   dir,
		free:  prometheus.NewDesc("reddot_disk_free_bytes", "What is free, for who isn't root, of the disk that the data is on.", nil, nil),
		total: prometheus.NewDesc("reddot_disk_size_bytes", "Size of the disk that the data is on.", nil, nil),
	}
}

// Describe implements prometheus.Collector.
func (f *diskFigures) Describe(ch chan<- *prometheus.Desc) {
	ch <- f.free
	ch <- f.total
}

// Collect implements prometheus.Collector.
func (f *diskFigures) Collect(ch chan<- prometheus.Metric) {
	usage, err := vfs.Default.GetDiskUsage(f.dir)
	if err != nil {
		return
	}
	ch <- prometheus.MustNewConstMetric(f.free, prometheus.GaugeValue, float64(usage.AvailBytes))
	ch <- prometheus.MustNewConstMetric(f.total, prometheus.GaugeValue, float64(usage.TotalBytes))
}
