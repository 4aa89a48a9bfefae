package api

import (
	"context"
	"log/slog"
	"slices"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/prometheus/client_golang/prometheus"

	"reddot/events"
	"reddot/projector/testkit"
	"reddot/projector/testkit/natstest"
)

func TestMain(m *testing.M) { testkit.Main(m) }

// asker is a running service and a client of it.
type asker struct {
	testing.TB
	client   *nats.Conn
	conn     *nats.Conn // the service's own
	source   *twinSource
	service  *Service
	registry *prometheus.Registry
	logged   *testkit.Buffer
	subjects events.Subjects

	stop context.CancelFunc
	done chan error // Run's result
}

// start runs a service over source and waits until it answers.
func start(tb testing.TB, source *twinSource, change ...func(*server.Options)) *asker {
	tb.Helper()
	return startOn(tb, natstest.StartCore(tb, change...), source)
}

func startOn(tb testing.TB, ns *natstest.Server, source *twinSource, how ...nats.Option) *asker {
	tb.Helper()
	return startBounded(tb, ns, source, defaultBounds(), how...)
}

// startBounded is startOn with other bounds: the real ones take the race
// detector a minute to reach.
func startBounded(tb testing.TB, ns *natstest.Server, source *twinSource, b bounds, how ...nats.Option) *asker {
	tb.Helper()
	a := begin(tb, ns, source, b, how...)
	a.ready()
	return a
}

// begin starts a service and does not wait for it.
func begin(tb testing.TB, ns *natstest.Server, source *twinSource, b bounds, how ...nats.Option) *asker {
	tb.Helper()
	subjects, err := events.NewSubjects(events.DefaultPrefix)
	if err != nil {
		tb.Fatal(err)
	}
	a := &asker{
		TB: tb, client: ns.Connect(), conn: ns.Connect(how...), source: source, subjects: subjects,
		registry: prometheus.NewRegistry(), logged: new(testkit.Buffer), done: make(chan error, 1),
	}
	metrics, err := NewMetrics(a.registry)
	if err != nil {
		tb.Fatal(err)
	}
	a.service, err = NewService(ServiceConfig{
		Conn: a.conn, Subjects: subjects, Source: source, Version: "1.2.3",
		Logger: slog.New(slog.NewTextHandler(a.logged, nil)), Metrics: metrics,
	})
	if err != nil {
		tb.Fatal(err)
	}
	a.service.pool = newPool(b)
	ctx, stop := context.WithCancel(context.Background())
	a.stop = stop
	tb.Cleanup(stop)
	go func() { a.done <- a.service.Run(ctx) }()
	return a
}

// ready waits until every query is answered.
func (a *asker) ready() {
	a.Helper()
	select {
	case <-a.service.Ready():
	case err := <-a.done:
		a.Fatalf("the service did not start: %v", err)
	case <-time.After(testkit.Patience):
		a.Fatal("the service does not get ready")
	}
}

// ask sends one request. accept is the Accept header, none if empty.
func (a *asker) ask(subject, body, accept string) *nats.Msg {
	a.Helper()
	m := nats.NewMsg(subject)
	m.Data = []byte(body)
	if accept != "" {
		m.Header.Set("Accept", accept)
	}
	reply, err := a.client.RequestMsg(m, testkit.Patience)
	if err != nil {
		a.Fatalf("ask %s %.100q: %v", subject, body, err)
	}
	return reply
}

// subject is where a query about user is asked; some are about none.
func (a *asker) subject(user, query string) string {
	switch query {
	case events.QueryStatus:
		return a.subjects.Status()
	case events.QueryHold:
		return a.subjects.Hold()
	}
	return a.subjects.Query(user, query)
}

// code returns a reply's code, "200" for an answer.
func code(m *nats.Msg) string {
	if c := m.Header.Get("Nats-Service-Error-Code"); c != "" {
		return c
	}
	return "200"
}

// want asks in JSON and checks the reply's code.
func (a *asker) want(wanted, user, query, body string) *nats.Msg {
	a.Helper()
	reply := a.ask(a.subject(user, query), body, "")
	if code(reply) != wanted {
		a.Fatalf("%s %s %.100q: got %s %.200s, want %s", user, query, body, code(reply), reply.Data, wanted)
	}
	return reply
}

// counted is the value of a counter with these values of labels, in the order
// of the labels' names.
func (a *asker) counted(name string, labels ...string) float64 {
	a.Helper()
	families, err := a.registry.Gather()
	if err != nil {
		a.Fatal(err)
	}
	for _, family := range families {
		for _, m := range family.GetMetric() {
			var values []string
			for _, l := range m.GetLabel() {
				values = append(values, l.GetValue())
			}
			if family.GetName() == name && slices.Equal(values, labels) {
				return m.GetCounter().GetValue()
			}
		}
	}
	return 0
}

// ended waits for Run's result.
func (a *asker) ended() error {
	a.Helper()
	select {
	case err := <-a.done:
		return err
	case <-time.After(testkit.Patience):
		a.Fatal("the service does not end")
		return nil
	}
}

func unmarshal[T any](tb testing.TB, m *nats.Msg) T {
	tb.Helper()
	var v T
	if err := events.Unmarshal(m.Header.Get("Content-Type"), m.Data, &v); err != nil {
		tb.Fatalf("%v in %.200q", err, m.Data)
	}
	return v
}

// natsHandlers are the queries that are heard on NATS.
func natsHandlers() []handler {
	return slices.DeleteFunc(handlers(nil), func(h handler) bool { return h.web })
}
