package projector

import (
	"errors"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"reddot/events"
	"reddot/projector/fold"
	"reddot/projector/loop"
	"reddot/projector/store"
)

// metrics are a projector's figures for Prometheus. Seqs and the lag in
// commands are in those of the status.
type metrics struct {
	commands  *prometheus.CounterVec
	byVerb    []prometheus.Counter
	refused   []prometheus.Counter // by events.Refusal
	unheard   prometheus.Counter
	ignored   prometheus.Counter
	rows      prometheus.Counter
	batch     prometheus.Histogram
	batchTime prometheus.Histogram
	lag       prometheus.Gauge
	age, told prometheus.Histogram
	due       due
	all       []prometheus.Collector
}

func newMetrics(registry *prometheus.Registry, p *Projector) (*metrics, error) {
	m := &metrics{
		commands: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "reddot_commands_applied_total", Help: "Commands folded in since the start, the ignored ones included, by verb.",
		}, []string{"verb"}),
		unheard: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "reddot_group_messages_unheard_total", Help: "Messages in groups without members since the start: they count for nobody.",
		}),
		ignored: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "reddot_commands_ignored_total", Help: "Commands that changed nothing, since the start.",
		}),
		rows: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "reddot_rows_written_total", Help: "Rows written to the store since the start.",
		}),
		batch: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "reddot_batch_commands", Help: "Commands per commit.",
			Buckets: prometheus.ExponentialBuckets(1, 4, 6),
		}),
		batchTime: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "reddot_batch_seconds", Help: "Time to fold and commit a batch.",
			Buckets: prometheus.ExponentialBuckets(0.00005, 4, 9),
		}),
		lag: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "reddot_lag_seconds", Help: "Age of the newest command when it was applied.",
		}),
	}
	m.age = prometheus.NewHistogram(prometheus.HistogramOpts{
		Name: "reddot_apply_seconds", Help: "Age of the newest command of a commit when it was applied.",
		Buckets: latencies(),
	})
	m.told = prometheus.NewHistogram(prometheus.HistogramOpts{
		Name: "reddot_emit_seconds", Help: "Time from a commit until all events of its commands were stored, by this reddot or another.",
		Buckets: latencies(),
	})
	for v := range events.Verbs()[len(events.Verbs())-1] + 1 {
		m.byVerb = append(m.byVerb, m.commands.WithLabelValues(events.Verb(v).String()))
	}
	m.commands.DeleteLabelValues("")
	refused := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "reddot_commands_refused_total", Help: "Commands refused since the start, by the kind of reason.",
	}, []string{"reason"})
	m.refused = make([]prometheus.Counter, len(events.Refusals())+1)
	for _, r := range events.Refusals() {
		m.refused[r] = refused.WithLabelValues(r.String())
	}
	m.all = []prometheus.Collector{m.commands, refused, m.unheard, m.ignored, m.rows, m.batch, m.batchTime, m.lag, m.age, m.told, newStoreMetrics(p)}
	if registry == nil {
		return m, nil
	}
	var err error
	for _, c := range m.all {
		err = errors.Join(err, registry.Register(c))
	}
	return m, err
}

// unregister makes room for the next projector of the process.
func (m *metrics) unregister(registry *prometheus.Registry) {
	if registry == nil {
		return
	}
	for _, c := range m.all {
		registry.Unregister(c)
	}
}

// applied counts one command.
func (m *metrics) applied(e *store.Entry, fx *fold.Effects) {
	if fx.Refused != "" {
		m.refused[fold.RefusalOf(fx.Refused)].Inc()
		return
	}
	if fx.Unheard {
		m.unheard.Inc()
	}
	m.byVerb[e.Command.Verb].Inc()
	if fx.Ignored {
		m.ignored.Inc()
	}
}

// committed counts one commit.
func (m *metrics) committed(r loop.Ready, took time.Duration) {
	m.rows.Add(float64(r.Rows))
	m.batch.Observe(float64(r.Commands))
	m.batchTime.Observe(took.Seconds())
	age := time.Since(time.UnixMilli(int64(r.Time))).Seconds()
	m.lag.Set(age)
	m.age.Observe(max(0, age)) // clocks of two machines differ
}

// emitted counts the commits all of whose events are stored.
func (m *metrics) emitted(upto events.Seq) {
	m.due.take(upto, func(at time.Time) { m.told.Observe(time.Since(at).Seconds()) })
}

// latencies are the bounds of histograms of how long something took on its way, in
// seconds.
func latencies() []float64 {
	return []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 10, 60}
}

