package server_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"reddot/cmd/reddot/datadir"
	"reddot/cmd/reddot/server"
	"reddot/projector/testkit"
	"reddot/projector/testkit/natstest"
)

func TestMain(m *testing.M) { testkit.Main(m) }

// run is a server at work.
type run struct {
	t     *testing.T
	nats  string
	http  string
	log   *testkit.Buffer
	end   context.CancelFunc
	ended chan error
}

// start begins to serve on free ports. A server that is to be waited for is not ready
// when it returns.
func start(t *testing.T, dir string, wait bool, change ...func(*server.Config)) *run {
	t.Helper()
	r := &run{t: t, log: new(testkit.Buffer), ended: make(chan error, 1)}
	cfg := server.Default()
	cfg.Data, cfg.Listen, cfg.HTTP = datadir.Dir(dir), "127.0.0.1:0", "127.0.0.1:0"
	cfg.Logger = slog.New(slog.NewTextHandler(r.log, nil))
	ready := make(chan struct{})
	cfg.Ready = func(nats, http string) {
		r.nats, r.http = nats, http
		close(ready)
	}
	for _, f := range change {
		f(&cfg)
	}
	s := testkit.Must(server.New(cfg))(t)
	ctx, end := context.WithCancel(context.WithoutCancel(t.Context()))
	r.end = end
	go func() { r.ended <- s.Run(ctx) }()
	t.Cleanup(func() {
		end()
		if t.Failed() {
			t.Log(r.log.String())
		}
	})
	if !wait {
		return r
	}
	select {
	case <-ready:
	case err := <-r.ended:
		r.ended <- err
		t.Fatalf("it ends: %v", err)
	case <-testkit.Context(t).Done():
		t.Fatal("it is not ready")
	}
	return r
}

// stop asks it to end, and checks that it does so in good order.
func (r *run) stop() {
	r.t.Helper()
	r.end()
	if err := testkit.Receive(r.t, "it ends", r.ended); err != nil {
		r.t.Errorf("it ends with %v", err)
	}
}

// TestRun: commands are taken, counted and answered, and all of it is there again after a
// restart. One data folder is one server's.
func TestRun(t *testing.T) {
	dir := t.TempDir()
	totals := func(r *run, want int) {
		t.Helper()
		conn := testkit.Must(nats.Connect(r.nats))(t)
		defer conn.Close()
		js := testkit.Must(jetstream.New(conn))(t)
		ack := testkit.Must(js.Publish(t.Context(), "unread.cmd.user.alice.message", fmt.Appendf(nil, `{"id":"m%d","from":"bob"}`, want)))(t)
		reply := testkit.Must(conn.RequestWithContext(testkit.Context(t), "unread.api.alice.totals", fmt.Appendf(nil, `{"after_seq":%d}`, ack.Sequence)))(t)
		if !strings.Contains(string(reply.Data), fmt.Sprintf(`"unread":%d,`, want)) {
			t.Errorf("%d messages: %s", want, reply.Data)
		}
	}
	r := start(t, dir, true)
	totals(r, 1)
	if code, body := get(t, "http://"+r.http+"/readyz"); code != http.StatusOK {
		t.Errorf("it is not ready: %d %s", code, body)
	}
	if _, body := get(t, "http://"+r.http+"/metrics"); !strings.Contains(body, "reddot_stream_messages") || !strings.Contains(body, "reddot_peers 0") {
		t.Errorf("metrics are\n%s", body)
	}
	second := start(t, dir, false)
	if err := testkit.Receive(t, "the second ends", second.ended); err == nil || !strings.Contains(err.Error(), "in use by another reddot") {
		t.Errorf("the second ends with %v", err)
	}
	r.stop()
	for _, text := range []string{"reddot starts", "where it runs", "reddot ends"} {
		if !r.log.Has(text) {
			t.Errorf("%q is not logged:\n%s", text, r.log)
		}
	}
	r = start(t, dir, true)
	totals(r, 2)
	r.stop()
}

// TestRunWaits: an existing NATS server that is not there yet is waited for; meanwhile it
// says that it is not ready, and ends when it is asked to.
func TestRunWaits(t *testing.T) {
	ns := natstest.Start(t)
	url := ns.URL()
	ns.Stop()
	existing := func(c *server.Config) { c.NATS = url }
	r := start(t, t.TempDir(), false, existing)
	testkit.Eventually(t, "it waits", func() bool { return r.log.Has("waiting", "no NATS server at") })
	r.stop()

	r = start(t, t.TempDir(), false, existing)
	testkit.Eventually(t, "it waits", func() bool { return r.log.Has("waiting") })
	ns.Restart()
	conn := ns.Connect()
	testkit.Eventually(t, "it answers", func() bool {
		reply, err := conn.RequestWithContext(t.Context(), "unread.api.status", nil)
		return err == nil && strings.Contains(string(reply.Data), `"state":"live"`)
	})
	r.stop()
}

// TestRunRefused: what needs a person ends it, with the reason.
func TestRunRefused(t *testing.T) {
	url := natstest.StartCore(t).URL()
	r := start(t, t.TempDir(), false, func(c *server.Config) { c.NATS = url })
	if err := testkit.Receive(t, "it ends", r.ended); err == nil || !strings.Contains(err.Error(), "JetStream is off at the NATS server at "+url) {
		t.Errorf("it ends with %v", err)
	}
	if !r.log.Has("reddot ends", "JetStream is off") {
		t.Errorf("that is not logged:\n%s", r.log)
	}
}

// get asks over HTTP, with a key if one is given.
func get(t *testing.T, url string, key ...string) (code int, body string) {
	t.Helper()
	request := testkit.Must(http.NewRequestWithContext(testkit.Context(t), http.MethodGet, url, nil))(t)
	request.Close = true
	for _, k := range key {
		request.Header.Set("X-API-Key", k)
	}
	response := testkit.Must(http.DefaultClient.Do(request))(t)
	defer response.Body.Close()
	return response.StatusCode, string(testkit.Must(io.ReadAll(response.Body))(t))
}
