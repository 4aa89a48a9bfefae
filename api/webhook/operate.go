package webhook

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"reddot/events"
)

// Shown is an endpoint as an operator sees it: without secrets.
type Shown struct {
	Name        string `json:"name"`
	URL         string `json:"url"` // without password and query
	Types       []Type `json:"types"`
	Secrets     int    `json:"secrets"` // how many sign
	Delay       string `json:"delay,omitempty"`
	UsersPrefix string `json:"users_prefix,omitempty"`
	SkipLive    bool   `json:"skip_live,omitempty"`
	State       string `json:"state"` // ok, failing, probing, paused, unknown
	Figures
	Dead uint64 `json:"dead"` // dead letters
}

// List is the endpoints of the file.
type List struct {
	Webhooks []Shown `json:"webhooks"`
}

// Tested is what became of a test.
type Tested struct {
	Name      string `json:"name"`
	Delivered bool   `json:"delivered"`
	ID        string `json:"id"`               // webhook-id of what was sent
	Status    int    `json:"status,omitempty"` // of the answer
	Reason    string `json:"reason,omitempty"` // why it was not delivered
	TookMS    int64  `json:"took_ms"`
}

// Replayed is how many dead letters are sent again.
type Replayed struct {
	Name     string `json:"name"`
	Replayed uint64 `json:"replayed"`
}

// order is what who delivers is asked.
type order struct {
	Name string   `json:"name,omitempty"`
	IDs  []string `json:"ids,omitempty"` // of dead letters; none: all
}

// answered is what that one answers.
type answered struct {
	Error   string             `json:"error,omitempty"`
	Figures map[string]Figures `json:"figures,omitempty"`
	Tested  *Tested            `json:"tested,omitempty"`
	Begun   *Replayed          `json:"begun,omitempty"`
}

// How long who delivers is waited for.
const (
	beginsWithin = 500 * time.Millisecond // just after a start, until it begins
	listWithin   = time.Second
	testWithin   = requestTimeout + 3*time.Second
	replayWithin = 5 * time.Second
)

// call asks who delivers.
func (h *Webhooks) call(ctx context.Context, what string, o order, within time.Duration) (a answered, err error) {
	data, err := json.Marshal(o)
	if err != nil {
		return a, err
	}
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	var msg *nats.Msg
	for end := time.Now().Add(beginsWithin); ; wait(ctx, beginsWithin/10) {
		msg, err = h.cfg.Conn.RequestWithContext(ctx, h.names.asked(what), data)
		if !errors.Is(err, nats.ErrNoResponders) || time.Now().After(end) {
			break
		}
	}
	if err == nil {
		err = json.Unmarshal(msg.Data, &a)
	}
	if err == nil && a.Error != "" {
		err = errors.New(a.Error)
	}
	if err != nil {
		return a, errNobody(err)
	}
	return a, nil
}

// List lists the endpoints of the file, and how they do, as far as somebody says.
func (h *Webhooks) List(ctx context.Context) (List, error) {
	list := List{Webhooks: []Shown{}}
	a, asked := h.call(ctx, "list", order{}, listWithin)
	counts := h.letters(ctx)
	f := h.current()
	for i := range f.Endpoints {
		e := &f.Endpoints[i]
		s := Shown{Name: e.Name, URL: e.shown(), Types: e.Types, Secrets: len(e.signers), Delay: e.Delay, UsersPrefix: e.UsersPrefix, SkipLive: e.SkipLive, State: "unknown"}
		if len(s.Types) == 0 {
			s.Types = types
		}
		s.Dead = counts[h.names.dead(e.Name)]
		if figures, ok := a.Figures[e.Name]; ok && asked == nil {
			s.Figures, s.State = figures, "ok"
			switch {
			case figures.Paused != nil:
				s.State = "paused"
			case figures.Failures >= failsProbed:
				s.State = "probing"
			case figures.Failures > 0:
				s.State = "failing"
			}
		}
		list.Webhooks = append(list.Webhooks, s)
	}
	return list, nil
}

// letters is how many dead letters there are, by subject.
func (h *Webhooks) letters(ctx context.Context) map[string]uint64 {
	ctx, cancel := context.WithTimeout(ctx, listWithin)
	defer cancel()
	stream, err := h.js.Stream(ctx, h.names.deadStream())
	if err != nil {
		return nil
	}
	info, err := stream.Info(ctx, jetstream.WithSubjectFilter(h.names.dead(">")))
	if err != nil {
		return nil
	}
	return info.State.Subjects
}

// Test sends an endpoint a message of the type endpoint.test. One that takes it is paused no longer.
func (h *Webhooks) Test(ctx context.Context, name string) (Tested, error) {
	if h.find(name) == nil {
		return Tested{}, errUnknown(name)
	}
	a, err := h.call(ctx, "test", order{Name: name}, testWithin)
	if err != nil || a.Tested == nil {
		return Tested{}, err
	}
	return *a.Tested, nil
}

