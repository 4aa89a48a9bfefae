package bench

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"reddot/events"
)

const (
	// hookChanges of hookUsers come while nobody takes webhooks.
	hookChanges, hookUsers = 100_000, 1_000
	// hookRate is how many commands a second come while one of two endpoints hangs for
	// hookHang a request.
	hookRate, hookHang = 200, 20 * time.Second
	// hookQuiet is after how long without a delivery there are no more.
	hookQuiet = 2 * time.Second
)

// The figures of webhooks.
const (
	hookOnce  = "deliveries for 100,000 changes of 1,000 users while nobody takes them"
	hookBack  = "until all of them are told, once somebody does"
	hookTimes = "publish to delivery at 200/s, beside an endpoint that hangs 20 s a request"
)

func hookAims() map[key]Aim {
	return map[key]Aim{
		{"webhooks", hookOnce}:                      atMost(hookUsers, hookUsers),
		{"webhooks", hookTimes + quantileOf("p99")}: atMost(0.250, 0.050),
	}
}

func quantileOf(name string) string { return ", " + name }

// hooked takes webhooks: under /away not until it is back, under /hangs never, and else at
// once.
type hooked struct {
	mu     sync.Mutex
	back   bool
	taken  int
	last   time.Time
	badges map[string]uint64
	sent   map[string]time.Time // messages, by id
	took   sample
}

// ServeHTTP implements http.Handler.
func (h *hooked) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var m struct {
		Type string
		Data struct {
			User  string
			Badge uint64
			Cause struct{ Message string }
		}
	}
	if err := json.NewDecoder(r.Body).Decode(&m); err != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	if r.URL.Path == "/hangs" {
		select {
		case <-r.Context().Done():
		case <-time.After(hookHang):
		}
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	switch {
	case r.URL.Path == "/away" && !h.back:
		w.WriteHeader(http.StatusBadGateway)
	case m.Type != "badge.changed":
	case r.URL.Path == "/away":
		h.taken++
		h.last = time.Now()
		h.badges[m.Data.User] = m.Data.Badge
	default:
		if at, known := h.sent[m.Data.Cause.Message]; known {
			delete(h.sent, m.Data.Cause.Message)
			h.took = append(h.took, time.Since(at))
		}
	}
}

// look looks at it.
func (h *hooked) look(fn func()) {
	h.mu.Lock()
	defer h.mu.Unlock()
	fn()
}

// webhooks is the stage of that name.
func (b *bench) webhooks(ctx context.Context) error {
	if err := b.endLog(); err != nil {
		return err
	}
	h := &hooked{badges: map[string]uint64{}, sent: map[string]time.Time{}}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return fmt.Errorf("listen for webhooks: %w", err)
	}
	receiver := &http.Server{Handler: h, ReadHeaderTimeout: ackWait}
	defer receiver.Close()
	go receiver.Serve(l) // it ends when it is closed
	file := filepath.Join(b.dir, "webhooks.json")
	var endpoints []string
	for name, users := range map[string]string{"away": "away", "hangs": "good", "good": "good"} {
		endpoints = append(endpoints, fmt.Sprintf(`{"name":%q,"url":"http://%s/%s","types":["badge.changed"],"users_prefix":%q,"secrets":["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"]}`,
			name, l.Addr(), name, users))
	}
	if err := os.WriteFile(file, []byte("["+strings.Join(endpoints, ",")+"]"), 0o600); err != nil {
		return fmt.Errorf("write the webhooks of the benchmark: %w", err)
	}
	t, err := b.startServed(ctx, "webhooks", "--http", "127.0.0.1:0", "--webhooks", file)
	if err != nil {
		return err
	}
	if err := b.turns("webhooks: an outage", 2, func(step *Step) error { return b.outage(ctx, t, h, step) }); err != nil {
		return err
	}
	gap := time.Second / hookRate
	err = b.turns("webhooks: one that hangs", int(b.cfg.For/gap), func(step *Step) error { return b.beside(ctx, t, h, gap, step) })
	if err != nil {
		return err
	}
	for _, q := range quantiles() {
		b.note(figure("webhooks", hookTimes+quantileOf(q.name), Seconds, h.took.at(q.share).Seconds()))
	}
	return t.end()
}

// outage sends changes while nobody takes them.
func (b *bench) outage(ctx context.Context, t *traffic, h *hooked, step *Step) error {
	r := rand.New(rand.NewPCG(b.cfg.Workload.Seed, 0))
	commands, want := make([]events.Command, hookChanges), map[string]uint64{}
	for i := range commands {
		to := "away" + strconv.Itoa(r.IntN(hookUsers))
		want[to]++
		commands[i] = events.Command{Verb: events.UserMessage, Inbox: to, ID: strconv.Itoa(firstID + i), From: "prober"}
	}
	if _, err := t.sendAll(ctx, commands); err != nil {
		return err
	}
	step.done.Add(1)
	h.look(func() { h.back = true })
	began := time.Now()
	resp, err := http.Post("http://"+t.http+"/v1/webhooks/test", "application/json", strings.NewReader(`{"name":"away"}`))
	if err != nil {
		return fmt.Errorf("test the webhook: %w", err)
	}
	resp.Body.Close()
	for quiet := false; !quiet; {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(hookQuiet / 10):
		}
		h.look(func() { quiet = len(h.badges) == len(want) && time.Since(h.last) > hookQuiet })
		if time.Since(began) > longWait {
			return fmt.Errorf("%d of %d users are told after %v", len(h.badges), len(want), longWait)
		}
	}
	for user, badge := range want {
		if h.badges[user] != badge {
			return fmt.Errorf("%s was told %d last, and has %d unread", user, h.badges[user], badge)
		}
	}
	b.note(figure("webhooks", hookOnce, Count, float64(h.taken)))
	b.note(figure("webhooks", hookBack, Seconds, h.last.Sub(began).Seconds()))
	step.done.Add(1)
	return nil
}

// beside sends messages at a rate, and waits until they are told.
func (b *bench) beside(ctx context.Context, t *traffic, h *hooked, gap time.Duration, step *Step) error {
	p := newPacer(gap)
	defer p.close()
	start := time.Now()
	for i := range step.Total {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		p.wait(start.Add(time.Duration(i) * gap))
		id := "h" + strconv.FormatInt(i, 10)
		c := events.Command{Verb: events.UserMessage, Inbox: "good" + strconv.FormatInt(i%hookUsers, 10), ID: id, From: "prober"}
		payload, err := events.Encode(&c)
		if err != nil {
			return err
		}
		h.look(func() { h.sent[id] = time.Now() })
		if _, err := t.js.PublishAsync(t.subjects.Command(events.Target{Verb: c.Verb, Inbox: c.Inbox}), payload); err != nil {
			return fmt.Errorf("publish: %w", err)
		}
		step.done.Add(1)
	}
	for end := time.Now().Add(ackWait); ; time.Sleep(hookQuiet / 100) {
		left := 0
		h.look(func() { left = len(h.sent) })
		switch {
		case left == 0:
			return nil
		case ctx.Err() != nil:
			return ctx.Err()
		case time.Now().After(end):
			return errors.New(strconv.Itoa(left) + " messages were never told beside an endpoint that hangs")
		}
	}
}
