package rest_test

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/tmaxmax/go-sse"

	"reddot/api/identity"
	"reddot/events"
	"reddot/projector/testkit"
)

// heard is one event of a stream or a poll.
type heard struct {
	Event string          `json:"event"`
	Data  json.RawMessage `json:"data"`
	id    string          // the last one that was told
}

// data is what tests read of an event's data.
type data struct {
	Cursor   string
	More     bool
	User     string
	Reason   string
	RetryMS  int64 `json:"retry_ms"`
	Version  events.Seq
	Receipts []json.RawMessage
	events.Change
}

func (h heard) data(tb testing.TB) (d data) {
	tb.Helper()
	var more struct {
		Cursor, User, Reason string
		More                 bool
		RetryMS              int64 `json:"retry_ms"`
		Version              events.Seq
		Receipts             []json.RawMessage
	}
	testkit.OK(tb, json.Unmarshal(h.Data, &more), json.Unmarshal(h.Data, &d.Change))
	d.Cursor, d.User, d.Reason, d.More, d.RetryMS, d.Version, d.Receipts = more.Cursor, more.User, more.Reason, more.More, more.RetryMS, more.Version, more.Receipts
	return d
}

// listening is a client of a stream: an independent one reads the events.
type listening struct {
	testing.TB
	header http.Header
	events chan heard
	cut    context.CancelFunc
	ended  chan struct{}
}

// listen opens a stream, which must begin.
func (w *world) listen(path string, headers ...string) *listening {
	w.Helper()
	l, code := w.tryListen(path, headers...)
	if l == nil {
		w.Fatalf("%s: %d", path, code)
	}
	return l
}

// tryListen opens a stream; nil: it does not begin.
func (w *world) tryListen(path string, headers ...string) (_ *listening, code int) {
	w.Helper()
	ctx, cut := context.WithCancel(context.Background())
	req := testkit.Must(http.NewRequestWithContext(ctx, "GET", w.url+path, nil))(w)
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		req.Header.Set(name, value)
	}
	resp := testkit.Must(w.client.Do(req))(w)
	if resp.StatusCode != 200 {
		resp.Body.Close()
		cut()
		return nil, resp.StatusCode
	}
	l := &listening{TB: w, header: resp.Header, events: make(chan heard, 1000), cut: cut, ended: make(chan struct{})}
	go func() {
		defer close(l.ended)
		defer close(l.events)
		defer resp.Body.Close()
		for e, err := range sse.Read(resp.Body, &sse.ReadConfig{MaxEventSize: 8 << 20}) {
			if err != nil {
				return
			}
			select {
			case l.events <- heard{e.Type, json.RawMessage(e.Data), e.LastEventID}:
			case <-ctx.Done():
				return
			}
		}
	}()
	w.Cleanup(l.close)
	return l, 200
}

func (l *listening) close() {
	l.cut()
	<-l.ended
}

// next is the next event, which must be one of a kind.
func (l *listening) next(kind string) heard {
	l.Helper()
	h := testkit.Receive(l.TB, "the event "+kind, l.events)
	if h.Event != kind {
		l.Fatalf("heard %s %s, want %s", h.Event, h.Data, kind)
	}
	return h
}

// until returns the events up to one of a kind.
func (l *listening) until(kind string) (all []heard) {
	l.Helper()
	for {
		h := testkit.Receive(l.TB, "the event "+kind, l.events)
		if h.Event == "" {
			l.Fatalf("the stream has ended, want %s", kind)
		}
		if all = append(all, h); h.Event == kind {
			return all
		}
	}
}

// kinds are those of events.
func kinds(all []heard) string {
	var names []string
	for _, h := range all {
		names = append(names, h.Event)
	}
	return strings.Join(names, " ")
}

// poll asks once.
func (w *world) poll(query string, headers ...string) (all []heard, cursor string) {
	w.Helper()
	reply := read[struct {
		Events []heard
		Cursor string
	}](w, w.want(200, w.get("/v1/changes?"+query, headers...)))
	return reply.Events, reply.Cursor
}

// book is what a client knows of a user: what it was told, and nothing else. Parts with
// more are entered with the last of them.
type book struct {
	mu            sync.Mutex
	user          string
	resets        map[string]int
	live          bool
	cursor        string
	version       events.Seq // of changes
	conversations map[string]events.Conversation
	threads       map[string]events.Thread
	totals        events.Totals
	filters       events.NamedTotals
	receipts      map[string]events.Receipt
	wrong         []string
}

