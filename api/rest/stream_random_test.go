package rest_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tmaxmax/go-sse"

	"reddot/api/identity"
	"reddot/events"
	"reddot/projector/testkit"
	"reddot/projector/testkit/natstest"
)

// restless is a client whose connections break at any byte, and which goes on with what it
// was told, or now and then with a cursor that is none.
type restless struct {
	tb     testing.TB
	rng    *rand.Rand
	at     func() *world // which reddot it asks
	user   string
	poll   bool
	book   *book
	old    []string // cursors that were told
	calm   *atomic.Bool
	expect map[string]int // resets that its cursors ask for
}

// cursor is what the next connection begins with, and the reset that it must bring.
func (c *restless) cursor() (cursor, reset string) {
	c.book.mu.Lock()
	own := c.book.cursor
	c.book.mu.Unlock()
	if own == "" {
		return "", "start"
	}
	epoch, _, _ := strings.Cut(own, ".")
	if c.calm.Load() {
		return own, ""
	}
	switch c.rng.IntN(20) {
	case 0:
		return "garbage", "unknown"
	case 1:
		return epoch + ".9000000000.0", "unknown"
	case 2:
		return "0123456789ab.3.3", "epoch"
	case 3, 4:
		return c.old[c.rng.IntN(len(c.old))], ""
	}
	return own, ""
}

// run opens connection after connection until ctx ends.
func (c *restless) run(ctx context.Context) {
	for ctx.Err() == nil {
		cursor, reset := c.cursor()
		if c.connect(ctx, cursor) == 0 {
			select { // it is away, or has ended
			case <-ctx.Done():
			case <-time.After(time.Duration(c.rng.IntN(20)) * time.Millisecond):
			}
			continue
		}
		if reset != "" {
			c.book.mu.Lock()
			c.expect[reset]++
			c.book.mu.Unlock()
		}
	}
}

// connect opens one connection, and returns how many events of the user's it heard.
func (c *restless) connect(ctx context.Context, cursor string) (n int) {
	w := c.at()
	ctx, cut := context.WithCancel(ctx)
	defer cut()
	path := "/v1/events"
	if c.poll {
		path = "/v1/changes"
	}
	query := url.Values{"user": {c.user}, "receipts": {"1"}, "cursor": {cursor}}
	if c.poll {
		query.Set("wait", "1")
	}
	req := testkit.Must(http.NewRequestWithContext(ctx, "GET", w.url+path+"?"+query.Encode(), nil))(c.tb)
	for _, h := range w.as(identity.Viewer) {
		name, value, _ := strings.Cut(h, ": ")
		req.Header.Set(name, value)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0
	}
	defer resp.Body.Close()
	if resp.StatusCode != 200 {
		if resp.StatusCode != 503 {
			c.tb.Errorf("%s: %d", req.URL, resp.StatusCode)
		}
		return 0
	}
	if c.poll {
		return c.enterPoll(resp.Body)
	}
	body := io.Reader(resp.Body)
	if !c.calm.Load() {
		body = io.LimitReader(body, int64(c.rng.IntN(6000)))
	}
	for e, err := range sse.Read(body, &sse.ReadConfig{MaxEventSize: 8 << 20}) {
		if err != nil {
			break
		}
		n += c.enter(heard{Event: e.Type, Data: json.RawMessage(e.Data)})
	}
	return n
}

func (c *restless) enterPoll(body io.Reader) (n int) {
	var reply struct {
		Events []heard
		Cursor string
	}
	if json.NewDecoder(body).Decode(&reply) != nil {
		return 0
	}
	for _, h := range reply.Events {
		n += c.enter(h)
	}
	c.book.mu.Lock()
	defer c.book.mu.Unlock()
	c.book.cursor, c.book.live = reply.Cursor, true
	return n
}

func (c *restless) enter(h heard) int {
	switch h.Event {
	case "hello", "ping", "bye":
		return 0
	}
	c.book.enter(c.tb, h)
	if at := c.book.cursor; at != "" && (len(c.old) == 0 || c.old[len(c.old)-1] != at) {
		c.old = append(c.old, at)
	}
	return 1
}

