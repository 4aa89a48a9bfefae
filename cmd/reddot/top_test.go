package main

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"reddot/cmd/reddot/server"
	"reddot/events"
	"reddot/projector/testkit"
)

// TestTop: what a server says is shown once, as text or as it came.
func TestTop(t *testing.T) {
	http := make(chan string, 1)
	served(t, t.TempDir(), "127.0.0.1:0", func(c *server.Config) {
		c.HTTP = "127.0.0.1:0"
		ready := c.Ready
		c.Ready = func(nats, at string) {
			http <- at
			ready(nats, at)
		}
	})
	at := "--http=" + <-http
	out := reddot(t, nil, "top", "--once", at).done(t)
	for _, words := range []string{"\nlive", "\napplied", "\nlag 0 commands, steady\n", "publish → applied", "Streams:   sse 0, poll 0, gateway 0, feed 0\n", "Rebuild:   none since the start\n"} {
		if !strings.Contains(out, words) {
			t.Errorf("it lacks %q:\n%s", words, out)
		}
	}
	if strings.Contains(out, "\x1b") || strings.Contains(out, "WEBHOOK ") {
		t.Errorf("%q", out)
	}
	var line struct {
		At     events.Time
		Status events.Status
		Stats  struct{ Windows []any }
	}
	testkit.OK(t, json.Unmarshal([]byte(reddot(t, nil, "top", "--once", "--json", at).done(t)), &line))
	if line.At == 0 || line.Status.State != events.Live || len(line.Stats.Windows) != 3 {
		t.Errorf("%+v", line)
	}

	// Interrupted, it ends in good order.
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if r := reddotContext(ctx, nil, "top", at); r.code != exitDone || r.stderr != "" {
		t.Errorf("%+v", r)
	}
}

// TestTopLost: a server that goes away is waited for, and shown as lost with what it said
// last; one that refuses is not.
func TestTopLost(t *testing.T) {
	var away, refuses atomic.Bool
	stub := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case refuses.Load():
			w.WriteHeader(http.StatusUnauthorized)
			w.Write([]byte(`{"detail":"the credential is not valid"}`))
		case away.Load() && r.URL.Path == "/readyz":
			http.Error(w, "catching up: applied 5 of 10", http.StatusServiceUnavailable)
		case away.Load():
			w.WriteHeader(http.StatusServiceUnavailable)
		case r.Header.Get("Authorization") != "Bearer rdk_viewer":
			w.WriteHeader(http.StatusForbidden)
		case r.URL.Path == "/v1/status":
			w.Write([]byte(`{"state":"stopped","error":"it ends at seq 5: restore the stream","applied":9,"lag":3}`))
		default:
			w.Write([]byte(`{}`))
		}
	}))
	defer stub.Close()
	cfg := &topConfig{http: strings.TrimPrefix(stub.URL, "http://"), timeout: 10 * time.Second}
	var out strings.Builder
	w := &topWatch{app: &app{stdout: &out, stderr: &out, zone: time.UTC}, cfg: cfg, asks: newTopClient(cfg, "rdk_viewer")}
	look := func(want ...string) {
		t.Helper()
		out.Reset()
		testkit.OK(t, w.look(t.Context()))
		for _, words := range want {
			if !strings.Contains(out.String(), words) {
				t.Errorf("it lacks %q:\n%s", words, out.String())
			}
		}
	}
	look("stopped: it ends at seq 5: restore the stream\n", "lag 3 commands, steady")
	away.Store(true)
	look("lost for 0s: not ready: catching up: applied 5 of 10\n", "was stopped", "applied      9")
	away.Store(false)
	look("\nstopped: ")
	if strings.Contains(out.String(), "lost") {
		t.Errorf("%s", out.String())
	}
	refuses.Store(true)
	if err := w.look(t.Context()); err == nil || !strings.Contains(err.Error(), "--key-file") {
		t.Errorf("refused: %v", err)
	}
	stub.Close()
	look("lost for ", "no reddot answers")
}

// TestTopFits: no line is wider than the screen, and there are no more of them.
func TestTopFits(t *testing.T) {
	lines := []string{topGood + "live" + topPlain + ": 李雷 and more", "short", "gone"}
	got := fitted(lines, 9, 2, true)
	if len(got) != 2 || got[0] != topGood+"live"+topPlain+": 李…"+topPlain || got[1] != "short" {
		t.Errorf("%q", got)
	}
	if got := fitted([]string{"x"}, 0, 1, false); got[0] != "" {
		t.Errorf("%q", got)
	}
}

// TestTopTrend: a lag that grows is told from one that falls, and from one that wavers.
func TestTopTrend(t *testing.T) {
	for want, lags := range map[string][]uint64{
		"growing": {0, 0, 5, 10, 90, 100}, "falling": {100, 90, 50, 10, 5, 0}, "steady": {10, 11, 10, 9, 10, 11},
	} {
		if got := trendOf(lags); got != want {
			t.Errorf("%v is %s, want %s", lags, got, want)
		}
	}
	if trendOf(nil) != "steady" || bars(nil) != "" || bars([]uint64{0, 0}) != "" || bars([]uint64{0, 4, 8}) != "▁▅█" {
		t.Errorf("%q", bars([]uint64{0, 4, 8}))
	}
}

// TestTopKey: the file of a key holds a key.
func TestTopKey(t *testing.T) {
	for text, ok := range map[string]bool{"rdk_x\n": true, " \n": false, "a\nb": false} {
		_, err := (&topConfig{keyFile: fileOf(t, text)}).key()
		if (err == nil) != ok {
			t.Errorf("%q: %v", text, err)
		}
	}
	reddot(t, nil, "top", "--once", "--key-file", "/no/such/file").failed(t, exitFailed, "--key-file")
	reddot(t, nil, "top", "--timeout", "0s").failed(t, exitUsage, "--timeout")
}
