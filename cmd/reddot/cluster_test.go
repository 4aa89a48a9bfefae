package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"reddot/cmd/reddot/cluster"
	"reddot/events"
	"reddot/projector"
	"reddot/projector/log"
	"reddot/projector/testkit"
)

// clusterWait is how long a cluster, or a server on it, may take for what it does
// by itself. Elections alone take some seconds.
const clusterWait = 2 * time.Minute

// startCluster starts a cluster that may not have found together yet.
func startCluster(t *testing.T, servers int) *cluster.Cluster {
	t.Helper()
	c, err := cluster.Start(cluster.Config{Name: "test", Dir: t.TempDir(), Servers: servers})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// together waits until a cluster can make streams.
func together(t *testing.T, c *cluster.Cluster) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), clusterWait)
	defer cancel()
	if err := c.Wait(ctx); err != nil {
		t.Fatal(err)
	}
}

// serveRun is a "reddot serve" in this process.
type serveRun struct {
	t      *testing.T
	end    func() // asks it to
	ready  chan string
	ended  chan int
	stderr testkit.Buffer
	once   sync.Once
}

// serveOn begins to serve with a folder of its own, unless another is named.
func serveOn(t *testing.T, args ...string) *serveRun {
	t.Helper()
	ctx, end := context.WithCancel(t.Context())
	s := &serveRun{t: t, end: end, ready: make(chan string, 1), ended: make(chan int, 1)}
	out := writerFunc(func(p []byte) (int, error) {
		s.ready <- string(bytes.TrimSpace(p))
		return len(p), nil
	})
	if !strings.Contains(strings.Join(args, " "), "--data") {
		args = append(args, "--data", t.TempDir())
	}
	go func() {
		s.ended <- run(ctx, append([]string{"serve", "--http", "", "--snapshot-interval", "0"}, args...), nil, out, &s.stderr)
	}()
	t.Cleanup(s.stop)
	return s
}

// isReady waits for the ready line.
func (s *serveRun) isReady() string {
	s.t.Helper()
	select {
	case line := <-s.ready:
		s.ready <- line // for who asks again
		return line
	case code := <-s.ended:
		s.ended <- code
		s.t.Fatalf("it has ended with exit code %d: %s", code, s.stderr.String())
	case <-time.After(clusterWait):
		s.t.Fatalf("it is not ready after %v: %s", clusterWait, s.stderr.String())
	}
	return ""
}

// says waits until it has logged a text.
func (s *serveRun) says(text string) {
	s.t.Helper()
	defer func() {
		if s.t.Failed() {
			s.t.Log(s.stderr.String())
		}
	}()
	soon(s.t, "it says "+text, func() bool { return strings.Contains(s.stderr.String(), text) })
}

// soon waits until something holds that nothing announces.
func soon(t *testing.T, what string, holds func() bool) {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(clusterWait); !holds(); <-tick.C {
		if time.Now().After(end) {
			t.Fatalf("not within %v: %s", clusterWait, what)
		}
	}
}

// stop ends it.
func (s *serveRun) stop() {
	s.once.Do(func() {
		s.end()
		if code := <-s.ended; code != exitDone {
			s.t.Errorf("exit code %d: %s", code, s.stderr.String())
		}
	})
}

// statusAt asks for the status, until somebody answers: a server of a cluster may
// not know yet that another one has a connection which does.
func statusAt(t *testing.T, urls string, args ...string) (s events.Status) {
	t.Helper()
	var r result
	soon(t, "the status is told", func() bool {
		r = reddot(t, nil, append([]string{"status", "--json", "--server", urls}, args...)...)
		return r.code == exitDone
	})
	if err := json.Unmarshal([]byte(r.stdout), &s); err != nil {
		t.Fatal(err)
	}
	return s
}

// TestStartTogether starts two servers at the same moment on a cluster that has
// just been started itself: both come up, on the same streams, which are on three
// servers, and one of them tells.
func TestStartTogether(t *testing.T) {
	t.Parallel()
	testkit.Unraced(t)
	for i := range 3 {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			c := startCluster(t, 3)
			if i%2 == 1 {
				together(t, c)
			}
			args := []string{"--nats", c.URLs(), "--snapshots", "bucket:kept"}
			both := []*serveRun{serveOn(t, args...), serveOn(t, args...)}
			for _, s := range both {
				s.isReady()
			}
			reddot(t, strings.NewReader(`{"subject":"unread.cmd.user.alice.message","payload":{"id":"m1","from":"bob"}}`),
				"publish", "--wait", "--server", c.URLs(), "--timeout", "30s").done(t)
			status := statusAt(t, c.URLs(), "--after-seq", "1", "--timeout", "30s")
			if status.Emitted != 1 {
				t.Errorf("%+v", status)
			}
			for _, s := range status.NATS.Streams {
				if s.Replicas != 3 || s.Wanted != 0 {
					t.Errorf("%+v", s)
				}
			}
			if n := len(status.NATS.Streams); n != 3 {
				t.Errorf("%d streams: %+v", n, status.NATS.Streams)
			}
		})
	}
}

// TestOpenTogether has three open the same streams at the same moment, none of
// which is there: each gets the log of the one that was made, and the event stream
// with the key that was made first.
func TestOpenTogether(t *testing.T) {
	t.Parallel()
	testkit.Unraced(t)
	c := startCluster(t, 3)
	together(t, c)
	for n := range 6 {
		subjects := testkit.Must(events.NewSubjects(fmt.Sprint("p", n)))(t)
		var opening sync.WaitGroup
		var logs [3]*log.Log
		for i := range logs {
			conn := connect(t, c.URLs())
			dir := t.TempDir()
			opening.Go(func() {
				p, err := projector.Open(t.Context(), projector.Config{Conn: conn, Subjects: subjects, Dir: dir, Logger: slog.New(slog.DiscardHandler), Replicas: 3})
				if err != nil {
					t.Errorf("%d of prefix %d: %v", i, n, err)
					return
				}
				logs[i] = p.Log()
				if err := p.Close(); err != nil {
					t.Error(err)
				}
			})
		}
		opening.Wait()
		if t.Failed() {
			return
		}
		js := testkit.Must(jetstream.New(connect(t, c.URLs())))(t)
		for _, l := range logs {
			if l.Identity() != logs[0].Identity() {
				t.Errorf("one log is %v, another one %v", l.Identity(), logs[0].Identity())
			}
		}
		for _, name := range []string{subjects.CommandStream(), subjects.EventStream()} {
			if info := testkit.Must(js.Stream(t.Context(), name))(t).CachedInfo(); info.Config.Replicas != 3 {
				t.Errorf("%s has %d replicas", name, info.Config.Replicas)
			}
		}
	}
}
