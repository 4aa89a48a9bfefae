package pull_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"reddot/projector/log/pull"
	"reddot/projector/testkit"
)

// reader reads a stream on a goroutine of its own.
type reader struct {
	*rig
	read   chan uint64
	ended  chan error
	cancel context.CancelFunc

	mu   sync.Mutex
	lost []error
}

func (r *rig) reader(o pull.Options) *reader {
	a := &reader{rig: r, read: make(chan uint64), ended: make(chan error, 1)}
	ctx, cancel := context.WithCancel(testkit.Context(r))
	a.cancel = cancel
	o.Lost = func(err error) {
		a.mu.Lock()
		defer a.mu.Unlock()
		a.lost = append(a.lost, err)
	}
	go func() {
		a.ended <- r.stream().Read(ctx, o, func(m *pull.Message) error {
			select {
			case a.read <- m.Seq:
			case <-ctx.Done():
			}
			return nil
		})
	}()
	return a
}

// upto checks that the messages from one seq to another come, each once.
func (a *reader) upto(from, upto uint64) {
	a.Helper()
	late := testkit.Context(a).Done()
	for want := from; want <= upto; want++ {
		select {
		case seq := <-a.read:
			if seq != want {
				a.Fatalf("message %d, not %d", seq, want)
			}
		case err := <-a.ended:
			a.Fatalf("the reading ends before message %d: %v", want, err)
		case <-late:
			a.Fatalf("message %d does not come; lost: %v", want, a.why())
		}
	}
}

func (a *reader) why() []error {
	a.mu.Lock()
	defer a.mu.Unlock()
	return append([]error(nil), a.lost...)
}

// stop ends the reading and checks that nothing is left of it.
func (a *reader) stop() {
	a.Helper()
	a.cancel()
	if err := <-a.ended; !errors.Is(err, context.Canceled) {
		a.Errorf("the reading ends with %v", err)
	}
	if n := a.consumers(); n != 0 {
		a.Errorf("%d consumers are left", n)
	}
}

// TestEndless reads what is there and what comes later, more than some requests
// ask for.
func TestEndless(t *testing.T) {
	t.Parallel()
	testkit.Unraced(t)
	r := newRig(t)
	const n = 50_000
	r.fill(n, nil)
	a := r.reader(pull.Options{From: 1})
	a.upto(1, n)
	r.fill(n, nil)
	a.upto(n+1, 2*n)
	a.stop()
}

// TestBytes reads many times as many bytes as a request asks for.
func TestBytes(t *testing.T) {
	t.Parallel()
	testkit.Unraced(t)
	r := newRig(t)
	r.fill(100, make([]byte, 900_000))
	a := r.reader(pull.Options{From: 1})
	a.upto(1, 100)
	a.stop()
}

// TestServedInTurn has a request expire that the reader has counted out. The
// next ones have more messages left for the reader than for the server, which
// serves them in turn; that one of them is fulfilled is no loss.
func TestServedInTurn(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	asked := make(chan *nats.Msg, 100)
	testkit.Must(r.conn.ChanSubscribe("$JS.API.CONSUMER.MSG.NEXT."+name+".>", asked))(t)
	testkit.OK(t, r.conn.Flush())
	heard := make(chan struct{}, 1)
	a := r.reader(pull.Options{From: 1, Batch: 10, Heard: func() {
		select {
		case heard <- struct{}{}:
		default:
		}
	}})
	requests := func(n int) {
		t.Helper()
		for range n {
			select {
			case <-asked:
			case <-testkit.Context(a).Done():
				t.Fatal("a request does not come")
			}
		}
	}
	waiting := func(n int) {
		t.Helper()
		testkit.Eventually(r, "requests wait", func() bool { return r.consumer().NumWaiting == n })
	}
	requests(2)
	waiting(2)
	r.fill(9, nil)
	a.upto(1, 9)
	for range 4 { // the third request is to expire later than these two
		<-heard
	}
	r.fill(1, nil)
	a.upto(10, 10) // the first request seems to be fulfilled, and has five left
	requests(1)
	waiting(3)
	r.fill(3, nil)
	a.upto(11, 13) // one for each
	requests(1)    // the first two have expired
	waiting(2)
	r.fill(19, nil)
	testkit.Eventually(r, "all are delivered", func() bool { return r.consumer().Delivered.Consumer == 32 })
	a.upto(14, 32) // the last is the fourth request's, which seems to have one left
	r.fill(5, nil)
	a.upto(33, 37)
	if why := a.why(); len(why) > 0 {
		t.Errorf("lost: %v", why)
	}
	a.stop()
}