// randomCommands are what happens to some users and groups. Nobody below leaves takes
// anything away that users are told with lost.
func randomCommands(rng *rand.Rand, n, users int) (all []string) {
	user := func() string { return fmt.Sprintf("u%d", rng.IntN(users)) }
	chat := func(me string) string {
		if rng.IntN(2) == 0 {
			return fmt.Sprintf("group_g%d", rng.IntN(4))
		}
		return "c2c_" + user()
	}
	for i := range n {
		me := user()
		switch rng.IntN(14) {
		case 0, 1, 2:
			all = append(all, fmt.Sprintf(`{"type":"user.message","user":%q,"id":"m%d","from":%q}`, me, i, user()))
		case 3, 4, 5:
			thread := ""
			if rng.IntN(3) == 0 {
				thread = fmt.Sprintf(`,"thread":"t%d"`, rng.IntN(5))
			}
			all = append(all, fmt.Sprintf(`{"type":"group.message","group":"g%d","id":"m%d","from":%q,"mentions":[%q],"receipt":true%s}`, rng.IntN(4), i, user(), user(), thread))
		case 6, 7:
			all = append(all, fmt.Sprintf(`{"type":"user.read","user":%q,"conversation":%q}`, me, chat(me)))
		case 8:
			all = append(all, fmt.Sprintf(`{"type":"user.read-all","user":%q}`, me))
		case 9:
			all = append(all, fmt.Sprintf(`{"type":"user.delete","user":%q,"conversation":%q}`, me, chat(me)))
		case 10:
			all = append(all, fmt.Sprintf(`{"type":"user.level","user":%q,"conversation":%q,"level":%q}`, me, chat(me), []string{"all", "none", "mentions"}[rng.IntN(3)]))
		case 11:
			all = append(all, fmt.Sprintf(`{"type":"user.filter","user":%q,"name":"f%d","filter":{"kind":"c2c"}}`, me, rng.IntN(3)))
		case 12:
			all = append(all, fmt.Sprintf(`{"type":"user.follow","user":%q,"conversation":"group_g%d","thread":"t%d","following":%v}`, me, rng.IntN(4), rng.IntN(5), rng.IntN(2) == 0))
		case 13:
			all = append(all, fmt.Sprintf(`{"type":"user.unread","user":%q,"conversation":%q}`, me, chat(me)))
		}
	}
	return all
}

// TestStreamsRandom: whatever breaks, and whatever clients go on with, in the end each
// knows what the queries answer, no version went backward on the way, and none was told to
// forget what it knew but for what it said itself.
func TestStreamsRandom(t *testing.T) {
	rng := testkit.Rand(t)
	const users = 50
	ns := natstest.Start(t)
	first := newWorld(t, options{fold: true, ns: ns, auth: `"origins":[]`})
	second := newWorld(t, options{fold: true, ns: ns, auth: `"origins":[]`})
	var names []string
	for i := range users {
		names = append(names, fmt.Sprintf("%q", fmt.Sprintf("u%d", i)))
	}
	second.commands(`{"type":"policy","threads":"apart","group_receipts":"members"}`)
	for i := range 4 {
		second.commands(fmt.Sprintf(`{"type":"group.join","group":"g%d","users":[%s]}`, i, strings.Join(names, ",")))
	}
	var calm, over atomic.Bool
	ctx, stop := context.WithCancel(context.Background())
	var running sync.WaitGroup
	defer running.Wait()
	defer stop()
	var clients []*restless
	for i := range 20 {
		user := fmt.Sprintf("u%d", rng.IntN(users))
		c := &restless{tb: t, rng: rand.New(rand.NewPCG(rng.Uint64(), 1)), user: user, poll: i%4 == 0, book: newBook(user), calm: &calm, expect: map[string]int{}}
		c.at = func() *world {
			if !over.Load() && c.rng.IntN(2) == 0 {
				return first
			}
			return second
		}
		clients = append(clients, c)
		running.Go(func() { c.run(ctx) })
	}
	send := func(n int) {
		commands := randomCommands(rng, n, users)
		for len(commands) > 0 {
			k := min(1+rng.IntN(20), len(commands))
			body := `{"timeout_ms":30000,"commands":[` + strings.Join(commands[:k], ",") + `]}`
			testkit.Eventually(t, "commands are stored", func() bool {
				got := second.send("POST", "/v1/commands", body, append(second.as(identity.Backend), fmt.Sprintf("Idempotency-Key: k%d", rng.Uint64()))...)
				if got.code != 200 && got.code != 503 {
					t.Fatalf("%d %s", got.code, got.body)
				}
				return got.code == 200
			})
			commands = commands[k:]
		}
	}
	n := testkit.Effort(150)
	send(n)
	ns.Restart()
	send(n)
	testkit.Must(second.p.Rebuild())(t)
	send(n)
	over.Store(true)
	first.stop() // the other one emits from here on
	send(n)
	ns.Restart()
	send(n)
	calm.Store(true)
	second.quiet()
	for _, c := range clients {
		testkit.Eventually(t, c.user+" knows what there is: "+c.book.differs(second), func() bool { return c.book.differs(second) == "" })
	}
	stop()
	running.Wait()
	for _, c := range clients {
		for reason, n := range c.book.resets {
			if want := c.expect[reason]; n > want && reason != "behind" {
				t.Errorf("%s was told %d times to forget all (%s), and asked for it %d times", c.user, n, reason, want)
			}
		}
	}
}

// quiet waits until the events of all commands are stored.
func (w *world) quiet() {
	w.Helper()
	testkit.Eventually(w, "all is emitted", func() bool {
		got := w.get("/v1/status", w.as(identity.Viewer)...)
		var s events.Status
		return got.code == 200 && json.Unmarshal([]byte(got.body), &s) == nil && s.Emitted == s.Last && s.Applied == s.Last
	})
}
