package main_test

import (
	"fmt"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"reddot/events"
	"reddot/projector/testkit"
	"reddot/projector/testkit/natstest"
)

// testAnswers runs two servers on one log, and stops one of them again and again.
// What was asked of it meanwhile it answers when it goes on: nobody is answered
// with less than anybody had been told, by an answer or an event, when they asked.
func testAnswers(t *testing.T, p program) {
	url := natstest.Start(t).URL()
	both := [2]*child{p.serve(t, t.TempDir(), "--nats", url)}
	nc := connect(t, url)
	askedOf, err := nc.SubscribeSync("$JS.API.STREAM.INFO." + subjects(t).CommandStream())
	if err != nil {
		t.Fatal(err)
	}
	requests := func() int {
		n, _, err := askedOf.Pending()
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	testkit.Eventually(t, "who is alone answers without asking the stream", func() bool {
		before := requests()
		for range 100 {
			told[events.TotalsReply](t, nc, "unread.api.alice.totals", request{})
		}
		return requests() < before+50
	})
	both[1] = p.serve(t, t.TempDir(), "--nats", url)
	testkit.Eventually(t, "they hear of each other", func() bool {
		s := told[events.Status](t, nc, subjects(t).Status(), request{})
		return len(s.Peers) == 1 && s.Peers[0].ID != s.ID && s.Peers[0].State == events.Live
	})
	w := newWitness(t, url, "alice")
	for i := range 6 {
		// Also for less time than a reddot may believe to be alone.
		pause, more := []time.Duration{0, 1500 * time.Millisecond}[i%2], int64(50)
		stopped := both[i/2%2]
		w.more(t, more)
		if err := stopped.cmd.Process.Signal(syscall.SIGSTOP); err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		w.more(t, more)
		for time.Since(began) < pause {
			w.more(t, 1)
		}
		if err := stopped.cmd.Process.Signal(syscall.SIGCONT); err != nil {
			t.Fatal(err)
		}
	}
	w.more(t, 50)
	w.end(t)
	both[1].terminate(t)
	testkit.Eventually(t, "one that has ended is gone", func() bool {
		s := told[events.Status](t, nc, subjects(t).Status(), request{})
		return len(s.Peers) == 0
	})
}

// witness has commands written for one user, hears of that and asks for it, all
// the time, and remembers what had been told when each question was sent.
type witness struct {
	user     string
	newest   atomic.Uint64 // version told
	answered atomic.Int64
	refused  atomic.Int64

	mu    sync.Mutex
	wrong []string

	stop  chan struct{}
	works sync.WaitGroup
}

// witnessEvery is how often it asks, and writes.
const witnessEvery = 2 * time.Millisecond

func newWitness(t *testing.T, url, user string) *witness {
	t.Helper()
	w := &witness{user: user, stop: make(chan struct{})}
	nc := connect(t, url)
	if _, err := nc.Subscribe(subjects(t).Change(user), func(m *nats.Msg) {
		var e events.Change
		if err := events.Unmarshal(m.Header.Get("Content-Type"), m.Data, &e); err != nil {
			w.fault("an event: %v", err)
		}
		w.report(e.Version)
	}); err != nil {
		t.Fatal(err)
	}
	inbox := nats.NewInbox()
	if _, err := nc.Subscribe(inbox+".*", w.answer); err != nil {
		t.Fatal(err)
	}
	js := jetStream(t, nc)
	w.works.Go(func() {
		for n := 0; w.next(); n++ {
			if _, err := js.PublishAsync(fmt.Sprintf("unread.cmd.user.%s.message", user), fmt.Appendf(nil, `{"id":"m%d","from":"bob"}`, n)); err != nil {
				w.fault("publish: %v", err)
			}
		}
	})
	w.works.Go(func() {
		subject := subjects(t).Query(user, events.QueryTotals)
		for w.next() {
			// What was told when it is asked stands in the reply subject.
			if err := nc.PublishRequest(subject, inbox+"."+strconv.FormatUint(w.newest.Load(), 10), []byte(`{"timeout_ms":10000}`)); err != nil {
				w.fault("ask: %v", err)
			}
		}
	})
	t.Cleanup(w.finish)
	return w
}

// next waits a little; it returns false at the end.
func (w *witness) next() bool {
	select {
	case <-w.stop:
		return false
	case <-time.After(witnessEvery):
		return true
	}
}

func (w *witness) fault(format string, args ...any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.wrong = append(w.wrong, fmt.Sprintf(format, args...))
}

// report notes what somebody was notified of.
func (w *witness) report(version events.Seq) {
	for {
		known := w.newest.Load()
		if uint64(version) <= known || w.newest.CompareAndSwap(known, uint64(version)) {
			return
		}
	}
}

// answer takes in an answer, whenever it comes.
func (w *witness) answer(m *nats.Msg) {
	if m.Header.Get("Nats-Service-Error") != "" || m.Header.Get("Status") != "" {
		w.refused.Add(1)
		return
	}
	var reply events.TotalsReply
	if err := events.Unmarshal(m.Header.Get("Content-Type"), m.Data, &reply); err != nil {
		w.fault("an answer: %v", err)
		return
	}
	before, err := strconv.ParseUint(m.Subject[strings.LastIndexByte(m.Subject, '.')+1:], 10, 64)
	if err != nil || uint64(reply.Version) < before {
		w.fault("version %d is answered to who asked when version %d had been told (%v)", reply.Version, before, err)
	}
	w.report(reply.Version)
	w.answered.Add(1)
}

// more waits for so many more answers.
func (w *witness) more(t *testing.T, n int64) {
	t.Helper()
	from := w.answered.Load()
	testkit.Eventually(t, "more answers", func() bool { return w.answered.Load() >= from+n })
}

func (w *witness) finish() {
	select {
	case <-w.stop:
	default:
		close(w.stop)
	}
	w.works.Wait()
}

// end ends it and says what was wrong.
func (w *witness) end(t *testing.T) {
	t.Helper()
	w.finish()
	w.mu.Lock()
	defer w.mu.Unlock()
	t.Logf("%d answers, %d without, up to version %d", w.answered.Load(), w.refused.Load(), w.newest.Load())
	if n := len(w.wrong); n > 0 {
		t.Errorf("%d times wrong, first: %s", n, w.wrong[0])
	}
}