// TestConsumerVanishes removes the consumer of a reading, as a server does that
// was restarted: it goes on behind what it has handed over.
func TestConsumerVanishes(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.fill(10, nil)
	a := r.reader(pull.Options{From: 1})
	a.upto(1, 10)
	stream := testkit.Must(r.js.Stream(t.Context(), name))(t)
	for consumer := range stream.ConsumerNames(t.Context()).Name() {
		testkit.OK(t, stream.DeleteConsumer(t.Context(), consumer))
	}
	r.fill(10, nil)
	a.upto(11, 20)
	if why := a.why(); len(why) == 0 || !strings.Contains(why[0].Error(), "Consumer Deleted") {
		t.Errorf("lost: %v", why)
	}
	a.stop()
}

// TestServerVanishes restarts the server while messages are read.
func TestServerVanishes(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.fill(1_000, nil)
	a := r.reader(pull.Options{From: 1})
	a.upto(1, 500)
	r.Stop()
	r.Restart()
	a.upto(501, 1_000)
	// The connection may not know yet that it was lost.
	testkit.Eventually(r, "the connection is there again", func() bool { return r.conn.FlushTimeout(100*time.Millisecond) == nil })
	r.fill(10, nil)
	a.upto(1_001, 1_010)
	a.stop()
}

// TestStreamVanishes deletes the stream.
func TestStreamVanishes(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.fill(1, nil)
	a := r.reader(pull.Options{From: 1})
	a.upto(1, 1)
	testkit.OK(t, r.js.DeleteStream(t.Context(), name))
	if err := <-a.ended; !errors.Is(err, jetstream.ErrStreamNotFound) {
		t.Errorf("the reading ends with %v", err)
	}
}

// TestConnectionCloses closes the connection for good.
func TestConnectionCloses(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.fill(1, nil)
	a := r.reader(pull.Options{From: 1})
	a.upto(1, 1)
	r.conn.Close()
	if err := <-a.ended; !errors.Is(err, nats.ErrConnectionClosed) {
		t.Errorf("the reading ends with %v", err)
	}
}

// TestUpto ends readings of a stream whose messages were removed.
func TestUpto(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.fill(10, nil)
	stream := testkit.Must(r.js.Stream(t.Context(), name))(t)
	for _, seq := range []uint64{1, 2, 5, 9, 10} {
		testkit.OK(t, stream.DeleteMsg(t.Context(), seq))
	}
	for _, c := range []struct{ from, upto, read uint64 }{
		{1, 10, 5}, {1, 4, 2}, {1, 5, 2}, {5, 5, 0}, {9, 10, 0}, {7, 7, 1}, {11, 20, 0}, {6, 100, 3},
	} {
		read := uint64(0)
		testkit.OK(t, r.stream().Read(testkit.Context(r), pull.Options{From: c.from, Upto: c.upto}, func(*pull.Message) error {
			read++
			return nil
		}))
		if read != c.read {
			t.Errorf("from %d to %d there are %d messages, not %d", c.from, c.upto, read, c.read)
		}
	}
}

