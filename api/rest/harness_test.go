package rest_test

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/errgroup"

	"reddot/api"
	"reddot/api/gate"
	"reddot/api/identity"
	"reddot/api/rest"
	"reddot/api/stream"
	"reddot/events"
	"reddot/projector"
	"reddot/projector/peers"
	"reddot/projector/testkit"
	"reddot/projector/testkit/natstest"
)

func TestMain(m *testing.M) { testkit.Main(m) }

// world is a running reddot with an HTTP API, and a client of it.
type world struct {
	testing.TB
	ns       *natstest.Server
	conn     *nats.Conn
	subjects events.Subjects
	url      string
	client   *http.Client
	server   *rest.Server
	p        *projector.Projector
	registry *prometheus.Registry
	logged   *testkit.Buffer
	auth     *identity.Authority
	file     string       // of auth
	ago      atomic.Int64 // by how much the clock of auth is behind, in nanoseconds
	keys     map[identity.Role]string
	stop     context.CancelFunc
	ended    chan error // of the HTTP server
}

// options say what is different in a test.
type options struct {
	auth     string // of the file, beside the keys; empty: nobody is asked who they are
	gate     gate.Config
	fold     bool // nothing is folded if it is false
	rest     func(*rest.Config)
	streams  int           // the most at once; 0: the default
	patience time.Duration // of a stream with who does not read; 0: the default
	starting bool          // it is never connected
	alone    bool          // it knows of other reddots, and that there are none

	ns     *natstest.Server // nil: a new one
	prefix string           // of subjects; empty: the default
}

type source struct{ *projector.Projector }

func (s source) View() (api.View, error) { return s.Projector.View() }

// Fresh has questions taken also where nothing is folded.
func (s source) Fresh() error { return nil }

func viewed[T any](s source, ask func(*projector.View) (T, error)) (answer T, err error) {
	v, err := s.Projector.View()
	if err != nil {
		return answer, err
	}
	defer func() { err = errors.Join(err, v.Close()) }()
	return ask(v)
}

func (s source) Holds(user string, c events.ConversationID) (bool, error) {
	return viewed(s, func(v *projector.View) (bool, error) { return v.Holds(user, c) })
}

func (s source) HoldsThread(user string, c events.ConversationID, thread string) (bool, error) {
	return viewed(s, func(v *projector.View) (bool, error) { return v.HoldsThread(user, c, thread) })
}

func (s source) SelfMade(user string) (int, error) {
	return viewed(s, func(v *projector.View) (int, error) { return v.SelfMade(user) })
}

// keeper begins nothing.
type keeper struct{}

func (keeper) Rebuild(context.Context) (events.Rebuild, error) {
	return events.Rebuild{Run: "r1", State: events.Running}, nil
}

func (keeper) Snapshot(context.Context) (events.Snapshot, error) {
	return events.Snapshot{Run: "s1", State: events.Running}, nil
}

// live implements rest.Live.
type live struct {
	*api.Service
	*gate.Gate
	p       *projector.Projector
	streams *stream.Hub
}

func (l live) Streams() *stream.Hub { return l.streams }

// told implements stream.Source.
type told struct {
	*api.Service
	p *projector.Projector
}

func (t told) Epoch() string { return t.p.Log().Epoch() }

func (t told) Last(ctx context.Context) (events.Seq, error) { return t.p.End(ctx) }

func (t told) Watch(user string) { t.p.Watch(user) }

// Refused implements rest.Live; the program's is tested there, as are the others.
func (l live) Refused(_ context.Context, limit int, after string, _ rest.RefusedFilter) (rest.RefusedReply, error) {
	if after != "" {
		return rest.RefusedReply{}, events.ErrCursor
	}
	return rest.RefusedReply{Refused: []events.Rejected{}}, nil
}

func (l live) ReadLog(context.Context, events.Seq, int) (rest.LogReply, error) {
	return rest.LogReply{Commands: []rest.LoggedCommand{}}, nil
}

func (l live) Snapshots(context.Context) ([]rest.Snapshot, error) { return nil, nil }

func (l live) Past(context.Context, events.PastPoint, string, string, []byte) (any, events.Seq, error) {
	return nil, 0, &events.Invalid{Reason: "at 9: the log ends at seq 3"}
}

func (l live) Disconnect(user string) int { return l.streams.Disconnect(user) }

func (l live) Epoch() string { return l.p.Log().Epoch() }

