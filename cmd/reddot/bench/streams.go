package bench

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"reddot/events"
)

const (
	// streamsMost is how many streams there are at most, and perStream how many commands
	// of the workload there are for one.
	streamsMost, perStream = 5_000, 200
	// streamsRate is how many commands a second are published while streams are open.
	streamsRate = 200
	// totalsEvery is how often totals are asked for while streams are opened.
	totalsEvery = 20 * time.Millisecond
	// mostAskers are so many that none is waited for unless answers take seconds.
	mostAskers = 256
)

// The figures of streams. Bars of times are for as many as streamsMost.
const (
	streamsTotals = "GET /v1/totals meanwhile, p99"
	streamsMemory = "memory resident for each idle stream"
	streamsLeft   = "memory resident after all have left"
	streamsHeard  = "publish to event at 200/s, p99 in a client of a stream"
)

func streamsOpened(n int) string {
	return fmt.Sprintf("%d streams opened at once, until all are live", n)
}

func streamsReopened(n int) string {
	return fmt.Sprintf("%d streams cut at once, until all are live again", n)
}

func streamsAims() map[key]Aim {
	return map[key]Aim{
		{"streams", streamsOpened(streamsMost)}:        atMost(10, 5),
		{"streams", streamsReopened(streamsMost)}:      atMost(6, 3),
		{"streams", streamsTotals}:                     atMost(0.250, 0.050),
		{"streams", streamsTotals + ", cut and again"}: atMost(0.250, 0.050),
		{"streams", streamsMemory}:                     atMost(40<<10, 29<<10),
		{"streams", streamsLeft}:                       atMost(1.2, 1.05),
		{"streams", streamsHeard}:                      atMost(2, 1.5),
	}
}

// streamed is the stage "streams" at work.
type streamed struct {
	*traffic
	b       *bench
	key     string
	control string // HOST:PORT of the clients
	n       int

	published []publishedAt // since the last round
	ids       int
}

// publishedAt is a command for a user who has a stream.
type publishedAt struct {
	user    int
	version uint64
	due     time.Time
}

// streams is the stage of that name.
func (b *bench) streams(ctx context.Context) error {
	if err := b.endLog(); err != nil {
		return err
	}
	t, key, err := b.startWeb(ctx, "streams", "--profiles")
	if err != nil {
		return err
	}
	s := &streamed{b: b, traffic: t, key: key, n: min(max(b.cfg.Workload.Commands/perStream, 2), streamsMost)}
	if err := s.fill(ctx); err != nil {
		return err
	}
	child, err := b.start(ChildCommand, "streams", "--host", t.http, "--streams", strconv.Itoa(s.n))
	if err != nil {
		return err
	}
	line, err := child.Line(ctx)
	if err != nil {
		return err
	}
	s.control = strings.TrimPrefix(line, "ready http=")
	if err := s.measure(ctx); err != nil {
		return err
	}
	if err := child.Stop(); err != nil {
		return err
	}
	return t.end()
}

// fill gives everybody a list.
func (s *streamed) fill(ctx context.Context) error {
	total, i := s.n*streamList, 0
	next := func() (string, []byte, error) {
		subject, payload, err := s.message(i/streamList, i%streamList)
		i++
		return subject, payload, err
	}
	return s.b.step("streams: commands before", total, func(step *Step) error {
		_, _, err := s.follow(ctx, next, total, step)
		return err
	})
}

// message is the next message from a peer to a user.
func (s *streamed) message(user, peer int) (subject string, payload []byte, err error) {
	s.ids++
	c := events.Command{Verb: events.UserMessage, Inbox: streamUser(user), ID: strconv.Itoa(firstID + s.ids), From: streamPeer(peer)}
	payload, err = events.Encode(&c)
	return s.subjects.Command(events.Target{Verb: c.Verb, Inbox: c.Inbox}), payload, err
}

// measure does all that is measured.
func (s *streamed) measure(ctx context.Context) error {
	return s.b.turns("streams", 6, func(step *Step) error {
		before, err := s.resident()
		if err != nil {
			return err
		}
		step.done.Add(1)
		for _, way := range []struct{ path, name, totals string }{
			{"/open", streamsOpened(s.n), streamsTotals}, {"/reopen", streamsReopened(s.n), streamsTotals + ", cut and again"},
		} {
			if err := s.opens(ctx, way.path, way.name, way.totals); err != nil {
				return err
			}
			step.done.Add(1)
		}
		idle, err := s.resident()
		if err != nil {
			return err
		}
		step.done.Add(1)
		s.b.note(figure("streams", streamsMemory, Bytes, float64(max(idle-before, 1))/float64(s.n)))
		if err := s.hears(ctx); err != nil {
			return err
		}
		step.done.Add(1)
		if err := s.clients("/leave", nil, nil); err != nil {
			return err
		}
		after, err := s.resident()
		if err != nil {
			return err
		}
		step.done.Add(1)
		s.b.note(figure("streams", streamsLeft, Bytes, float64(after)).compare("before they came", float64(before)))
		return nil
	})
}

