package rest_test

import (
	"encoding/json"
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats.go"

	"reddot/api/identity"
	"reddot/events"
	"reddot/projector/testkit"
)

// audience hears the events of a scenario's users, on streams and on NATS.
type audience struct {
	*world
	streams map[string]*listening

	mark   string // a subject
	marked chan struct{}

	mu   sync.Mutex
	nats map[string][]toldEvent // by user
}

// toldEvent is an event as a stream is to tell it, without its cursor.
type toldEvent struct {
	Event string
	More  bool
	Data  string
}

var (
	inSubject = regexp.MustCompile(`^user\.(\S+)\.[a-z-]+ `)
	inPayload = regexp.MustCompile(`"(?:from|to)":\s*"([^"\\*]{1,40})"`)
	inLists   = regexp.MustCompile(`"(?:users|mentions)":\s*\[([^\]*]*)\]`)
)

// audience opens a stream for each user that a scenario names.
func (w *world) audience(script string) *audience {
	w.Helper()
	a := &audience{world: w, streams: map[string]*listening{}, nats: map[string][]toldEvent{}, mark: w.subjects.Change("nobody"), marked: make(chan struct{})}
	users := map[string]bool{}
	for line := range strings.Lines(script) {
		if m := inSubject.FindStringSubmatch(line); m != nil {
			if id, err := events.UnescapeToken(m[1]); err == nil {
				users[id] = true
			}
		}
		for _, m := range inPayload.FindAllStringSubmatch(line, -1) {
			users[m[1]] = true
		}
		for _, m := range inLists.FindAllStringSubmatch(line, -1) {
			for id := range strings.SplitSeq(m[1], ",") {
				users[strings.Trim(id, `" `)] = true
			}
		}
	}
	testkit.Must(w.conn.Subscribe(w.subjects.Prefix()+".evt.>", a.hear))(w)
	testkit.OK(w, w.conn.Flush())
	for _, user := range slices.Sorted(maps.Keys(users)) {
		if events.CheckID("user", user) != nil || strings.ContainsAny(user, "#{%\x00") || len(a.streams) == 100 {
			continue
		}
		l := w.listen("/v1/events?receipts=1&watch=0&user="+url.QueryEscape(user), w.as(identity.Viewer)...)
		l.until("live")
		a.streams[user] = l
	}
	return a
}

// hear notes an event of NATS, as a stream tells it.
func (a *audience) hear(m *nats.Msg) {
	if m.Subject == a.mark {
		close(a.marked)
		return
	}
	kind := m.Subject[strings.LastIndexByte(m.Subject, '.')+1:]
	e := toldEvent{Event: "receipts", More: m.Header.Get(events.HeaderMore) != ""}
	content := m.Header.Get(events.HeaderContentType)
	var user string
	var err error
	var out any
	switch kind {
	case "change":
		var c events.Change
		err = events.Unmarshal(content, m.Data, &c)
		e.Event, user, out = "change", c.User, c
	case "receipt":
		var r events.Receipt
		err = events.Unmarshal(content, m.Data, &r)
		entry := map[string]any{"peer": r.Peer, "conversation": r.Conversation, "upto": r.Upto, "at": r.At, "version": r.Version}
		if r.Thread != "" {
			entry["thread"] = r.Thread
		}
		user, out = r.User, map[string]any{"user": r.User, "receipts": []any{entry}}
	case "group-receipt":
		var g events.GroupReceipts
		err = events.Unmarshal(content, m.Data, &g)
		list := []any{}
		for _, r := range g.Receipts {
			list = append(list, map[string]any{"group": g.Group, "id": r.ID, "read": r.Read, "members": r.Members, "version": g.Version})
		}
		user, out = g.User, map[string]any{"user": g.User, "receipts": list}
	}
	if err != nil {
		a.Errorf("%s: %v", m.Subject, err)
	}
	e.Data = plain(a, out)
	a.mu.Lock()
	defer a.mu.Unlock()
	a.nats[user] = append(a.nats[user], e)
}

// plain is a value as JSON with its members in order, without what only streams have.
func plain(tb testing.TB, v any) string {
	tb.Helper()
	data := testkit.Must(json.Marshal(v))(tb)
	var fields map[string]any
	testkit.OK(tb, json.Unmarshal(data, &fields))
	delete(fields, "cursor")
	delete(fields, "more")
	return string(testkit.Must(json.Marshal(fields))(tb))
}

// compare waits until each stream has told as much as NATS, and compares it; it returns how
// many events that were.
func (a *audience) compare() (events int) {
	a.Helper()
	a.quiet()
	testkit.OK(a, a.conn.Publish(a.mark, nil)) // behind all events
	testkit.Receive(a.TB, "the mark", a.marked)
	for user, l := range a.streams {
		a.mu.Lock()
		want := byEvent(a.nats[user])
		n := len(a.nats[user])
		a.mu.Unlock()
		var got []toldEvent
		for len(got) < n {
			h := testkit.Receive(a.TB, "an event of "+user, l.events)
			if h.Event == "ping" {
				continue
			}
			got = append(got, toldEvent{h.Event, h.data(a).More, plain(a, h.Data)})
		}
		if diff := gocmp.Diff(want, byEvent(got)); diff != "" {
			a.Errorf("%s is told on a stream (+) and on NATS (-):\n%s", user, diff)
		}
		l.close()
		for h := range l.events {
			if h.Event == "ping" {
				continue
			}
			a.Errorf("%s is told more on a stream than on NATS: %s %s", user, h.Event, h.Data)
		}
		events += n
	}
	return events
}

// byEvent sorts events by their kind, each in its order: kinds have subjects of their own.
func byEvent(all []toldEvent) []toldEvent {
	all = slices.Clone(all)
	slices.SortStableFunc(all, func(x, y toldEvent) int { return strings.Compare(x.Event, y.Event) })
	return all
}
