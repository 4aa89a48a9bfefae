package bench

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"golang.org/x/sync/errgroup"

	"reddot/events"
)

const (
	// askers is how many requests are in flight.
	askers = 64
	// askTurns is how often the questions take turns, so that what else
	// happens on the machine meets them all.
	askTurns = 4
	// liveTurn is how long one question is asked before the next has its turn
	// while commands come.
	liveTurn = 100 * time.Millisecond
	// answerWait bounds the wait for an answer.
	answerWait = 10 * time.Second
)

const (
	duringLive = "during live"
	idle       = "idle"
	besideEcho = ", p99 during live, beside the echo's during the same"
)

// listSizes are the conversations that those have who are asked about.
func listSizes() []int { return []int{10, 100, 1_000} }

// Of a list, every groupEvery-th conversation is a group; each has some unread
// messages, the first one more.
const (
	groupEvery  = 5
	unreadEach  = 3
	unreadFirst = 60
)

// lister is a user with a list of some conversations.
func lister(conversations int) string { return fmt.Sprintf("lister%05d", conversations) }

// listed are the commands that make a lister's list.
func listed(conversations int) (all []events.Command) {
	me := lister(conversations)
	for i := range conversations {
		peer := fmt.Sprintf("%s-%04d", me, i)
		m := events.Command{Verb: events.UserMessage, Inbox: me, From: peer}
		if i%groupEvery == groupEvery-1 {
			m = events.Command{Verb: events.GroupMessage, Inbox: peer, From: user(1)}
			all = append(all, events.Command{Verb: events.GroupJoin, Inbox: peer, Users: []string{me, user(1), user(2)}})
		}
		unread := unreadEach
		if i == 0 {
			unread = unreadFirst
		}
		for n := range unread {
			m.ID = fmt.Sprint(firstID + i*unreadFirst + n)
			all = append(all, m)
		}
	}
	return all
}

// send has reddot apply some commands and store their events.
func (t *traffic) send(ctx context.Context, commands []events.Command) (took time.Duration, err error) {
	next := func() (string, []byte, error) {
		c := &commands[0]
		commands = commands[1:]
		payload, err := events.Encode(c)
		return t.subjects.Command(events.Target{Verb: c.Verb, Inbox: c.Inbox}), payload, err
	}
	_, took, err = t.follow(ctx, next, len(commands), new(Step))
	return took, err
}

// question is a request that is sent over and over.
type question struct {
	name    string
	subject string
	body    []byte

	idle, live answers
}

// answers are those to one question.
type answers struct {
	times sample
	took  time.Duration // of asking
}

func (a *answers) add(other answers) {
	a.times = append(a.times, other.times...)
	a.took += other.took
}

func (a *answers) perSecond() float64 { return perSecond(len(a.times), a.took) }

// questions are all: the first one to the echo service.
func questions(s events.Subjects) ([]*question, error) {
	all := []*question{{name: "echo", subject: echoSubject}}
	for _, query := range []string{events.QueryTotals, events.QueryConversations, events.QueryExplain} {
		for _, n := range listSizes() {
			var ask struct {
				Conversation string `json:"conversation,omitempty"`
			}
			if query == events.QueryExplain {
				ask.Conversation = events.ConversationID{Kind: events.C2C, ID: lister(n) + "-0000"}.String()
			}
			body, err := json.Marshal(ask)
			if err != nil {
				return nil, err
			}
			all = append(all, &question{name: queryName(query, n), subject: s.Query(lister(n), query), body: body})
		}
	}
	return all, nil
}

// ask asks for some time, with some requests in flight on one connection. The
// requests are bare: what is measured is the server, beside an echo that nobody
// decodes.
func (q *question) ask(ctx context.Context, conn *nats.Conn, inFlight int, lasts time.Duration) (answers, error) {
	var mu sync.Mutex
	var all answers
	start := time.Now()
	end := start.Add(lasts)
	g, ctx := errgroup.WithContext(ctx)
	for range inFlight {
		g.Go(func() error {
			var times sample
			for now := time.Now(); now.Before(end); {
				m, err := conn.Request(q.subject, q.body, answerWait)
				if err == nil {
					err = answerError(m)
				}
				if err = errors.Join(err, ctx.Err()); err != nil {
					return fmt.Errorf("ask for %s: %w", q.name, err)
				}
				asked := now
				now = time.Now()
				times = append(times, now.Sub(asked))
			}
			mu.Lock()
			defer mu.Unlock()
			all.times = append(all.times, times...)
			return nil
		})
	}
	err := g.Wait()
	all.took = time.Since(start)
	return all, err
}