// opens has the clients open their streams while commands are published and totals are
// asked for, and checks that they show what the queries answer in the end.
func (s *streamed) opens(ctx context.Context, path, name, totals string) error {
	var took opened
	var times sample
	during, done := context.WithCancel(ctx)
	defer done()
	g := new(errgroup.Group)
	g.Go(func() error { return s.publishFor(during, 0) })
	g.Go(func() (err error) { times, err = s.askFor(during); return err })
	g.Go(func() error {
		defer done()
		return s.clients(path, []byte(s.key), &took)
	})
	if err := g.Wait(); err != nil {
		return err
	}
	s.b.note(figure("streams", name, Seconds, took.Took.Seconds()))
	s.b.note(figure("streams", totals, Seconds, times.at(0.99).Seconds()))
	return s.check(ctx)
}

// publishFor publishes at streamsRate: n commands, or until ctx ends, if n is 0.
func (s *streamed) publishFor(ctx context.Context, n int) error {
	const gap = time.Second / streamsRate
	clock := newPacer(gap)
	defer clock.close()
	s.published = nil
	due := time.Now()
	for i := 0; (n == 0 || i < n) && ctx.Err() == nil; i++ {
		due = due.Add(gap)
		user := s.ids * 7919 % s.n
		subject, payload, err := s.message(user, s.ids%streamList)
		if err != nil {
			return err
		}
		clock.wait(due)
		if err := s.conn.Publish(subject, payload); err != nil {
			return fmt.Errorf("publish: %w", err)
		}
		s.last++ // nobody else publishes
		s.published = append(s.published, publishedAt{user, uint64(s.last), due})
	}
	return nil
}

// askFor asks for totals every so often, until ctx ends, on as many connections as there are
// askers who wait: who is late makes nobody else late. A time is from when it was to be
// asked on; an answer that nobody can give yet is asked for again.
func (s *streamed) askFor(ctx context.Context) (times sample, err error) {
	var mu sync.Mutex
	var idle []*webConn
	g := new(errgroup.Group)
	g.SetLimit(mostAskers)
	ask := func(i int, due time.Time) error {
		mu.Lock()
		var c *webConn
		if n := len(idle); n > 0 {
			c, idle = idle[n-1], idle[:n-1]
		}
		mu.Unlock()
		if c == nil {
			var err error
			if c, err = dialWeb(s.http); err != nil {
				return err
			}
		}
		ask := request("GET", s.http, "/v1/totals?user="+streamUser(i*31%s.n), s.key, nil)
		_, err := c.do(ask, http.StatusOK)
		for end := due.Add(answerWait); err != nil; _, err = c.do(ask, http.StatusOK) {
			if other, ok := errors.AsType[*answeredWith](err); !ok || other.status != http.StatusServiceUnavailable || time.Now().After(end) {
				c.close()
				return err
			}
		}
		took := time.Since(due)
		mu.Lock()
		defer mu.Unlock()
		times, idle = append(times, took), append(idle, c)
		return nil
	}
	due := time.Now()
	for i := 0; i == 0 || ctx.Err() == nil; i++ {
		due = due.Add(totalsEvery)
		time.Sleep(time.Until(due))
		g.Go(func() error { return ask(i, due) })
	}
	err = g.Wait()
	for _, c := range idle {
		c.close()
	}
	return times, err
}

// check waits until all clients show what the queries answer. What a stream has lost shows
// as one that never does.
func (s *streamed) check(ctx context.Context) error {
	if err := s.emitted(ctx, events.Seq(s.last)); err != nil {
		return err
	}
	want, err := s.answers()
	if err != nil {
		return err
	}
	for end := time.Now().Add(heardWait); ; {
		var books []book
		if err := s.clients("/books", nil, &books); err != nil {
			return err
		}
		wrong := -1
		for i := range want {
			if books[i] != want[i] {
				wrong = i
			}
		}
		if wrong < 0 {
			return nil
		}
		if time.Now().After(end) {
			return fmt.Errorf("a stream lost changes: %s shows %+v, and the queries answer %+v", streamUser(wrong), books[wrong], want[wrong])
		}
		if err := rest(ctx, behindWait); err != nil {
			return err
		}
	}
}

