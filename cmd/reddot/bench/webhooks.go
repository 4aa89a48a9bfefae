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
	// hookChanges of hookUsers come while nobody takes webhooks; reddot is killed amid them.
	hookChanges, hookUsers = 100_000, 1_000
	// hookMore come then, of the same, and reddot is killed once hookSome of them are told.
	hookMore, hookSome = 10_000, hookUsers / 10
	// hookRate is how many commands a second come while one of two endpoints hangs for
	// hookHang a request.
	hookRate, hookHang = 200, 20 * time.Second
	// hookQuiet is after how long without a delivery there are no more.
	hookQuiet = 2 * time.Second
)

// The figures of webhooks.
const (
	hookOnce  = "deliveries for 100,000 changes of 1,000 users while nobody takes them, with a SIGKILL amid them"
	hookBack  = "until all of them are told, once somebody does"
	hookLost  = "users told the newest state in spite of a SIGKILL while they were told"
	hookAgain = "ready after that SIGKILL until all are told"
	hookTimes = "publish to delivery at 200/s, beside an endpoint that hangs 20 s a request"
)

func hookAims() map[key]Aim {
	return map[key]Aim{
		{"webhooks", hookOnce}:                      atMost(hookUsers, hookUsers),
		{"webhooks", hookLost}:                      atLeast(hookUsers, hookUsers),
		{"webhooks", hookAgain}:                     atMost(5, 2),
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
	args := []string{"--http", "127.0.0.1:0", "--webhooks", file}
	t, err := b.startServed(ctx, "webhooks", args...)
	if err != nil {
		return err
	}
	o := &outage{b: b, t: t, hooked: h, args: args, random: rand.New(rand.NewPCG(b.cfg.Workload.Seed, 0)), want: map[string]uint64{}}
	if err := b.turns("webhooks: an outage", 3, func(step *Step) error { return o.run(ctx, step) }); err != nil {
		return err
	}
	if err := b.turns("webhooks: killed", 2, func(step *Step) error { return o.amid(ctx, step) }); err != nil {
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

// outage is changes that come while nobody takes them.
type outage struct {
	b      *bench
	t      *traffic
	hooked *hooked
	args   []string
	random *rand.Rand
	sent   int
	want   map[string]uint64 // users' badges
}

// run kills reddot amid the changes.
func (o *outage) run(ctx context.Context, step *Step) error {
	all := min(hookChanges, o.b.cfg.Workload.Commands)
	for range 2 {
		if err := o.changes(ctx, all/2); err != nil {
			return err
		}
		step.done.Add(1)
		if o.sent < all/2*2 {
			if _, err := o.killed(ctx); err != nil {
				return err
			}
		}
	}
	began := time.Now()
	if err := o.back(ctx); err != nil {
		return err
	}
	if missing, err := o.told(ctx); err != nil || missing > 0 {
		return errors.Join(err, fmt.Errorf("%d users are not told the newest state", missing))
	}
	o.hooked.look(func() {
		o.b.note(figure("webhooks", hookOnce, Count, float64(o.hooked.taken)))
		o.b.note(figure("webhooks", hookBack, Seconds, o.hooked.last.Sub(began).Seconds()))
	})
	step.done.Add(1)
	return nil
}

// amid kills reddot while it tells.
func (o *outage) amid(ctx context.Context, step *Step) error {
	ctx, cancel := context.WithTimeout(ctx, longWait)
	defer cancel()
	o.hooked.look(func() { o.hooked.back, o.hooked.taken = false, 0 })
	if err := o.changes(ctx, hookMore); err != nil {
		return err
	}
	step.done.Add(1)
	if err := o.back(ctx); err != nil {
		return err
	}
	for some := false; !some; {
		if err := rest(ctx, time.Millisecond); err != nil {
			return err
		}
		o.hooked.look(func() { some = o.hooked.taken >= hookSome })
	}
	ready, err := o.killed(ctx)
	if err != nil {
		return err
	}
	missing, err := o.told(ctx)
	if err != nil {
		return err
	}
	o.b.note(figure("webhooks", hookLost, Count, float64(len(o.want)-missing)))
	o.hooked.look(func() { o.b.note(figure("webhooks", hookAgain, Seconds, o.hooked.last.Sub(ready).Seconds())) })
	step.done.Add(1)
	return nil
}

// changes sends n changes, and returns when their events are stored.
func (o *outage) changes(ctx context.Context, n int) error {
	commands := make([]events.Command, n)
	for i := range commands {
		to := "away" + strconv.Itoa(o.random.IntN(hookUsers))
		o.want[to]++
		commands[i] = events.Command{Verb: events.UserMessage, Inbox: to, ID: strconv.Itoa(firstID + o.sent), From: "prober"}
		o.sent++
	}
	_, err := o.t.sendAll(ctx, commands)
	return err
}

// killed kills reddot, and starts it again.
func (o *outage) killed(ctx context.Context) (ready time.Time, err error) {
	o.t.Kill()
	_, o.t.server, err = o.b.restarted(ctx, o.t.server, o.args...)
	return time.Now(), err
}

// back has the webhooks taken again, and reddot know so at once.
func (o *outage) back(ctx context.Context) error {
	o.hooked.look(func() { o.hooked.back = true })
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+o.t.http+"/v1/webhooks/test", strings.NewReader(`{"name":"away"}`))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return fmt.Errorf("test the webhook: %w", err)
	}
	return resp.Body.Close()
}

// told waits until all users are told the newest state and nothing comes any more, and
// returns how many are not after a long time.
func (o *outage) told(ctx context.Context) (missing int, err error) {
	for began := time.Now(); ; {
		quiet := false
		missing = 0
		o.hooked.look(func() {
			for user, badge := range o.want {
				if o.hooked.badges[user] != badge {
					missing++
				}
			}
			quiet = time.Since(o.hooked.last) > hookQuiet
		})
		if missing == 0 && quiet || time.Since(began) > longWait {
			return missing, nil
		}
		if err := rest(ctx, hookQuiet/10); err != nil {
			return missing, err
		}
	}
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
