package api

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"

	"reddot/events"
	"reddot/projector/testkit"
)

// startHTTP runs an HTTP listener on a free port and returns its URL, and a
// function that ends it and returns Run's result.
func startHTTP(t *testing.T, cfg HTTPConfig) (url string, end func() error) {
	t.Helper()
	cfg.Addr = "127.0.0.1:0"
	h, err := NewHTTP(cfg)
	if err != nil {
		t.Fatal(err)
	}
	if h.Addr() != "" {
		t.Errorf("an address before Listen: %s", h.Addr())
	}
	if err := h.Listen(); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- h.Run(ctx) }()
	return "http://" + h.Addr(), func() error {
		stop()
		return testkit.Receive(t, "end of Run", done)
	}
}

func get(t *testing.T, method, url string) (code int, body string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(b)
}

func TestHTTP(t *testing.T) {
	source := newTwinSource()
	a := start(t, source)
	source.message(t, "alice", "bob", "m")
	a.want("200", "alice", events.QueryTotals, "")
	a.want("404", "alice", events.QueryReceipt, `{"peer":"bob"}`)

	var reason atomic.Pointer[string]
	catching := "catching up: 17 commands behind"
	reason.Store(&catching)
	url, end := startHTTP(t, HTTPConfig{Source: source, Registry: a.registry, Ready: func() error {
		if r := reason.Load(); r != nil {
			return errors.New(*r)
		}
		return nil
	}})
	check := func(method, path string, wantCode int, wantBody string) {
		t.Helper()
		code, body := get(t, method, url+path)
		if code != wantCode || wantBody != "" && body != wantBody {
			t.Errorf("%s %s: %d %q, want %d %q", method, path, code, body, wantCode, wantBody)
		}
	}
	check("GET", "/healthz", 200, "ok\n")
	check("GET", "/readyz", 503, catching+"\n")
	reason.Store(nil)
	check("GET", "/readyz", 200, "ready\n")
	check("HEAD", "/readyz", 200, "")
	for _, path := range []string{"/", "/healthz/", "/metrics/x", "/debug/pprof/"} {
		check("GET", path, 404, "")
	}
	check("POST", "/healthz", 405, "")

	_, metrics := get(t, "GET", url+"/metrics")
	for _, line := range []string{
		`reddot_queries_total{code="200",query="totals"} 1`,
		`reddot_queries_total{code="404",query="receipt"} 1`,
		`reddot_queries_total{code="200",query="explain"} 0`,
		`reddot_query_seconds_count{query="totals"} 1`,
		`reddot_query_waiters 0`,
		`reddot_status_up 1`,
		`reddot_status_lag 0`,
		`reddot_status_seq{position="applied"} 1`,
		`reddot_status_seq{position="last"} 1`,
	} {
		if !strings.Contains(metrics, line+"\n") {
			t.Errorf("/metrics has no line %s", line)
		}
	}
	if err := end(); err != nil {
		t.Error(err)
	}
	if _, err := net.DialTimeout("tcp", strings.TrimPrefix(url, "http://"), time.Second); err == nil {
		t.Error("it still listens after Run has returned")
	}
}

// TestHTTPStatusDown: a scrape says so when the projection doesn't answer.
// TestHTTPHost: a page of another site, which a browser on this machine shows and
// whose name leads here, reads nothing.
func TestHTTPHost(t *testing.T) {
	ask := func(base, host string) int {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, base+"/metrics", nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Host = host
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		if body, err := io.ReadAll(resp.Body); err != nil || resp.StatusCode == http.StatusForbidden && !strings.Contains(string(body), "--insecure-open") {
			t.Errorf("%s: %s, %v", host, body, err)
		}
		return resp.StatusCode
	}
	closed, endClosed := startHTTP(t, HTTPConfig{Registry: prometheus.NewRegistry()})
	open, endOpen := startHTTP(t, HTTPConfig{Registry: prometheus.NewRegistry(), AnyHost: true})
	for host, want := range map[string]int{
		"localhost": 200, "LOCALHOST:8480": 200, "localhost.:1": 200, "127.0.0.1": 200, "127.0.0.1:1": 200, "127.9.8.7": 200, "[::1]": 200, "[::1]:1": 200,
		"evil.example": 403, "evil.example:8480": 403, "127.0.0.1.evil.example": 403, "localhost.evil.example": 403, "10.0.0.1": 403, "[2001:db8::1]:80": 403, "0.0.0.0": 403,
	} {
		if got := ask(closed, host); got != want {
			t.Errorf("%s: %d, want %d", host, got, want)
		}
		if got := ask(open, host); got != 200 {
			t.Errorf("%s: %d where any name will do", host, got)
		}
	}
	if err := errors.Join(endClosed(), endOpen()); err != nil {
		t.Error(err)
	}
}