// TestSubject reads the messages of some subjects only, whatever lies between.
func TestSubject(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	for i := range 10 {
		r.store([]string{"in.a.x", "in.b.x", "in.a.y"}[i%3], nil, nil)
	}
	a := r.reader(pull.Options{From: 2, Subject: "in.*.x"})
	for _, want := range []uint64{2, 4, 5, 7, 8, 10} {
		a.upto(want, want)
	}
	r.store("in.a.y", nil, nil)
	r.store("in.b.x", nil, nil)
	a.upto(12, 12)
}

// TestPermissions takes one permission after the other away: what is missing is
// said, with the subject to permit.
func TestPermissions(t *testing.T) {
	t.Parallel()
	for subject, missing := range map[string]string{
		"$JS.API.CONSUMER.CREATE.LOG.>":   "publish to $JS.API.CONSUMER.CREATE.LOG.>",
		"$JS.API.CONSUMER.MSG.NEXT.LOG.>": "publish to $JS.API.CONSUMER.MSG.NEXT.LOG.>",
	} {
		t.Run(subject, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, withUsers(&server.Permissions{Publish: &server.SubjectPermission{Deny: []string{subject}}}))
			r.fill(1, nil)
			ctx, cancel := context.WithCancel(testkit.Context(r))
			var lost error
			err := r.limited().Read(ctx, pull.Options{From: 1, Lost: func(err error) {
				lost = err
				cancel()
			}}, func(*pull.Message) error { return nil })
			if !errors.Is(err, context.Canceled) {
				t.Errorf("the reading ends with %v", err)
			}
			wantPermission(t, lost, missing)
		})
	}
	t.Run("MSG.GET", func(t *testing.T) {
		t.Parallel()
		r := newRig(t, withUsers(&server.Permissions{Publish: &server.SubjectPermission{Deny: []string{"$JS.API.STREAM.MSG.GET.>"}}}))
		_, err := r.limited().Get(testkit.Context(r), 1)
		wantPermission(t, err, "publish to $JS.API.STREAM.MSG.GET.LOG")
	})
	t.Run("inbox", func(t *testing.T) {
		t.Parallel()
		r := newRig(t, withUsers(&server.Permissions{Subscribe: &server.SubjectPermission{Deny: []string{"_INBOX.>"}}}))
		_, err := r.limited().Get(testkit.Context(r), 1)
		wantPermission(t, err, "subscribe to _INBOX.>")
	})
}

// TestHeardWhileBusy: a reading whose handler is at work all the time hears the server
// all the same, as long as messages come.
func TestHeardWhileBusy(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	const each = 20 * time.Millisecond
	r.fill(int(testkit.Patience/each), nil)
	heard := make(chan struct{})
	tell := sync.OnceFunc(func() { close(heard) })
	was := false
	testkit.OK(t, r.stream().Read(testkit.Context(r), pull.Options{From: 1, Upto: uint64(testkit.Patience / each), Heard: tell}, func(*pull.Message) error {
		select {
		case <-heard:
			was = true
			return pull.ErrEnough
		case <-time.After(each): // work
			return nil
		}
	}))
	if !was {
		t.Error("nothing was heard")
	}
}

// withUsers gives a server the user "limited" beside one that may do everything.
func withUsers(p *server.Permissions) func(*server.Options) {
	return func(o *server.Options) {
		o.Users = []*server.User{{Username: "all", Password: "all"}, {Username: "limited", Password: "limited", Permissions: p}}
		o.NoAuthUser = "all"
	}
}

// limited is the stream as the user sees it.
func (r *rig) limited() *pull.Stream {
	conn := r.Connect(nats.UserInfo("limited", "limited"), nats.ErrorHandler(func(*nats.Conn, *nats.Subscription, error) {}))
	return pull.New(testkit.Must(jetstream.New(conn))(r), name)
}

func wantPermission(t *testing.T, err error, missing string) {
	t.Helper()
	var p *pull.PermissionError
	if !errors.As(err, &p) || !errors.Is(err, nats.ErrPermissionViolation) || !strings.Contains(err.Error(), missing) {
		t.Errorf("the error is %v, and does not say %q", err, missing)
	}
}
