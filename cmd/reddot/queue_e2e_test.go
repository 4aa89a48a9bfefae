package main_test

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"reddot/events"
	"reddot/projector/testkit"
	"reddot/projector/testkit/natstest"
)

// testLeaves runs two servers on one log. One of them hears nothing more of it: the other
// one gets all queries. Then a third one starts, and takes none until it has caught up. On
// a machine that is busy enough one that is well may hear nothing for a while, too: it is
// asked again then, as a client does.
func testLeaves(t *testing.T, p program) {
	host := p.serve(t, t.TempDir(), "--prefix", "other", "--snapshots", "off")
	nc := connect(t, host.nats)
	wire := newWire(t, strings.TrimPrefix(host.nats, "nats://"))
	far := p.serve(t, t.TempDir(), "--nats", "nats://"+wire.address)
	near := p.serve(t, t.TempDir(), "--nats", host.nats)
	settled(t, nc, publish(t, nc, "unread.cmd.user.alice.message", `{"id":"m0","from":"bob"}`))

	asking := askAlways(t, host.nats, "alice") // no answer is older than one before it
	wire.hold("reddot projector")
	far.takes(t, false)
	last := publish(t, nc, "unread.cmd.user.alice.message", `{"id":"m1","from":"bob"}`)
	before := far.replies(t)
	const queries = 300
	answered := func(from events.Seq) {
		t.Helper()
		for range queries {
			reply := toldAgain[events.TotalsReply](t, nc, "unread.api.alice.totals", request{AfterSeq: from})
			if reply.Version != last {
				t.Fatalf("version %d is answered, want %d", reply.Version, last)
			}
		}
	}
	answered(last)
	answered(0)
	if after := far.replies(t); after != before {
		t.Errorf("who has left has answered: %q, before %q", after, before)
	}
	// Who asks for the status is answered by both.
	testkit.Eventually(t, "a status of the one that has left", func() bool {
		s := told[events.Status](t, nc, subjects(t).Status(), request{})
		return s.State != events.Live && s.Error != "" && s.Applied == last-1
	})
	near.terminate(t)
	p.run(t, nil, "show", "alice", "--server", host.nats).failed(t, 1, "unavailable (503)", "reddot status")
	if _, err := askSoon[events.TotalsReply](nc, "unread.api.alice.totals", request{}); !noAnswer(err) {
		t.Errorf("with nobody left a query is answered: %v", err)
	}

	wire.release()
	far.takes(t, true)
	answered(0)
	log := far.stderr.String()
	if left, back := strings.Count(log, "no queries are taken: others get them"), strings.Count(log, "queries are taken\""); left < 1 || back != left+1 {
		t.Errorf("it says %d times that it leaves, %d times that it takes queries:\n%s", left, back, log)
	}

	asking.end(t)

	padding := strings.Repeat("x", 1000)
	for n := range 2000 {
		if err := nc.Publish("unread.cmd.user.carol.message", fmt.Appendf(nil, `{"id":"n%d","from":"bob","padding":%q}`, n, padding)); err != nil {
			t.Fatal(err)
		}
	}
	settled(t, nc, publish(t, nc, "unread.cmd.user.carol.message", `{"id":"last","from":"bob"}`))
	slow := newWire(t, strings.TrimPrefix(host.nats, "nats://"))
	slow.throttle("reddot projector")
	late := p.start(t, t.TempDir(), nil, "--nats", "nats://"+slow.address, "--http", natstest.Address(t))
	late.http = late.cmd.Args[len(late.cmd.Args)-1]
	late.unready(t, "catching up: applied ")
	answered(0)
	if n := late.replies(t); n != `reddot_queries_total{code="200",query="totals"} 0`+"\n" {
		t.Errorf("who catches up has answered %q", n)
	}
	if out := late.stdout.String(); out != "" {
		t.Errorf("who catches up prints %q", out)
	}
	slow.release()
	late.ready(t)
	late.takes(t, true)
}