// answerError reads the error that a micro service puts into headers.
func answerError(m *nats.Msg) error {
	code := m.Header.Get(events.HeaderErrorCode)
	if code == "" {
		return nil
	}
	return fmt.Errorf("asked on %s, reddot answers %s (%s)", m.Subject, m.Header.Get(events.HeaderError), code)
}

// query is the stage of that name.
func (b *bench) query(ctx context.Context) error {
	if err := b.endLog(); err != nil {
		return err
	}
	t, err := b.startTraffic(ctx, "query")
	if err != nil {
		return err
	}
	err = b.step("query: commands before", b.sizes.once, func(step *Step) error {
		_, _, err := t.follow(ctx, t.script.next, b.sizes.once, step)
		return err
	})
	if err != nil {
		return err
	}
	for _, n := range listSizes() {
		if _, err := t.send(ctx, listed(n)); err != nil {
			return err
		}
	}
	echo, err := b.startEcho(ctx, t.server)
	if err != nil {
		return err
	}
	all, err := questions(b.subjects)
	if err != nil {
		return err
	}
	asker, err := t.connect()
	if err != nil {
		return err
	}
	defer asker.Close()
	if err := b.askIdle(ctx, asker, all); err != nil {
		return err
	}
	x := &indexed{question: question{name: all[1].name, subject: all[1].subject, body: all[1].body}}
	if err := x.askAlone(ctx, asker, b.cfg.For/4); err != nil {
		return err
	}
	if err := b.askLive(ctx, t, asker, all); err != nil {
		return err
	}
	if err := b.askTwo(ctx, t, asker, x); err != nil {
		return err
	}
	b.noteQueries(all)
	x.note(b)
	return errors.Join(echo.Stop(), t.end())
}

// askIdle asks while nothing else happens.
func (b *bench) askIdle(ctx context.Context, conn *nats.Conn, all []*question) error {
	return b.turns("query: idle", askTurns*len(all), func(step *Step) error {
		for range askTurns {
			for _, q := range all {
				a, err := q.ask(ctx, conn, askers, b.cfg.For/4/askTurns)
				if err != nil {
					return err
				}
				q.idle.add(a)
				step.done.Add(1)
			}
		}
		return nil
	})
}

// livePiece bounds how far the commands are ahead of what is applied, twice as
// many: a reddot that is ten seconds behind answers no more.
const livePiece = 10_000

// hurry publishes n commands as fast as they are applied, and returns once all
// their events are stored.
func (t *traffic) hurry(ctx context.Context, n int, step *Step) error {
	for n > 0 {
		before, piece := t.last, min(n, livePiece)
		t.last, n = t.last+piece, n-piece
		if err := t.publish(ctx, t.script.next, piece, step); err != nil {
			return err
		}
		if err := t.applied(ctx, events.Seq(before)); err != nil {
			return err
		}
	}
	return t.emitted(ctx, events.Seq(t.last))
}

// askLive asks while commands come as fast as they can be applied: each question
// once at least.
func (b *bench) askLive(ctx context.Context, t *traffic, conn *nats.Conn, all []*question) error {
	n := b.sizes.twice - b.sizes.once
	return b.step("query: live", n, func(step *Step) error {
		g, ctx := errgroup.WithContext(ctx)
		over := make(chan struct{})
		g.Go(func() error {
			defer close(over)
			return t.hurry(ctx, n, step)
		})
		g.Go(func() error {
			for i := 0; ; i++ {
				select {
				case <-over:
					if i >= len(all) {
						return nil
					}
				default:
				}
				q := all[i%len(all)]
				a, err := q.ask(ctx, conn, askers, liveTurn)
				if err != nil {
					return err
				}
				q.live.add(a)
			}
		})
		return g.Wait()
	})
}

// noteQueries notes what was found; the first question is the echo.
func (b *bench) noteQueries(all []*question) {
	echo := all[0].idle
	b.note(figure("query", "echo, "+idle, PerSecond, echo.perSecond()).with(echo.times))
	for i, q := range all {
		if i > 0 {
			b.note(figure("query", q.name+", "+idle, PerSecond, q.idle.perSecond()).compare("echo", echo.perSecond()).with(q.idle.times))
		}
		b.note(figure("query", q.name+", "+duringLive, PerSecond, q.live.perSecond()).compare(idle, q.idle.perSecond()).with(q.live.times))
		b.note(figure("query", q.name+", p99 "+duringLive, Seconds, q.live.times.at(0.99).Seconds()).compare(idle, q.idle.times.at(0.99).Seconds()))
		if i > 0 {
			b.note(figure("query", q.name+besideEcho, Seconds, q.live.times.at(0.99).Seconds()).compare("echo, "+duringLive, all[0].live.times.at(0.99).Seconds()))
		}
	}
}

func queryName(query string, conversations int) string {
	return fmt.Sprintf("%s, %d conversations", query, conversations)
}