// maxDue bounds the commits whose events are waited for; the rest are not measured.
const maxDue = 4096

// due is the commits whose events are not known to be stored, the oldest first.
type due struct {
	mu  sync.Mutex
	all []dueCommit
}

type dueCommit struct {
	seq events.Seq
	at  time.Time
}

func (d *due) add(seq events.Seq, at time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.all) < maxDue {
		d.all = append(d.all, dueCommit{seq, at})
	}
}

// take calls fn with the times of the commits up to a seq, and forgets them.
func (d *due) take(upto events.Seq, fn func(time.Time)) {
	d.mu.Lock()
	defer d.mu.Unlock()
	n := 0
	for ; n < len(d.all) && d.all[n].seq <= upto; n++ {
		fn(d.all[n].at)
	}
	d.all = append(d.all[:0], d.all[n:]...)
}

// storeMetrics shows Pebble's figures and the emitter's, asked for at each
// scrape.
type storeMetrics struct {
	p     *Projector
	descs []*prometheus.Desc
}

func newStoreMetrics(p *Projector) *storeMetrics {
	m := &storeMetrics{p: p}
	for _, d := range [][2]string{
		{"reddot_store_disk_bytes", "Size of the store on disk."},
		{"reddot_store_memtable_bytes", "Size of the rows not yet in a table."},
		{"reddot_store_block_cache_bytes", "Size of the cache of table blocks."},
		{"reddot_store_block_cache_hits_total", "Reads of table blocks that the cache answered."},
		{"reddot_store_block_cache_misses_total", "Reads of table blocks that went to disk."},
		{"reddot_store_compactions_total", "Compactions."},
		{"reddot_events_changes_total", "Change events written."},
		{"reddot_events_receipts_total", "Read receipts written."},
		{"reddot_events_rejected_total", "Refusals told."},
		{"reddot_events_generations_total", "Rounds of emission."},
		{"reddot_events_looks_total", "Looks at users who may have to be told a change."},
		{"reddot_events_rows_total", "Rows of the lists of users that were looked at."},
		{"reddot_fold_stalled", "1 if commands are in the stream and none is applied for seconds."},
		{"reddot_emission_stalled", "1 if commands are applied and no event is stored for seconds, by this reddot or another."},
		{"reddot_nats_connected", "1 if there is a connection to the NATS server."},
		{"reddot_log_heard_seconds", "How long ago the log's reader heard of the NATS server."},
		{"reddot_log_told_seconds", "How long ago the log was asked how far it is, of the last time that it answered."},
		{"reddot_state_age_seconds", "How long ago the state that answers show was the newest; +Inf until it has caught up."},
		{"reddot_events_foreign_total", "Messages found in the event stream that no reddot has written."},
	} {
		m.descs = append(m.descs, prometheus.NewDesc(d[0], d[1], nil, nil))
	}
	return m
}

// Describe implements prometheus.Collector.
func (m *storeMetrics) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range m.descs {
		ch <- d
	}
}

// Collect implements prometheus.Collector.
func (m *storeMetrics) Collect(ch chan<- prometheus.Metric) {
	s, err := loop.Use(m.p.loop, (*store.Store).Metrics)
	if err != nil {
		return // closed
	}
	emitted := m.p.emitter.Figures()
	gauge, counter := prometheus.GaugeValue, prometheus.CounterValue
	for i, v := range []struct {
		kind  prometheus.ValueType
		value float64
	}{
		{gauge, float64(s.DiskSpaceUsage())},
		{gauge, float64(s.MemTable.Size)},
		{gauge, float64(s.BlockCache.Size)},
		{counter, float64(s.BlockCache.Hits)},
		{counter, float64(s.BlockCache.Misses)},
		{counter, float64(s.Compact.Count)},
		{counter, float64(emitted.Changes)},
		{counter, float64(emitted.Receipts)},
		{counter, float64(emitted.Rejected)},
		{counter, float64(emitted.Rounds)},
		{counter, float64(emitted.Looks)},
		{counter, float64(emitted.Rows)},
		{gauge, one(m.p.health.fold.get() != nil)},
		{gauge, one(m.p.health.emission.get() != nil)},
		{gauge, one(m.p.contact.up())},
		{gauge, m.p.health.heard.seconds()},
		{gauge, m.p.health.asked.seconds()},
		{gauge, m.p.health.shown.covered.seconds()},
		{counter, float64(m.p.emitter.Foreign())},
	} {
		ch <- prometheus.MustNewConstMetric(m.descs[i], v.kind, v.value)
	}
}

// one is 1 for true.
func one(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