// noEvents is a stream of events with none.
type noEvents struct{}

func (noEvents) Ends(context.Context) (first, last uint64, err error) { return 1, 0, nil }

func (noEvents) Follow(ctx context.Context, _ uint64, _ func(stream.Entry) error) error {
	<-ctx.Done()
	return ctx.Err()
}

// secret signs the tokens of tests.
const secret = "a secret of tests that is long enough for HS256"

// open is a world in which nobody is asked who they are, and closed one with keys and
// tokens.
func open(tb testing.TB) *world { return newWorld(tb, options{fold: true}) }

func closed(tb testing.TB) *world {
	return newWorld(tb, options{fold: true, auth: `"origins": ["https://chat.example"], "trusted_proxies": ["127.0.0.0/8"]`})
}

func newWorld(tb testing.TB, o options) *world {
	tb.Helper()
	if o.ns == nil {
		o.ns = natstest.Start(tb)
	}
	w := &world{TB: tb, ns: o.ns, subjects: testkit.Must(events.NewSubjects(cmp.Or(o.prefix, events.DefaultPrefix)))(tb), registry: prometheus.NewRegistry(),
		logged: new(testkit.Buffer), client: http.DefaultClient, keys: map[identity.Role]string{}, ended: make(chan error, 1)}
	w.conn = w.ns.Connect()
	w.auth = w.authority(o.auth)
	log := slog.New(slog.NewTextHandler(w.logged, nil))
	conn := w.ns.Connect(nats.CustomInboxPrefix("_INBOX_reddot"))
	ctx, stop := context.WithCancel(context.Background())
	w.stop = stop
	cfg := projector.Config{Conn: conn, Subjects: w.subjects, Dir: tb.TempDir(), Logger: slog.New(slog.DiscardHandler), FanoutLimit: 1000}
	var others *peers.Peers
	if o.alone {
		others = testkit.Must(peers.New(peers.Config{Conn: conn, Subjects: w.subjects, Logger: log, Self: func() events.Peer { return w.p.Peer() }}))(tb)
		cfg.Peers = others
	}
	w.p = testkit.Must(projector.Open(ctx, cfg))(tb)
	o.gate.Conn, o.gate.Subjects, o.gate.Source = conn, w.subjects, source{w.p}
	g := testkit.Must(gate.New(o.gate))(tb)
	service := testkit.Must(api.NewService(api.ServiceConfig{
		Conn: conn, Subjects: w.subjects, Source: source{w.p}, Gate: g, Keeper: keeper{}, Version: "1.2.3", Logger: log,
		Metrics: testkit.Must(api.NewMetrics(w.registry))(tb),
	}))(tb)
	answers := live{service, g, w.p, nil}
	answers.streams = testkit.Must(stream.New(stream.Config{Conn: w.ns.Connect(), Subjects: w.subjects, Source: told{service, w.p}, Journal: noEvents{}, Streams: o.streams, Patience: o.patience, Logger: log, Registerer: w.registry}))(tb)
	web := rest.Config{Addr: "127.0.0.1:0", Authority: w.auth, Registry: w.registry, Version: "1.2.3", Logger: log,
		Live: func() (rest.Live, error) { return answers, nil }}
	if !w.auth.IsOpen() {
		web.Sessions = identity.NewSessions(w.auth, []byte(secret))
	}
	if o.starting {
		web.Live = func() (rest.Live, error) { return nil, errors.New("not yet") }
	}
	if o.rest != nil {
		o.rest(&web)
	}
	w.server = testkit.Must(rest.New(web))(tb)
	testkit.OK(tb, w.server.Listen())
	w.url = "http://" + w.server.Addr()
	var parts errgroup.Group
	if o.alone {
		parts.Go(func() error {
			others.Run(ctx)
			return nil
		})
	}
	if o.fold {
		parts.Go(func() error { return w.p.Run(ctx) })
	}
	parts.Go(func() error { return service.Run(ctx) })
	parts.Go(func() error { return answers.streams.Run(ctx) })
	parts.Go(func() error {
		err := w.server.Run(ctx)
		w.ended <- err
		return err
	})
	tb.Cleanup(func() {
		stop()
		if err := errors.Join(parts.Wait(), w.p.Close()); err != nil {
			tb.Error(err)
		}
		http.DefaultClient.CloseIdleConnections()
	})
	testkit.Receive(tb, "the service is ready", service.Ready())
	return w
}

