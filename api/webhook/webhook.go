package webhook

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/prometheus/client_golang/prometheus"

	"reddot/events"
)

// Config says what is delivered, and from what.
type Config struct {
	Conn     *nats.Conn      // required
	Subjects events.Subjects // required
	Path     string          // of the file; required
	File     *File           // as it was read; required
	Ask      Asker           // required
	Epoch    func() string   // names the log; empty: it is not known yet. Required

	Live     func(user string) bool // whether a user has a stream here; nil: nobody has
	Instance string                 // what no other reddot that runs is called; required
	Replicas int                    // of streams that have to be made; 0: 1
	Version  string                 // of the program
	Registry prometheus.Registerer  // required
	Logger   *slog.Logger           // nil logs nothing
}

// Webhooks delivers events to the endpoints of a file. It runs once.
type Webhooks struct {
	cfg     Config
	js      jetstream.JetStream
	names   names
	log     *slog.Logger
	maker   maker
	metrics *metrics
	ready   chan struct{}

	mu       sync.Mutex
	file     *File
	changed  chan struct{}        // the file is another one
	delivers map[string]*endpoint // nil: another reddot delivers
}

// New returns what Run starts.
func New(cfg Config) (*Webhooks, error) {
	js, err := jetstream.New(cfg.Conn)
	if err != nil {
		return nil, err
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	h := &Webhooks{
		cfg: cfg, js: js, names: names{cfg.Subjects}, log: cfg.Logger, maker: maker{cfg.Ask}, ready: make(chan struct{}),
		file: cfg.File, changed: make(chan struct{}, 1),
	}
	h.metrics = newMetrics(h)
	return h, h.metrics.register(cfg.Registry)
}

// Ready is closed when all endpoints are told of what happens from now on.
func (h *Webhooks) Ready() <-chan struct{} { return h.ready }

func (h *Webhooks) live(user string) bool { return h.cfg.Live != nil && h.cfg.Live(user) }

// Run delivers until ctx ends, as long as no other reddot does.
func (h *Webhooks) Run(ctx context.Context) error {
	var state jetstream.Stream
	for {
		err := h.prepare(ctx)
		if err == nil {
			if state, err = h.names.stateOf(ctx, h.js, h.cfg.Replicas); err == nil {
				break
			}
		}
		if ctx.Err() != nil {
			return nil
		}
		h.log.Error("webhooks are not delivered", "error", err, "next_try", againAfter)
		wait(ctx, againAfter)
	}
	close(h.ready)
	l := &lease{js: h.js, stream: state, subject: h.names.lease(), instance: h.cfg.Instance, log: h.log}
	l.run(ctx, h.deliver)
	return nil
}

// prepare makes the streams, and the consumers of new endpoints.
func (h *Webhooks) prepare(ctx context.Context) error {
	if _, err := h.names.deadOf(ctx, h.js, h.cfg.Replicas); err != nil {
		return err
	}
	for i := range h.current().Endpoints {
		name := h.current().Endpoints[i].Name
		h.metrics.begin(name)
		if _, err := h.names.consumer(ctx, h.js, name); err != nil {
			return err
		}
	}
	return nil
}

// Reload reads the file again. One that can't be used changes nothing.
func (h *Webhooks) Reload() error {
	f, err := ReadFile(h.cfg.Path)
	if err != nil {
		return err
	}
	h.mu.Lock()
	h.file = f
	h.mu.Unlock()
	select {
	case h.changed <- struct{}{}:
	default:
	}
	return nil
}

// current is the file.
func (h *Webhooks) current() *File {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.file
}

// find is an endpoint of the file; nil: it has none of that name.
func (h *Webhooks) find(name string) *Endpoint {
	f := h.current()
	for i := range f.Endpoints {
		if f.Endpoints[i].Name == name {
			return &f.Endpoints[i]
		}
	}
	return nil
}

// running is an endpoint that is delivered to from here; nil: it is not.
func (h *Webhooks) running(name string) *endpoint {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.delivers[name]
}

// now are the figures of the endpoints that are delivered to from here.
func (h *Webhooks) now() map[string]Figures {
	h.mu.Lock()
	defer h.mu.Unlock()
	all := map[string]Figures{}
	for name, e := range h.delivers {
		if f := e.figures.Load(); f != nil {
			all[name] = *f
		} else {
			all[name] = Figures{}
		}
	}
	return all
}

// worker is an endpoint at work.
type worker struct {
	*endpoint
	stop  context.CancelFunc
	ended chan struct{}
}

// deliver delivers until ctx ends: the lease is another's, or reddot ends.
func (h *Webhooks) deliver(ctx context.Context) {
	workers := map[string]worker{}
	stopped := h.answer(ctx)
	defer stopped()
	defer func() {
		h.mu.Lock()
		h.delivers = nil
		h.mu.Unlock()
		for _, w := range workers {
			w.stop()
		}
		for _, w := range workers {
			<-w.ended
		}
	}()
	for {
		h.follow(ctx, workers)
		select {
		case <-ctx.Done():
			return
		case <-h.changed:
		}
	}
}

// follow has an endpoint delivered to for each one of the file, and no other. One that is
// as it was goes on.
func (h *Webhooks) follow(ctx context.Context, workers map[string]worker) {
	f := h.current()
	wanted := map[string]*Endpoint{}
	for i := range f.Endpoints {
		wanted[f.Endpoints[i].Name] = &f.Endpoints[i]
	}
	for name, w := range workers {
		if e := wanted[name]; e == nil || !e.same(w.cfg) || w.file != f.digest {
			w.stop()
			<-w.ended
			delete(workers, name)
		}
	}
	for name, e := range wanted {
		if _, runs := workers[name]; runs {
			continue
		}
		h.metrics.begin(name)
		w := worker{endpoint: h.newEndpoint(e, f.digest), ended: make(chan struct{})}
		var of context.Context
		of, w.stop = context.WithCancel(ctx)
		go func() {
			defer close(w.ended)
			w.run(of)
		}()
		workers[name] = w
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.delivers = map[string]*endpoint{}
	for name, w := range workers {
		h.delivers[name] = w.endpoint
	}
}

// errors of what operators ask for.

// errUnknown says that the file has no endpoint of a name.
func errUnknown(name string) error {
	return &events.Fault{Code: events.ErrNotFound, Message: "the file of --webhooks has no endpoint of this name", Cause: errors.New(name)}
}

// errNobody says that nobody delivers.
func errNobody(cause error) error {
	return &events.Fault{Code: events.ErrUnavailable, Message: "no reddot delivers webhooks just now; ask again", RetryAfter: time.Second, Cause: cause}
}
