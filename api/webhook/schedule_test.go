package webhook

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"reddot/events"
	"reddot/projector/testkit"
)

func TestMain(m *testing.M) { testkit.Main(m) }

// exact is a jitter that is none.
func exact(d time.Duration) time.Duration { return d }

var noon = time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)

// settled counts what origins are settled with. It implements source.
type settled struct{ n int }

func (s *settled) Settle()   { s.n++ }
func (s *settled) Touch()    {}
func (s *settled) GiveBack() {}

// badgeItem is an item of a user's badge.
func badgeItem(user string, place, unread uint64) *item {
	c := &events.Change{User: user, Version: events.Seq(place), Totals: events.Totals{Unread: unread}}
	r := received{user: user, change: c}
	it := r.items(&Endpoint{Types: []Type{BadgeChanged}})[0]
	it.pieces[0].place = place
	return it
}

func ok() result             { return result{kind: delivered, status: 204} }
func bad() result            { return result{kind: failed, status: 500, reason: "answered 500"} }
func places(it *item) uint64 { return it.newest().place }

// TestOutage: while the endpoint is away for an hour, 100,000 changes of 1,000 users leave
// one request for each, with the newest state; all others are settled meanwhile.
func TestOutage(t *testing.T) {
	s := newSchedule(0, exact)
	r := testkit.Rand(t)
	newest := map[string]uint64{}
	now, attempts, done := noon, 0, 0
	for n := range uint64(100_000) {
		now = now.Add(36 * time.Millisecond)
		user := fmt.Sprint("user", r.IntN(1000))
		newest[user] = n + 1
		done += len(s.offer(now, badgeItem(user, n+1, n+1), news))
		for it, _ := s.take(now); it != nil; it, _ = s.take(now) {
			attempts++
			got, dead := s.finish(now, it, bad())
			if dead {
				t.Fatal("an item is given up within an hour")
			}
			done += len(got)
		}
	}
	if s.waiting != len(newest) || done != 100_000-len(newest) {
		t.Fatalf("%d wait of %d users, %d are settled", s.waiting, len(newest), done)
	}
	if attempts > 30 {
		t.Errorf("%d requests in an hour in which the endpoint is away", attempts)
	}
	back := now
	deliveries := 0
	for s.waiting > 0 {
		it, wake := s.take(now)
		if it == nil {
			now = wake
			continue
		}
		deliveries++
		if places(it) != newest[it.user] {
			t.Fatalf("%s is told of event %d, the newest is %d", it.user, places(it), newest[it.user])
		}
		s.finish(now, it, ok())
	}
	if deliveries != len(newest) {
		t.Errorf("%d deliveries for %d users", deliveries, len(newest))
	}
	if took := now.Sub(back); took > 2*time.Hour {
		t.Errorf("the first one that it takes comes %v after it is back", took)
	}
}

// TestSteps: an item is tried eleven times, at the steps; then it is a dead letter.
func TestSteps(t *testing.T) {
	s := newSchedule(0, exact)
	s.offer(noon, badgeItem("alice", 1, 1), news)
	now, after := noon, []time.Duration{}
	for {
		it, wake := s.take(now)
		if it == nil {
			after, now = append(after, wake.Sub(now)), wake
			continue
		}
		s.failures = 0 // others are delivered in between
		if _, dead := s.finish(now, it, bad()); dead {
			if it.attempts != 11 {
				t.Errorf("given up after %d attempts", it.attempts)
			}
			break
		}
	}
	if got, want := fmt.Sprint(after), fmt.Sprint(steps[1:]); got != want { // the first retry is at once
		t.Errorf("waits are %v, want %v", got, want)
	}
	if len(s.lanes) != 0 || s.waiting != 0 || s.flying != 0 {
		t.Errorf("left behind: %d lanes, %d waiting, %d in flight", len(s.lanes), s.waiting, s.flying)
	}
}

// TestJitter: waits differ by 20 % at most.
func TestJitter(t *testing.T) {
	for range 1000 {
		if d := jitter(10 * time.Second); d < 8*time.Second || d > 12*time.Second {
			t.Fatalf("10s became %v", d)
		}
	}
}