// authority is that of a file with a key for each role and a secret for tokens.
func (w *world) authority(more string) *identity.Authority {
	w.Helper()
	if more == "" {
		return identity.Open(identity.Options{})
	}
	dir := w.TempDir()
	testkit.OK(w, os.WriteFile(filepath.Join(dir, "hs256.key"), []byte(secret), 0o600))
	var keys []string
	for _, role := range identity.Roles() {
		if role == identity.User {
			continue
		}
		key := "rdk_" + strings.Repeat("k", 35) + role.String()
		sum := sha256.Sum256([]byte(key))
		w.keys[role] = key
		keys = append(keys, fmt.Sprintf(`{"name":%q,"role":%q,"sha256":%q}`, "the-"+role.String(), role, hex.EncodeToString(sum[:])))
	}
	w.file = filepath.Join(dir, "auth.json")
	testkit.OK(w, os.WriteFile(w.file, []byte(`{"keys":[`+strings.Join(keys, ",")+`],"tokens":{"secret_file":"hs256.key"},`+more+`}`), 0o600))
	return testkit.Must(identity.Load(w.file, identity.Options{Now: w.now}))(w)
}

// now is the time as auth has it.
func (w *world) now() time.Time { return time.Now().Add(-time.Duration(w.ago.Load())) }

// answer is what a request got.
type answer struct {
	code   int
	header http.Header
	body   string
}

// problem is the answer's, which must be one.
func (a answer) problem(tb testing.TB) rest.Problem {
	tb.Helper()
	var p rest.Problem
	if err := json.Unmarshal([]byte(a.body), &p); err != nil || a.header.Get("Content-Type") != "application/problem+json" {
		tb.Fatalf("no problem: %d %s %s (%v)", a.code, a.header.Get("Content-Type"), a.body, err)
	}
	if p.Status != a.code || p.Type != "urn:reddot:problem:"+string(p.Code) || p.Title == "" || p.Detail == "" || p.Request != a.header.Get("Reddot-Request") {
		tb.Errorf("a problem with another form: %d %s", a.code, a.body)
	}
	return p
}

func read[T any](tb testing.TB, a answer) (v T) {
	tb.Helper()
	if a.code/100 != 2 {
		tb.Fatalf("answered %d %s", a.code, a.body)
	}
	if err := json.Unmarshal([]byte(a.body), &v); err != nil {
		tb.Fatalf("%v in %s", err, a.body)
	}
	return v
}

// send sends a request; headers are "Name: value".
func (w *world) send(method, path, body string, headers ...string) answer {
	w.Helper()
	var content io.Reader
	if body != "" {
		content = bytes.NewReader([]byte(body))
	}
	req := testkit.Must(http.NewRequest(method, w.url+path, content))(w)
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		if name == "Host" {
			req.Host = value
		}
		req.Header.Set(name, value)
	}
	resp := testkit.Must(http.DefaultClient.Do(req))(w)
	defer resp.Body.Close()
	if strings.HasPrefix(resp.Header.Get("Content-Type"), "text/event-stream") { // which has no end
		return answer{resp.StatusCode, resp.Header, ""}
	}
	return answer{resp.StatusCode, resp.Header, string(testkit.Must(io.ReadAll(resp.Body))(w))}
}

func (w *world) get(path string, headers ...string) answer {
	return w.send("GET", path, "", headers...)
}

func (w *world) post(path, body string, headers ...string) answer {
	return w.send("POST", path, body, headers...)
}

// want is a request that must get a status.
func (w *world) want(code int, a answer) answer {
	w.Helper()
	if a.code != code {
		w.Fatalf("answered %d %s, want %d", a.code, a.body, code)
	}
	return a
}

// commands stores commands, which must be accepted, and waits until they are applied.
func (w *world) commands(list ...string) rest.BatchReply {
	w.Helper()
	reply := read[rest.BatchReply](w, w.post("/v1/commands", `{"wait":"applied","timeout_ms":30000,"commands":[`+strings.Join(list, ",")+`]}`, w.as(identity.Backend)...))
	if len(reply.Refused) > 0 {
		w.Fatalf("refused: %+v", reply.Refused)
	}
	return reply
}

// as is the header of a key with a role.
func (w *world) as(role identity.Role) []string {
	if key, ok := w.keys[role]; ok {
		return []string{"Authorization: Bearer " + key}
	}
	return nil
}