func newBook(user string) *book {
	b := &book{user: user, resets: map[string]int{}}
	b.forget()
	return b
}

func (b *book) forget() {
	b.live, b.version, b.cursor = false, 0, ""
	b.conversations, b.threads, b.receipts = map[string]events.Conversation{}, map[string]events.Thread{}, map[string]events.Receipt{}
	b.totals, b.filters = events.Totals{}, nil
}

// enter enters an event.
func (b *book) enter(tb testing.TB, h heard) {
	b.mu.Lock()
	defer b.mu.Unlock()
	d := h.data(tb)
	if d.User != "" && d.User != b.user {
		b.wrong = append(b.wrong, fmt.Sprintf("%s is told of %s: %s", b.user, d.User, h.Data))
	}
	switch h.Event {
	case "reset":
		b.resets[d.Reason]++
		b.forget()
	case "change":
		b.enterChange(&d)
	case "receipts":
		for _, raw := range d.Receipts {
			var r events.Receipt
			testkit.OK(tb, json.Unmarshal(raw, &r))
			key := r.Peer + "\x00" + r.Thread
			if r.Peer != "" && r.Version >= b.receipts[key].Version {
				r.User = ""
				b.receipts[key] = r
			}
		}
	case "live":
		b.live = true
		if d.Version < b.version {
			b.wrong = append(b.wrong, fmt.Sprintf("live at %d, after %d was told", d.Version, b.version))
		}
	}
	if d.Cursor != "" {
		b.cursor = d.Cursor
	}
}

func (b *book) enterChange(d *data) {
	if d.Version < b.version {
		b.wrong = append(b.wrong, fmt.Sprintf("%s: a change of version %d after one of %d", b.user, d.Version, b.version))
	}
	b.version, b.totals, b.filters = d.Version, d.Totals, d.Filters
	for _, name := range d.Removed {
		delete(b.conversations, name)
		for key := range b.threads {
			if strings.HasPrefix(key, name+"\x00") {
				delete(b.threads, key)
			}
		}
	}
	for _, c := range d.Conversations {
		if known := b.conversations[c.Conversation]; c.Version < known.Version {
			b.wrong = append(b.wrong, fmt.Sprintf("%s: %s of version %d after %d", b.user, c.Conversation, c.Version, known.Version))
		}
		b.conversations[c.Conversation] = c
	}
	for _, t := range d.Threads {
		key := t.Conversation + "\x00" + t.Thread
		if delete(b.threads, key); t.Following {
			b.threads[key] = t
		}
	}
}

// differs says how the book differs from what the queries answer; empty: it does not.
func (b *book) differs(w *world) string {
	w.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.wrong) > 0 {
		return strings.Join(b.wrong, "\n")
	}
	want := newBook(b.user)
	who := "?limit=200&user=" + url.QueryEscape(b.user)
	as := w.as(identity.Viewer)
	for after := ""; ; {
		page := read[events.ConversationsReply](w, w.get("/v1/conversations"+who+after, as...))
		want.totals = page.Totals
		for _, c := range page.Conversations {
			want.conversations[c.Conversation] = c
		}
		if after = "&after=" + url.QueryEscape(page.Next); page.Next == "" {
			break
		}
	}
	for after := ""; ; {
		page := read[events.ThreadsReply](w, w.get("/v1/threads"+who+"&following=1"+after, as...))
		for _, t := range page.Threads {
			want.threads[t.Conversation+"\x00"+t.Thread] = t
		}
		if after = "&after=" + url.QueryEscape(page.Next); page.Next == "" {
			break
		}
	}
	want.filters = read[events.TotalsReply](w, w.get("/v1/totals?user="+url.QueryEscape(b.user), as...)).Filters
	type shown struct {
		Conversations []events.Conversation
		Threads       []events.Thread
		Totals        events.Totals
		Filters       events.NamedTotals
	}
	of := func(b *book) (s shown) {
		s.Totals, s.Filters = b.totals, b.filters
		for _, c := range b.conversations {
			s.Conversations = append(s.Conversations, c)
		}
		for _, t := range b.threads {
			s.Threads = append(s.Threads, t)
		}
		slices.SortFunc(s.Conversations, func(a, b events.Conversation) int { return cmp.Compare(a.Conversation, b.Conversation) })
		slices.SortFunc(s.Threads, func(a, b events.Thread) int {
			return cmp.Or(cmp.Compare(a.Conversation, b.Conversation), cmp.Compare(a.Thread, b.Thread))
		})
		return s
	}
	return gocmp.Diff(of(want), of(b))
}