// answers are the books as the queries answer.
func (s *streamed) answers() (all []book, err error) {
	for from := 0; from < s.n; from += events.MaxTotalsUsers {
		var ask events.TotalsBatchRequest
		for i := from; i < min(from+events.MaxTotalsUsers, s.n); i++ {
			ask.Users = append(ask.Users, streamUser(i))
		}
		body, err := json.Marshal(ask)
		if err != nil {
			return nil, err
		}
		var reply events.TotalsBatchReply
		if err := s.post("http://"+s.http+"/v1/totals/batch", s.key, body, &reply); err != nil {
			return nil, err
		}
		for _, u := range reply.Totals {
			all = append(all, book{uint64(u.Version), u.Totals.Unread, u.Totals.Unread})
		}
	}
	return all, nil
}

// clients has the clients do something.
func (s *streamed) clients(path string, body []byte, into any) error {
	return s.post("http://"+s.control+path, "", body, into)
}

// post asks with a body, and reads the answer's.
func (s *streamed) post(url, key string, body []byte, into any) error {
	req, err := http.NewRequest(http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return err
	}
	if req.Header.Set("Content-Type", "application/json"); key != "" {
		req.Header.Set("Authorization", "Bearer "+key)
	}
	resp, err := (&http.Client{Timeout: longWait}).Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode/100 != 2 {
		err = errors.New(strings.TrimSpace(string(answer)))
	}
	if err != nil || into == nil {
		return err
	}
	return json.Unmarshal(answer, into)
}

// resident is the memory that reddot has resident once it has collected its garbage twice,
// as what is pooled lives for one collection more, but for what the runtime is about to give
// back: that takes it a while.
func (s *streamed) resident() (bytes int64, err error) {
	for range 2 {
		if _, err := askOnce(s.http, request("GET", s.http, "/debug/pprof/heap?gc=1", operatorKey(s.key), nil), http.StatusOK); err != nil {
			return 0, err
		}
	}
	var idle, released int64
	figures, err := s.get("http://" + s.http + "/metrics")
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(figures)) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), " ")
		n, _ := strconv.ParseFloat(value, 64) // of lines that are no figure: not looked at
		switch name {
		case "go_memstats_heap_idle_bytes":
			idle = int64(n)
		case "go_memstats_heap_released_bytes":
			released = int64(n)
		}
	}
	bytes, err = s.Resident()
	return bytes - (idle - released), err
}

// get asks as an operator.
func (s *streamed) get(url string) ([]byte, error) {
	req, err := http.NewRequest(http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Authorization", "Bearer "+operatorKey(s.key))
	resp, err := (&http.Client{Timeout: ackWait}).Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	return io.ReadAll(resp.Body)
}

// hears compares when clients of streams hear of commands with when a subscriber on NATS
// does.
func (s *streamed) hears(ctx context.Context) error {
	near, err := s.subscribe()
	if err != nil {
		return err
	}
	if err := s.clients("/heard", nil, nil); err != nil { // those of before
		return err
	}
	if err := s.publishFor(ctx, max(1, int(s.b.cfg.For.Seconds()*streamsRate))); err != nil {
		return err
	}
	if err := s.check(ctx); err != nil {
		return err
	}
	var far []heardChange
	if err := s.clients("/heard", nil, &far); err != nil {
		return err
	}
	told, err := s.latencies(far)
	if err != nil {
		return fmt.Errorf("streams: %w", err)
	}
	bare, err := s.latencies(near())
	if err != nil {
		return fmt.Errorf("NATS: %w", err)
	}
	s.b.note(figure("streams", streamsHeard, Seconds, told.at(0.99).Seconds()).compare("a subscriber on NATS", bare.at(0.99).Seconds()).with(told))
	return nil
}

// latencies are how long after each command was to be published its user was told of it.
func (s *streamed) latencies(heard []heardChange) (times sample, err error) {
	of := make([][]heardChange, s.n)
	for _, h := range heard {
		of[h.User] = append(of[h.User], h)
	}
	for _, p := range s.published {
		list := of[p.user]
		for len(list) > 0 && list[0].Version < p.version {
			list = list[1:]
		}
		if of[p.user] = list; len(list) == 0 {
			return nil, fmt.Errorf("nobody told %s of command %d", streamUser(p.user), p.version)
		}
		times = append(times, time.Unix(0, list[0].At).Sub(p.due))
	}
	return times, nil
}