// Replay sends dead letters again, with the state as it is now: those with the ids, or all
// of an endpoint. They go when they are delivered.
func (h *Webhooks) Replay(ctx context.Context, name string, ids []string) (Replayed, error) {
	if h.find(name) == nil {
		return Replayed{}, errUnknown(name)
	}
	a, err := h.call(ctx, "replay", order{name, ids}, replayWithin)
	if err != nil || a.Begun == nil {
		return Replayed{}, err
	}
	return *a.Begun, nil
}

// answer answers what others ask, until ctx ends and stopped is called.
func (h *Webhooks) answer(ctx context.Context) (stopped func()) {
	var subs []*nats.Subscription
	work := make(chan struct{}, maxOrders)
	for what, do := range map[string]func(context.Context, order) (answered, error){"list": h.doList, "test": h.doTest, "replay": h.doReplay} {
		sub, err := h.cfg.Conn.Subscribe(h.names.asked(what), func(m *nats.Msg) {
			work <- struct{}{}
			go func() {
				defer func() { <-work }()
				var o order
				var a answered
				err := json.Unmarshal(m.Data, &o)
				if err == nil {
					a, err = do(ctx, o)
				}
				if err != nil {
					a = answered{Error: err.Error()}
				}
				if data, err := json.Marshal(a); err == nil {
					m.Respond(data) // who asks may have gone away
				}
			}()
		})
		if err != nil {
			h.log.Error("operators can't ask about webhooks", "error", err)
			continue
		}
		subs = append(subs, sub)
	}
	return func() {
		for _, sub := range subs {
			sub.Unsubscribe() // else it goes with the connection
		}
		for range cap(work) {
			work <- struct{}{}
		}
	}
}

// maxOrders is how many of them are worked at together.
const maxOrders = 8

func (h *Webhooks) doList(context.Context, order) (answered, error) {
	return answered{Figures: h.now()}, nil
}

// doTest sends a test message.
func (h *Webhooks) doTest(ctx context.Context, o order) (a answered, err error) {
	e := h.running(o.Name)
	if e == nil {
		return a, errNotDelivered
	}
	now := time.Now()
	it := &item{kind: Test, pieces: []*piece{{at: events.Time(now.UnixMilli())}}}
	body, _, err := h.maker.body(ctx, it, known{})
	if err != nil {
		return a, err
	}
	id := fmt.Sprintf("msg_%s_test%d_%s", h.cfg.Epoch(), now.UnixMilli(), e.cfg.Name)
	r := e.sender.send(ctx, id, body)
	a.Tested = &Tested{Name: o.Name, Delivered: r.kind == delivered, ID: id, Status: r.status, Reason: r.reason, TookMS: r.took.Milliseconds()}
	if r.kind != delivered {
		return a, nil
	}
	return a, e.do(ctx, func(ctx context.Context) {
		if e.schedule == nil {
			return
		}
		if !e.paused.IsZero() {
			if err := h.names.pause(ctx, h.js, e.consumer, time.Time{}, ""); err != nil {
				e.log.Error("that the endpoint is paused no longer is not stored", "error", err)
			}
		}
		e.paused = time.Time{}
		e.schedule.resume(time.Now())
		e.look()
	})
}

// errNotDelivered says that an endpoint is not delivered to just now.
var errNotDelivered = errors.New("the endpoint is not delivered to just now")

// do has the endpoint's loop do something.
func (e *endpoint) do(ctx context.Context, fn func(context.Context)) error {
	done := make(chan struct{})
	select {
	case e.calls <- func(ctx context.Context) { defer close(done); fn(ctx) }:
		<-done
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(replayWithin):
		return errNotDelivered
	}
}

// doReplay begins to replay dead letters.
func (h *Webhooks) doReplay(ctx context.Context, o order) (a answered, err error) {
	e := h.running(o.Name)
	if e == nil {
		return a, errNotDelivered
	}
	a.Begun = &Replayed{Name: o.Name}
	var letters []storedLetter
	begun := time.Now()
	err = h.readDead(ctx, o.Name, 0, func(l storedLetter) bool {
		if len(o.IDs) == 0 || slices.Contains(o.IDs, l.ID) {
			letters = append(letters, l)
		}
		return len(letters) < maxAckPending && time.Since(begun) < replayWithin/2
	})
	if err != nil {
		return a, err
	}
	stream, err := h.names.deadOf(ctx, h.js, h.cfg.Replicas)
	if err != nil {
		return a, err
	}
	refused := error(nil)
	err = e.do(ctx, func(context.Context) {
		if e.schedule == nil {
			refused = errNotDelivered
			return
		}
		for _, l := range letters {
			if e.replaying[l.seq] {
				continue
			}
			from := &origin{from: deadLetter{stream, l.seq, e.replaying}, pieces: 1}
			if it := l.item(from); it != nil {
				e.replaying[l.seq] = true
				a.Begun.Replayed++
				e.offer(it)
			}
		}
	})
	return a, cmp.Or(err, refused)
}