// takes waits until a server takes queries, or takes none.
func (c *child) takes(t *testing.T, queries bool) {
	t.Helper()
	want := "reddot_queries_taken 0\n"
	if queries {
		want = "reddot_queries_taken 1\n"
	}
	testkit.Eventually(t, want, func() bool {
		_, body := c.get(t, "/metrics")
		return strings.Contains(body, want)
	})
}

// replies are the figures of a server's answers to questions for totals, good or not.
func (c *child) replies(t *testing.T) (figures string) {
	t.Helper()
	_, body := c.get(t, "/metrics")
	for line := range strings.Lines(body) {
		if strings.HasPrefix(line, "reddot_queries_total{") && strings.Contains(line, `query="totals"`) {
			figures += line
		}
	}
	if figures == "" {
		t.Fatal("no figure of the queries answered")
	}
	return figures
}

// toldAgain is told, of who is asked again while nobody answers.
func toldAgain[T any](t *testing.T, nc *nats.Conn, subject string, r request) (reply T) {
	t.Helper()
	testkit.Eventually(t, "an answer to "+subject, func() bool {
		var err error
		reply, err = ask[T](t.Context(), nc, subject, r)
		if err != nil && !noAnswer(err) {
			t.Fatal(err)
		}
		return err == nil
	})
	return reply
}

// wire is the network between a NATS server and its clients. What comes to
// connections of a name can be held up.
type wire struct {
	address string
	server  string

	mu    sync.Mutex
	held  string        // name of the connections that nothing comes to
	slow  string        // name of those to which little comes
	moved chan struct{} // closed and made anew when one of them changes
}

// slowChunk bytes a slowEvery come to a slow connection.
const (
	slowChunk = 4 << 10
	slowEvery = 50 * time.Millisecond
)

func newWire(t *testing.T, server string) *wire {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	w := &wire{address: l.Addr().String(), server: server, moved: make(chan struct{})}
	var carried sync.WaitGroup
	t.Cleanup(func() {
		l.Close()
		w.release()
		carried.Wait()
	})
	carried.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			carried.Go(func() { w.carry(c) })
		}
	})
	return w
}

func (w *wire) set(held, slow string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.held, w.slow = held, slow
	close(w.moved)
	w.moved = make(chan struct{})
}

func (w *wire) hold(name string)     { w.set(name, "") }
func (w *wire) throttle(name string) { w.set("", name) }
func (w *wire) release()             { w.set("", "") }

// carry carries one connection to its end.
func (w *wire) carry(client net.Conn) {
	defer client.Close()
	server, err := net.Dial("tcp", w.server)
	if err != nil {
		return
	}
	name := make(chan string, 1)
	var both sync.WaitGroup
	both.Go(func() {
		defer server.Close()
		in := bufio.NewReader(client)
		connect, err := in.ReadBytes('\n')
		_, rest, _ := bytes.Cut(connect, []byte(`"name":"`))
		called, _, _ := bytes.Cut(rest, []byte(`"`))
		name <- string(called)
		if _, e := server.Write(connect); err == nil && e == nil {
			_, _ = io.Copy(server, in)
		}
	})
	both.Go(func() {
		defer client.Close()
		in := bufio.NewReader(server)
		info, err := in.ReadBytes('\n')
		if _, e := client.Write(info); err != nil || e != nil {
			return
		}
		w.hand(client, in, <-name)
	})
	both.Wait()
}

// hand hands on what the server sends to a connection of a name.
func (w *wire) hand(to io.Writer, from io.Reader, name string) {
	chunk := make([]byte, slowChunk)
	for {
		n, err := from.Read(chunk)
		if err != nil {
			return
		}
		for {
			w.mu.Lock()
			held, slow, moved := w.held == name, w.slow == name, w.moved
			w.mu.Unlock()
			if held {
				<-moved
				continue
			}
			if slow {
				select {
				case <-time.After(slowEvery):
				case <-moved:
				}
			}
			break
		}
		if _, err := to.Write(chunk[:n]); err != nil {
			return
		}
	}
}
