package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"reddot/api/identity"
	"reddot/cmd/reddot/datadir"
	"reddot/cmd/reddot/repository"
	"reddot/cmd/reddot/server"
	"reddot/events"
	"reddot/projector/testkit"
	"reddot/projector/testkit/natstest"
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
// last; where another is there that is not ready, it says why; one that refuses ends it.
func TestTopLost(t *testing.T) {
	ns, file, at := natstest.Start(t), filepath.Join(t.TempDir(), "auth.json"), natstest.Address(t)
	viewer, e, err := identity.NewKey("desk", identity.Viewer, 0)
	testkit.OK(t, err, os.WriteFile(file, []byte(`{"keys":[`+e.String()+`]}`), 0o600))
	dir, url := t.TempDir(), ns.URL()
	serve := func() (stop func()) {
		t.Helper()
		cfg := server.Default()
		cfg.Data, cfg.HTTP, cfg.NATS, cfg.AuthFile, cfg.Snapshots = datadir.Dir(dir), at, url, file, repository.Off
		s := testkit.Must(server.New(cfg))(t)
		ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
		ended := make(chan error, 1)
		go func() { ended <- s.Run(ctx) }()
		stop = sync.OnceFunc(func() {
			cancel()
			testkit.OK(t, testkit.Receive(t, "the end of the server", ended))
		})
		t.Cleanup(stop)
		return stop
	}
	cfg := &topConfig{http: at, timeout: 10 * time.Second}
	var out strings.Builder
	w := &topWatch{app: &app{stdout: &out, stderr: &out, zone: time.UTC}, cfg: cfg, asks: newTopClient(cfg, viewer)}
	look := func(want ...string) {
		t.Helper()
		testkit.Eventually(t, fmt.Sprintf("it shows %q", want), func() bool {
			out.Reset()
			testkit.OK(t, w.look(t.Context()))
			return !slices.ContainsFunc(want, func(words string) bool { return !strings.Contains(out.String(), words) })
		})
	}
	look("lost for ", "no reddot answers")
	stop := serve()
	look("\nlive", "lag 0 commands, steady")
	if strings.Contains(out.String(), "lost") || strings.Contains(out.String(), "was ") {
		t.Errorf("%s", out.String())
	}
	js := ns.JetStream()
	for n := range 5 {
		testkit.Must(js.Publish(t.Context(), "unread.cmd.user.alice.message", fmt.Appendf(nil, `{"id":"m%d","from":"bob"}`, n)))(t)
	}
	look("\nlive", "applied      5\n")
	stop()
	look("lost for ", "no reddot answers", "\nwas live", "applied      5\n")

	url = "nats://" + natstest.Address(t) // where nobody is
	stop = serve()
	look("lost for ", "not ready: ", "\nwas live")
	stop()

	url = ns.URL()
	serve()
	look("\nlive", "applied      5\n")
	if strings.Contains(out.String(), "lost") || strings.Contains(out.String(), "was ") {
		t.Errorf("%s", out.String())
	}
	w.asks = newTopClient(cfg, "rdk_wrong")
	if err := w.look(t.Context()); err == nil || !strings.Contains(err.Error(), "--key-file") {
		t.Errorf("refused: %v", err)
	}
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