func TestHTTPStatusDown(t *testing.T) {
	source := newTwinSource()
	source.hook = func(string) error { return errors.New("gone") }
	url, _ := startHTTP(t, HTTPConfig{Source: source, Registry: prometheus.NewRegistry()})
	code, body := get(t, "GET", url+"/metrics")
	var got []string
	for line := range strings.Lines(body) {
		if !strings.HasPrefix(line, "#") {
			got = append(got, strings.TrimSuffix(line, "\n"))
		}
	}
	if diff := cmp.Diff([]string{"reddot_status_up 0"}, got); code != 200 || diff != "" {
		t.Errorf("/metrics: %d, (-want +got):\n%s", code, diff)
	}
	if code, _ := get(t, "GET", url+"/readyz"); code != 200 {
		t.Errorf("/readyz without a Ready function: %d", code)
	}
}

// TestHTTPEnd: a request under way is answered before Run returns, an idle or
// stuck connection doesn't hold it.
func TestHTTPEnd(t *testing.T) {
	entered, release := make(chan struct{}, 1), make(chan struct{})
	url, end := startHTTP(t, HTTPConfig{Registry: prometheus.NewRegistry(), Ready: func() error {
		entered <- struct{}{}
		<-release
		return nil
	}})
	answered := make(chan int, 1)
	go func() {
		resp, err := http.Get(url + "/readyz")
		if err != nil {
			answered <- 0
			return
		}
		resp.Body.Close()
		answered <- resp.StatusCode
	}()
	testkit.Receive(t, "request", entered)
	ended := make(chan error, 1)
	go func() { ended <- end() }()
	close(release)
	if code := testkit.Receive(t, "answer", answered); code != 200 {
		t.Errorf("the request under way got %d", code)
	}
	if err := testkit.Receive(t, "end", ended); err != nil {
		t.Error(err)
	}
}

func TestHTTPTaken(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	h, err := NewHTTP(HTTPConfig{Addr: taken.Addr().String(), Registry: prometheus.NewRegistry()})
	if err != nil {
		t.Fatal(err)
	}
	err = h.Run(t.Context())
	if err == nil || !strings.Contains(err.Error(), "--http") || !strings.Contains(err.Error(), taken.Addr().String()) || strings.Contains(err.Error(), "\n") {
		t.Errorf("a taken port: %v", err)
	}
	if _, err := NewHTTP(HTTPConfig{Registry: prometheus.NewRegistry()}); err == nil {
		t.Error("no address, no error")
	}
	if _, err := NewHTTP(HTTPConfig{Addr: ":0"}); err == nil {
		t.Error("no registry, no error")
	}
}

func TestMetricsTwice(t *testing.T) {
	registry := prometheus.NewRegistry()
	if _, err := NewMetrics(registry); err != nil {
		t.Fatal(err)
	}
	if _, err := NewMetrics(registry); err == nil {
		t.Error("registered twice without an error")
	}
	var none *Metrics
	none.answered("totals", "200", time.Second)
	none.wait(1)
}

// TestSparseLog: what may happen with every request does not flood the log.
func TestSparseLog(t *testing.T) {
	var out bytes.Buffer
	l := sparseLog{logger: slog.New(slog.NewTextHandler(&out, nil))}
	for range 1_000 {
		l.warn("query not answered")
	}
	if at := l.next.Load().String(); !strings.Contains(at, " m=") {
		t.Errorf("%s has no reading of the monotonic clock: a clock that is set back would silence the log", at)
	}
	l.next.Store(nil)
	l.warn("query not answered")
	if lines := strings.Count(out.String(), "\n"); lines > 3 || !strings.Contains(out.String(), "left_out=") {
		t.Errorf("%d lines for 1,001 warnings:\n%s", lines, out.String())
	}
}