// TestProbing: after ten failures in a row one request at a time is tried, at the steps,
// of another item each; when one is taken, all others are due.
func TestProbing(t *testing.T) {
	s := newSchedule(0, exact)
	for n := range uint64(20) {
		s.offer(noon, badgeItem(fmt.Sprint("user", n), n+1, 1), news)
	}
	var flying []*item
	for it, _ := s.take(noon); it != nil; it, _ = s.take(noon) {
		flying = append(flying, it)
	}
	if len(flying) != maxInFlight {
		t.Fatalf("%d in flight", len(flying))
	}
	for _, it := range flying {
		s.finish(noon, it, bad())
	}
	now, probed := noon, map[string]bool{}
	for _, step := range steps[1:5] {
		it, wake := s.take(now)
		if it != nil || wake.Sub(now) != step {
			t.Fatalf("the next probe is %v later, want %v", wake.Sub(now), step)
		}
		now = wake
		if it, _ = s.take(now); it == nil {
			t.Fatal("nothing is tried when it is time")
		}
		if other, _ := s.take(now); other != nil {
			t.Fatal("two are tried at a time")
		}
		if probed[it.user] {
			t.Error("the same item is tried twice, and others never")
		}
		probed[it.user] = true
		s.finish(now, it, bad())
	}
	_, now = s.take(now)
	it, _ := s.take(now)
	s.finish(now, it, ok())
	left := 0
	for it, _ := s.take(now); it != nil; it, _ = s.take(now) {
		left++
		s.finish(now, it, ok())
	}
	if left != 19 {
		t.Errorf("%d are told once it is back, want the other 19 at once", left)
	}
}

// TestGivenUp: what has waited for as long as all the steps together, because the endpoint
// is away, is a dead letter.
func TestGivenUp(t *testing.T) {
	s := newSchedule(0, exact)
	s.failures = failsProbed
	s.offer(noon, badgeItem("alice", 1, 1), news)
	if dead := s.expire(noon.Add(givesUp)); len(dead) != 0 {
		t.Errorf("%d are given up too early", len(dead))
	}
	if dead := s.expire(noon.Add(givesUp + time.Second)); len(dead) != 1 || s.waiting != 0 {
		t.Errorf("%d are given up, %d wait", len(dead), s.waiting)
	}
}

// TestAnswers: 410 pauses, and a success of a test resumes; Retry-After holds for all of
// the endpoint, and is no failure.
func TestAnswers(t *testing.T) {
	s := newSchedule(0, exact)
	s.offer(noon, badgeItem("alice", 1, 1), news)
	s.offer(noon, badgeItem("bob", 2, 1), news)
	it, _ := s.take(noon)
	s.finish(noon, it, result{kind: throttled, wait: time.Minute})
	if it, wake := s.take(noon); it != nil || wake.Sub(noon) != time.Minute {
		t.Fatalf("the next is tried %v later", wake.Sub(noon))
	}
	now := noon.Add(time.Minute)
	it, _ = s.take(now)
	if it == nil || s.failures != 0 || it.attempts != 0 {
		t.Fatal("a wait that was asked for counts as a failure")
	}
	s.finish(now, it, result{kind: gone})
	if it, wake := s.take(now.Add(time.Hour)); it != nil || !wake.IsZero() {
		t.Fatal("an endpoint that is gone is told something")
	}
	s.resume(now)
	for n := range 2 {
		if it, _ = s.take(now); it == nil {
			t.Fatalf("%d are told when it is back, want both", n)
		}
	}
}

// TestLane: of one user one request is in flight at a time; a newer event replaces what
// waits, and what failed meanwhile.
func TestLane(t *testing.T) {
	s := newSchedule(0, exact)
	s.offer(noon, badgeItem("alice", 1, 1), news)
	first, _ := s.take(noon)
	for n := uint64(2); n <= 5; n++ {
		s.offer(noon, badgeItem("alice", n, n), news)
	}
	if it, _ := s.take(noon); it != nil {
		t.Fatal("two requests of a user at a time")
	}
	got, _ := s.finish(noon, first, bad())
	if len(got) != 1 || got[0].place != 1 {
		t.Errorf("what failed is not superseded: %v", got)
	}
	it, _ := s.take(noon)
	if it == nil || places(it) != 5 || it.attempts != 0 {
		t.Fatalf("the newest is not what is told: %+v", it)
	}
	s.finish(noon, it, ok())
	if len(s.lanes) != 0 {
		t.Error("a lane is left behind")
	}
}

// TestDelay: a rising badge waits, from the first rise on; one that is as it was told is
// not told; one that falls is told at once.
func TestDelay(t *testing.T) {
	s := newSchedule(10*time.Second, exact)
	s.offer(noon, badgeItem("alice", 1, 1), rise)
	if _, wake := s.take(noon); wake.Sub(noon) != 10*time.Second {
		t.Fatalf("held back for %v", wake.Sub(noon))
	}
	s.offer(noon.Add(5*time.Second), badgeItem("alice", 2, 2), rise)
	if _, wake := s.take(noon.Add(5 * time.Second)); wake.Sub(noon) != 10*time.Second {
		t.Fatalf("a second rise holds back until %v", wake.Sub(noon))
	}
	if got := s.offer(noon.Add(6*time.Second), badgeItem("alice", 3, 0), equal); len(got) != 2 || s.waiting != 0 {
		t.Errorf("%d pieces are settled by a read, %d wait", len(got), s.waiting)
	}
	s.offer(noon, badgeItem("bob", 4, 1), rise)
	s.offer(noon, badgeItem("bob", 5, 0), news)
	if it, _ := s.take(noon); it == nil || places(it) != 5 {
		t.Error("a badge that falls is held back")
	}
}

