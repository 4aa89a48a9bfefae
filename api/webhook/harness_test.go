package webhook

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/prometheus/client_golang/prometheus"
	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
	"golang.org/x/sync/errgroup"

	"reddot/api"
	"reddot/events"
	"reddot/projector"
	"reddot/projector/testkit"
	"reddot/projector/testkit/natstest"
)

// world is a reddot without webhooks, and what is needed to have some.
type world struct {
	testing.TB
	ns       *natstest.Server
	js       jetstream.JetStream
	subjects events.Subjects
	p        *projector.Projector
	service  *api.Service
	logged   *testkit.Buffer
}

type projected struct{ *projector.Projector }

func (s projected) View() (api.View, error) { return s.Projector.View() }
func (s projected) Fresh() error            { return nil }

func newWorld(tb testing.TB) *world {
	tb.Helper()
	w := &world{TB: tb, ns: natstest.Start(tb), subjects: testkit.Must(events.NewSubjects("unread"))(tb), logged: &testkit.Buffer{}}
	w.js = w.ns.JetStream()
	conn := w.ns.Connect(nats.CustomInboxPrefix("_INBOX_reddot"))
	ctx, stop := context.WithCancel(context.Background())
	log := slog.New(slog.DiscardHandler)
	w.p = testkit.Must(projector.Open(ctx, projector.Config{Conn: conn, Subjects: w.subjects, Dir: tb.TempDir(), Logger: log, FanoutLimit: 1000}))(tb)
	w.service = testkit.Must(api.NewService(api.ServiceConfig{
		Conn: conn, Subjects: w.subjects, Source: projected{w.p}, Version: "1.2.3", Logger: log, Metrics: testkit.Must(api.NewMetrics(prometheus.NewRegistry()))(tb),
	}))(tb)
	var parts errgroup.Group
	parts.Go(func() error { return w.p.Run(ctx) })
	parts.Go(func() error { return w.service.Run(ctx) })
	tb.Cleanup(func() {
		stop()
		if err := errors.Join(parts.Wait(), w.p.Close()); err != nil {
			tb.Error(err)
		}
	})
	testkit.Receive(tb, "the service is ready", w.service.Ready())
	return w
}

// hooks are webhooks at work.
type hooks struct {
	*Webhooks
	w        *world
	registry *prometheus.Registry
	end      func()
}

// start starts webhooks with a file; end ends them, as the end of the test does.
func (w *world) start(file string, change ...func(*Config)) *hooks {
	w.Helper()
	h := &hooks{w: w, registry: prometheus.NewRegistry()}
	cfg := Config{
		Conn: w.ns.Connect(), Subjects: w.subjects, File: testkit.Must(Parse([]byte(file)))(w), Ask: w.service, Epoch: w.p.Log().Identity().Epoch,
		Instance: "one", Version: "1.2.3", Registry: h.registry, Logger: slog.New(slog.NewTextHandler(w.logged, nil)),
	}
	for _, f := range change {
		f(&cfg)
	}
	h.Webhooks = testkit.Must(New(cfg))(w)
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		h.Run(ctx)
	}()
	h.end = func() {
		stop()
		<-ended
	}
	w.Cleanup(h.end)
	testkit.Receive(w, "the endpoints are told", h.Ready())
	return h
}

// publish publishes a command, and returns its seq.
func (w *world) publish(subject, payload string, args ...any) events.Seq {
	w.Helper()
	ack := testkit.Must(w.js.Publish(testkit.Context(w), "unread.cmd."+subject, fmt.Appendf(nil, payload, args...)))(w)
	return events.Seq(ack.Sequence)
}

// message is a message to a user.
func (w *world) message(user string, n int) events.Seq {
	return w.publish("user."+user+".message", `{"id": "m%d", "from": "bob"}`, n)
}

func (w *world) emitted(seq events.Seq) {
	w.Helper()
	testkit.OK(w, w.p.WaitEmitted(testkit.Context(w), seq))
}

// told is a message as a receiver got it, checked.
type toldMessage struct {
	ID   string
	Type Type
	Data map[string]any
}

func (m toldMessage) number(name string) float64 { n, _ := m.Data[name].(float64); return n }

// receiver is a back end. What it answers can be changed.
type receiver struct {
	*httptest.Server
	tb testing.TB

	mu     sync.Mutex
	got    []toldMessage
	tries  int
	flying map[any]int // requests of a user
	answer http.HandlerFunc
}

func (w *world) receiver(answer http.HandlerFunc) *receiver {
	r := &receiver{tb: w, answer: answer, flying: map[any]int{}}
	r.Server = httptest.NewServer(r)
	w.Cleanup(r.Close)
	return r
}

// ServeHTTP checks a message as a receiver does, and keeps it if it is answered 2xx.
func (r *receiver) ServeHTTP(rw http.ResponseWriter, req *http.Request) {
	body, err := io.ReadAll(req.Body)
	if err != nil {
		return
	}
	wh, _ := standardwebhooks.NewWebhook(secret)
	if err := wh.Verify(body, req.Header); err != nil {
		r.tb.Errorf("the signature is not good: %v", err)
	}
	m := toldMessage{ID: req.Header.Get("webhook-id")}
	var raw struct {
		Type      Type
		Timestamp string
		Data      map[string]any
	}
	if err := json.Unmarshal(body, &raw); err != nil {
		r.tb.Errorf("%s: %v", body, err)
	}
	if _, err := time.Parse(time.RFC3339, raw.Timestamp); err != nil {
		r.tb.Errorf("timestamp: %v", err)
	}
	m.Type, m.Data = raw.Type, raw.Data
	r.mu.Lock()
	r.tries++
	if user := m.Data["user"]; user != nil {
		if r.flying[user]++; r.flying[user] > 1 {
			r.tb.Errorf("two requests of %v at a time", user)
		}
	}
	answer := r.answer
	r.mu.Unlock()
	recorded := httptest.NewRecorder()
	if answer != nil {
		answer(recorded, req)
	} else {
		recorded.Code = http.StatusNoContent
	}
	r.mu.Lock()
	if user := m.Data["user"]; user != nil {
		r.flying[user]--
	}
	if recorded.Code/100 == 2 {
		r.got = append(r.got, m)
	}
	r.mu.Unlock()
	for name, values := range recorded.Header() {
		rw.Header()[name] = values
	}
	rw.WriteHeader(recorded.Code)
}

func (r *receiver) answers(fn http.HandlerFunc) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.answer = fn
}

func status(code int) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(code) }
}

func (r *receiver) all() []toldMessage {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]toldMessage(nil), r.got...)
}

func (r *receiver) tried() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.tries
}

// await waits for the first message that fits.
func (r *receiver) await(what string, fits func(toldMessage) bool) (found toldMessage) {
	r.tb.Helper()
	testkit.Eventually(r.tb, what, func() bool {
		for _, m := range r.all() {
			if fits(m) {
				found = m
				return true
			}
		}
		return false
	})
	return found
}

// badgeIs fits the badge of a user.
func badgeIs(user string, badge float64) func(toldMessage) bool {
	return func(m toldMessage) bool {
		return m.Type == BadgeChanged && m.Data["user"] == user && m.number("badge") == badge
	}
}

// endpointFile is a file with endpoints of a name each, and further fields.
func endpointFile(name, url, fields string) string {
	if fields != "" {
		fields = ", " + fields
	}
	return fmt.Sprintf(`{"name": %q, "url": %q, "secrets": [%q]%s}`, name, url, secret, fields)
}
