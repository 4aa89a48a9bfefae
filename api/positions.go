package api

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"reddot/events"
)

// positionsTimeout bounds how long a scrape waits for a source's status.
const positionsTimeout = time.Second

// positions shows a source's status to Prometheus, asked for at each scrape.
type positions struct {
	source Source
	up     *prometheus.Desc
	seq    *prometheus.Desc
	lag    *prometheus.Desc
}

// newPositions returns a collector of
//
//	reddot_status_up             1 if the projection tells its status, else 0 and nothing else
//	reddot_status_seq{position}  applied, emitted, durable and last, as in the query status
//	reddot_status_lag            commands between applied and last
func newPositions(source Source) prometheus.Collector {
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