// TestCovers: a conversation event is superseded by one that shows all that it did; else
// what it alone shows is kept, and told with the newest totals.
func TestCovers(t *testing.T) {
	e := &Endpoint{Types: []Type{ConversationChanged}}
	change := func(place uint64, removed []string, names ...string) *item {
		c := &events.Change{User: "alice", Version: events.Seq(place), Totals: events.Totals{Unread: place}, Removed: removed}
		for _, name := range names {
			c.Conversations = append(c.Conversations, events.Conversation{Conversation: name, Version: events.Seq(place)})
		}
		r := received{user: "alice", change: c}
		it := r.items(e)[0]
		it.pieces[0].place = place
		return it
	}
	s := newSchedule(0, exact)
	if got := s.offer(noon, change(1, nil, "c2c_a", "c2c_b"), news); len(got) != 0 {
		t.Errorf("settled: %v", got)
	}
	if got := s.offer(noon, change(2, nil, "c2c_a"), news); len(got) != 0 {
		t.Errorf("what alone shows c2c_b is settled: %v", got)
	}
	if got := s.offer(noon, change(3, []string{"c2c_b"}), news); len(got) != 1 || got[0].place != 1 {
		t.Errorf("what shows nothing any more is not settled: %v", got)
	}
	it, _ := s.take(noon)
	c := it.change()
	if c.Totals.Unread != 3 || c.Version != 3 || len(c.Conversations) != 1 || c.Conversations[0].Version != 2 || len(c.Removed) != 1 {
		t.Errorf("told: %+v", c)
	}
}

// TestRandomSchedule: whatever happens, an event is settled once or given up, of each user
// the newest is told last, one at a time, and no more than 16 in all.
func TestRandomSchedule(t *testing.T) {
	r := testkit.Rand(t)
	for range 20 {
		runRandom(t, rand.New(rand.NewPCG(r.Uint64(), r.Uint64())))
	}
}

func runRandom(t *testing.T, r *rand.Rand) {
	t.Helper()
	s := newSchedule(time.Duration(r.IntN(20))*time.Second, jitter)
	origins := map[uint64]*settled{}
	settle := func(pieces []*piece) {
		for _, p := range pieces {
			if origins[p.place].n++; origins[p.place].n > 1 {
				t.Fatalf("event %d is settled twice", p.place)
			}
		}
	}
	last, newest := map[string]uint64{}, map[string]uint64{}
	var flying []*item
	now := noon
	finish := func(res result) {
		i := r.IntN(len(flying))
		it := flying[i]
		flying = append(flying[:i], flying[i+1:]...)
		got, dead := s.finish(now, it, res)
		if dead {
			got = it.pieces
		}
		settle(got)
		if res.kind == delivered {
			if places(it) <= last[it.user] {
				t.Fatalf("%s is told of %d after %d", it.user, places(it), last[it.user])
			}
			last[it.user] = places(it)
		}
	}
	results := []result{ok(), ok(), bad(), bad(), bad(), {kind: throttled, wait: 3 * time.Second}, {kind: gone}, {kind: notReady}}
	place := uint64(0)
	for range 5_000 {
		switch n := r.IntN(10); {
		case n < 4:
			place++
			user := fmt.Sprint("u", r.IntN(40))
			newest[user] = place
			origins[place] = &settled{}
			settle(s.offer(now, badgeItem(user, place, place), level(r.IntN(2))))
		case n < 6 && len(flying) > 0:
			finish(results[r.IntN(len(results))])
		case n == 6:
			now = now.Add(time.Duration(r.Int64N(int64(5 * time.Minute))))
		case n == 7 && s.paused:
			s.resume(now)
		default:
			if it, _ := s.take(now); it != nil {
				for _, o := range flying {
					if o.lane == it.lane {
						t.Fatal("two of a lane are in flight")
					}
				}
				if flying = append(flying, it); len(flying) > maxInFlight {
					t.Fatal("too many in flight")
				}
			}
		}
	}
	for s.resume(now); s.waiting+len(flying) > 0; now = now.Add(time.Hour) {
		for it, _ := s.take(now); it != nil; it, _ = s.take(now) {
			flying = append(flying, it)
		}
		for len(flying) > 0 {
			finish(ok())
		}
	}
	for place, o := range origins {
		if o.n != 1 {
			t.Fatalf("event %d is settled %d times", place, o.n)
		}
	}
	for user, place := range newest {
		if last[user] > place {
			t.Fatalf("%s: told of %d, the newest is %d", user, last[user], place)
		}
	}
	if len(s.lanes) > 0 || len(s.queue) > 0 || s.flying > 0 {
		t.Fatalf("left behind: %d lanes, %d in the queue, %d in flight", len(s.lanes), len(s.queue), s.flying)
	}
}
