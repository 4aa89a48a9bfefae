package gate_test

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/errgroup"

	"reddot/api"
	"reddot/api/gate"
	"reddot/events"
	"reddot/projector"
	"reddot/projector/testkit"
	"reddot/projector/testkit/natstest"
)

func TestMain(m *testing.M) { testkit.Main(m) }

// world is a NATS server, and clients of it.
type world struct {
	testing.TB
	ns       *natstest.Server
	conn     *nats.Conn
	js       jetstream.JetStream
	subjects events.Subjects
}

func newWorld(tb testing.TB) *world {
	tb.Helper()
	w := &world{TB: tb, ns: natstest.Start(tb), subjects: testkit.Must(events.NewSubjects("unread"))(tb)}
	w.conn = w.ns.Connect()
	w.js = testkit.Must(jetstream.New(w.conn))(tb)
	return w
}

// reddot is a projector and a service with a gate.
type reddot struct {
	p        *projector.Projector
	gate     *gate.Gate
	stop     context.CancelFunc
	registry *prometheus.Registry
}

// outcomes are how many commands of each verb ended how, as the metrics show.
func (r *reddot) outcomes(tb testing.TB) map[string]float64 {
	tb.Helper()
	got := map[string]float64{}
	families, err := r.registry.Gather()
	if err != nil {
		tb.Fatal(err)
	}
	for _, family := range families {
		if family.GetName() != "reddot_user_commands_total" {
			continue
		}
		for _, m := range family.GetMetric() {
			labels := map[string]string{}
			for _, l := range m.GetLabel() {
				labels[l.GetName()] = l.GetValue()
			}
			if n := m.GetCounter().GetValue(); n > 0 {
				got[labels["verb"]+" "+labels["outcome"]] = n
			}
		}
	}
	return got
}

type source struct{ *projector.Projector }

func (s source) View() (api.View, error) { return s.Projector.View() }

// Fresh has commands taken also where nothing is folded.
func (s source) Fresh() error { return nil }

func (s source) Holds(user string, c events.ConversationID) (bool, error) {
	v, err := s.Projector.View()
	if err != nil {
		return false, err
	}
	holds, err := v.Holds(user, c)
	return holds, errors.Join(err, v.Close())
}

func (s source) HoldsThread(user string, c events.ConversationID, thread string) (bool, error) {
	v, err := s.Projector.View()
	if err != nil {
		return false, err
	}
	holds, err := v.HoldsThread(user, c, thread)
	return holds, errors.Join(err, v.Close())
}

func (s source) SelfMade(user string) (int, error) {
	v, err := s.Projector.View()
	if err != nil {
		return 0, err
	}
	n, err := v.SelfMade(user)
	return n, errors.Join(err, v.Close())
}

// start starts a reddot; its projector runs only if fold is set.
func (w *world) start(cfg gate.Config, fold bool) *reddot {
	w.Helper()
	log := slog.New(slog.DiscardHandler)
	conn := w.ns.Connect(nats.CustomInboxPrefix("_INBOX_reddot"))
	ctx, stop := context.WithCancel(context.Background())
	p := testkit.Must(projector.Open(ctx, projector.Config{
		Conn: conn, Subjects: w.subjects, Dir: w.TempDir(), Logger: log, FanoutLimit: 1000,
	}))(w)
	cfg.Conn, cfg.Subjects, cfg.Source = conn, w.subjects, source{p}
	g := testkit.Must(gate.New(cfg))(w)
	registry := prometheus.NewRegistry()
	service := testkit.Must(api.NewService(api.ServiceConfig{
		Conn: conn, Subjects: w.subjects, Source: source{p}, Gate: g, Version: "1.2.3", Logger: log,
		Metrics: testkit.Must(api.NewMetrics(registry))(w),
	}))(w)
	var parts errgroup.Group
	if fold {
		parts.Go(func() error { return p.Run(ctx) })
	}
	parts.Go(func() error { return service.Run(ctx) })
	w.Cleanup(func() {
		stop()
		if err := errors.Join(parts.Wait(), p.Close()); err != nil {
			w.Error(err)
		}
	})
	testkit.Receive(w, "the service is ready", service.Ready())
	return &reddot{p, g, stop, registry}
}

// reply is what a request got: the code and the fields of either body.
type reply struct {
	code           string
	Seq            events.Seq
	Duplicate      bool
	Uncertain      bool
	Error, Message string
}

func read(tb testing.TB, m *nats.Msg) reply {
	tb.Helper()
	var done events.DoReply
	var failed events.ErrorReply
	r := reply{code: cmp.Or(m.Header.Get("Nats-Service-Error-Code"), "200")}
	into := any(&done)
	if r.code != "200" {
		into = &failed
	}
	if err := events.Unmarshal(m.Header.Get("Content-Type"), m.Data, into); err != nil {
		tb.Fatal(err)
	}
	r.Seq, r.Duplicate, r.Error, r.Message = max(done.Seq, failed.Seq), done.Duplicate, failed.Error, failed.Message
	r.Uncertain = failed.Uncertain
	if r.code != "200" && m.Header.Get("Nats-Service-Error") != r.Error {
		tb.Errorf("the word is %q in the header, %q in the body", m.Header.Get("Nats-Service-Error"), r.Error)
	}
	return r
}

// do asks for a command.
func (w *world) do(user, verb, payload string) reply {
	w.Helper()
	return read(w, testkit.Must(w.conn.Request(w.subjects.Do(user, verb), []byte(payload), testkit.Patience))(w))
}

// last is the newest message of the command stream; nil if it is empty.
func (w *world) last() *jetstream.RawStreamMsg {
	w.Helper()
	s := testkit.Must(w.js.Stream(context.Background(), w.subjects.CommandStream()))(w)
	info := testkit.Must(s.Info(context.Background()))(w)
	if info.State.LastSeq == 0 {
		return nil
	}
	return testkit.Must(s.GetMsg(context.Background(), info.State.LastSeq))(w)
}

// publish stores a command as a back end does.
func (w *world) publish(subject, payload string, opts ...jetstream.PublishOpt) *jetstream.PubAck {
	w.Helper()
	return testkit.Must(w.js.Publish(context.Background(), subject, []byte(payload), opts...))(w)
}
