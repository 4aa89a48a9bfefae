package rest_test

import (
	"net"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"reddot/api/identity"
	"reddot/api/rest"
	"reddot/projector/testkit"
)

// TestProbes: health, readiness, metrics, and profiles where they are wanted.
func TestProbes(t *testing.T) {
	w := newWorld(t, options{fold: true, rest: func(c *rest.Config) {
		c.Profiles = true
		c.But = func() error { return net.ErrClosed }
	}})
	for path, want := range map[string]string{"/healthz": "ok\n", "/readyz": "ready\nbut use of closed network connection\n"} {
		if got := w.want(200, w.get(path)); got.body != want || got.header.Get("Cache-Control") != "no-store" {
			t.Errorf("%s: %q, %v", path, got.body, got.header)
		}
		w.want(200, w.send("HEAD", path, ""))
		w.want(405, w.post(path, ""))
		w.want(404, w.get(path+"/"))
	}
	w.want(200, w.get("/debug/pprof/"))
	w.want(404, w.get("/debug/pprof/cmdline"))
	w.want(404, open(t).get("/debug/pprof/"))
	w.want(200, w.get("/v1/totals?user=alice"))
	metrics := w.want(200, w.get("/metrics")).body
	for _, line := range []string{
		`reddot_queries_total{code="200",query="totals"} 1`, `reddot_http_requests_total{code="200",route="/v1/totals"} 1`,
		`reddot_http_requests_total{code="404",route="none"} 2`, `reddot_rate_limited_total{what="queries"} 0`, `reddot_http_seconds_count{route="/v1/totals"} 1`,
	} {
		if !strings.Contains(metrics, line+"\n") {
			t.Errorf("/metrics has no line %s", line)
		}
	}
}

// TestEnd: a request under way is answered before Run returns, and an idle connection
// does not hold it.
func TestEnd(t *testing.T) {
	t.Parallel()
	entered, release := make(chan struct{}, 1), make(chan struct{})
	w := newWorld(t, options{fold: true, rest: func(c *rest.Config) {
		c.Ready = func() error {
			entered <- struct{}{}
			<-release
			return nil
		}
	}})
	idle := w.dial()
	answered := make(chan int, 1)
	go func() { answered <- w.get("/readyz").code }()
	testkit.Receive(t, "request", entered)
	w.stop()
	close(release)
	if code := testkit.Receive(t, "answer", answered); code != 200 {
		t.Errorf("the request under way got %d", code)
	}
	testkit.OK(t, testkit.Receive(t, "end", w.ended))
	if n, err := idle.Read(make([]byte, 1)); err == nil {
		t.Errorf("an idle connection gets %d bytes", n)
	}
	if _, err := net.DialTimeout("tcp", w.server.Addr(), time.Second); err == nil {
		t.Error("it still listens")
	}
}

// TestTaken: an address that is taken is said, with what to do.
func TestTaken(t *testing.T) {
	taken := testkit.Must(net.Listen("tcp", "127.0.0.1:0"))(t)
	defer taken.Close()
	cfg := rest.Config{
		Addr: taken.Addr().String(), Registry: prometheus.NewRegistry(), Authority: identity.Open(identity.Options{}),
		Live: func() (rest.Live, error) { return nil, net.ErrClosed },
	}
	err := testkit.Must(rest.New(cfg))(t).Run(t.Context())
	if err == nil || !strings.Contains(err.Error(), "--http") || !strings.Contains(err.Error(), cfg.Addr) || strings.Contains(err.Error(), "\n") {
		t.Errorf("a taken port: %v", err)
	}
	for _, lacks := range []func(*rest.Config){
		func(c *rest.Config) { c.Addr = "" }, func(c *rest.Config) { c.Registry = nil }, func(c *rest.Config) { c.Authority = nil }, func(c *rest.Config) { c.Live = nil },
	} {
		broken := cfg
		broken.Registry = prometheus.NewRegistry()
		lacks(&broken)
		if _, err := rest.New(broken); err == nil {
			t.Errorf("%+v is taken", broken)
		}
	}
}

// TestRoutes: other packages' routes are answered, asked for and bounded like the own.
func TestRoutes(t *testing.T) {
	var w *world
	w = newWorld(t, options{fold: true, auth: `"origins":[]`, rest: func(c *rest.Config) {
		c.Routes = []rest.Route{
			{Method: "GET", Path: "/stream", Who: []identity.Role{identity.User}, Limit: rest.Streams, Stream: true, Serve: func(x *rest.Exchange) error {
				return w.server.AdmitStream(x, x.Who.User)
			}},
			{Method: "GET", Path: "/other/", Who: []identity.Role{identity.User}, Limit: rest.Queries, Serve: func(x *rest.Exchange) error {
				x.Writer.Write([]byte(x.Who.User + " " + x.Request.URL.Path))
				return nil
			}},
			{Method: "POST", Path: "/panic", Body: 10, Serve: func(*rest.Exchange) error { panic("of a test") }},
		}
	}})
	if got := w.want(200, w.get("/other/x", sign(t, "alice", ""))); got.body != "alice /other/x" {
		t.Error(got.body)
	}
	opened := 0
	for w.get("/stream", sign(t, "alice", "")).code == 200 {
		opened++
	}
	if opened < 5 {
		t.Errorf("%d streams are opened at once", opened)
	}
	w.want(200, w.get("/stream", sign(t, "bob", "")))
	w.want(401, w.get("/other/"))
	w.want(403, w.get("/other/", w.as(identity.Operator)...))
	if p := w.want(503, w.post("/panic", "{}")).problem(t); strings.Contains(p.Detail, "of a test") || !w.logged.Has("of a test") {
		t.Errorf("%+v", p)
	}
	w.want(413, w.post("/panic", "{          }"))
	w.want(200, w.get("/healthz"))
}
