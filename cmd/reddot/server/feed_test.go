package server_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/tmaxmax/go-sse"

	"reddot/cmd/reddot/server"
	"reddot/projector/testkit"
)

// told is an event of a stream.
type told struct{ name, id, data string }

func (e told) seq(t *testing.T) uint64 {
	t.Helper()
	return testkit.Must(strconv.ParseUint(e.id, 10, 64))(t)
}

// hears opens a stream and gives its events, hello first.
func (r *run) hears(method, path, body string, headers ...string) (events <-chan told, cut func()) {
	r.t.Helper()
	ctx, cut := context.WithCancel(context.Background())
	r.t.Cleanup(cut)
	req := testkit.Must(http.NewRequestWithContext(ctx, method, "http://"+r.http+path, bytes.NewReader([]byte(body))))(r.t)
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		req.Header.Set(name, value)
	}
	resp := testkit.Must(http.DefaultClient.Do(req))(r.t)
	if resp.StatusCode != http.StatusOK || resp.Header.Get("Content-Type") != "text/event-stream" {
		resp.Body.Close()
		r.t.Fatalf("%s: %d", path, resp.StatusCode)
	}
	heard, ended := make(chan told), make(chan struct{})
	r.t.Cleanup(func() { cut(); <-ended })
	go func() {
		defer close(ended)
		defer resp.Body.Close()
		defer close(heard)
		for e, err := range sse.Read(resp.Body, nil) {
			if err != nil {
				return
			}
			select {
			case heard <- told{e.Type, e.LastEventID, e.Data}:
			case <-ctx.Done():
				return
			}
		}
	}()
	return heard, cut
}

// next is the next event, which must be of a name and have a text.
func next(t *testing.T, heard <-chan told, name, text string) told {
	t.Helper()
	e := testkit.Receive(t, "the event "+name, heard)
	if e.name != name || !strings.Contains(e.data, text) {
		t.Fatalf("%s %s %s, want %s with %s", e.name, e.id, e.data, name, text)
	}
	return e
}

func (r *run) feed(query string, headers ...string) <-chan told {
	r.t.Helper()
	heard, _ := r.hears("GET", "/v1/feed"+query, "", headers...)
	next(r.t, heard, "hello", `"heartbeat_ms"`)
	return heard
}

// message is a message to a user.
func message(user, id string) string {
	return fmt.Sprintf(`{"type":"user.message","user":%q,"id":%q,"from":"bob"}`, user, id)
}

// TestFeed: every stored event is told, from where who asks was, and what is left out moves
// the place all the same. What others have stored in the event stream is none.
func TestFeed(t *testing.T) {
	r := start(t, t.TempDir(), true, func(c *server.Config) { c.Heartbeat = 100 * time.Millisecond })
	r.commands(message("alice", "m1"), message("zoe", "m2"))
	all := r.feed("?after=0")
	first := next(t, all, "change", `"m1"`)
	second := next(t, all, "change", `"m2"`)
	if second.seq(t) <= first.seq(t) {
		t.Errorf("ids are %s and %s", first.id, second.id)
	}
	now := r.feed("")
	begins := next(t, now, "ping", `"at"`)
	if begins.seq(t) < second.seq(t) {
		t.Errorf("it begins at %s, after %s was stored", begins.id, second.id)
	}
	quiet, refused := r.feed("?types=receipt,group-receipt&after="+first.id), r.feed("?types=rejected&users_prefix=al&after="+first.id)
	js := testkit.Must(jetstream.New(testkit.Must(nats.Connect(r.nats))(t)))(t)
	defer js.Conn().Close()
	forged := testkit.Must(js.PublishMsg(t.Context(), &nats.Msg{Subject: "unread-out.0.evt.alice.change", Data: []byte(`{"user":"alice"}`), Header: nats.Header{"Content-Type": {"application/json"}, "Status": {"503"}}}))(t)
	r.commands(message("alicia", "m3"), `{"type":"user.read","user":"zoe","conversation":"group_g"}`, `{"type":"user.read","user":"alice","conversation":"group_g"}`)
	var last uint64 // refusals and changes are stored as they are ready
	for change, refusal := false, false; !change || !refusal; {
		e := testkit.Receive(t, "an event", now)
		if e.seq(t) == forged.Sequence && e.name != "ping" {
			t.Errorf("a forged event is told: %s %s", e.name, e.data)
		}
		if e.name != "ping" {
			last = e.seq(t)
		}
		change = change || e.name == "change" && strings.Contains(e.data, `"m3"`)
		refusal = refusal || e.name == "rejected" && strings.Contains(e.data, "user.alice.read")
	}
	for e := range quiet {
		if e.name != "ping" {
			t.Fatalf("who wants receipts is told %s", e.name)
		}
		if e.seq(t) >= last {
			break
		}
	}
	for e := range refused {
		if e.name == "rejected" {
			if !strings.Contains(e.data, "user.alice.read") {
				t.Errorf("of others is told %s", e.data)
			}
			break
		}
	}
	if e := next(t, r.feed("?after=0", "Last-Event-ID: "+first.id), "change", `"m2"`); e.id != second.id {
		t.Errorf("after %s comes %s, want %s", first.id, e.id, second.id)
	}
	for _, query := range []string{"after=x", "after=-1", "after=", "types=x", "types=", "users_prefix=%00", "x=1", "after=1&after=2"} {
		r.ask(http.StatusBadRequest, "GET", "/v1/feed?"+query, "")
	}
	r.stop()
	var end told
	for end = range all {
		if end.name == "bye" {
			break
		}
	}
	if !strings.Contains(end.data, `"shutdown"`) {
		t.Errorf("in the end it is told %s %s", end.name, end.data)
	}
}

// TestFeedGone: what has left the event stream is not passed over in silence.
func TestFeedGone(t *testing.T) {
	r := start(t, t.TempDir(), true)
	defer r.stop()
	r.commands(message("alice", "m1"), message("zoe", "m2"))
	first := next(t, r.feed("?after=0"), "change", `"m1"`)
	js := testkit.Must(jetstream.New(testkit.Must(nats.Connect(r.nats))(t)))(t)
	defer js.Conn().Close()
	stream := testkit.Must(js.Stream(t.Context(), "UNREAD_EVENTS"))(t)
	left := next(t, r.feed("?after="+first.id), "change", `"m2"`).seq(t) // an emitter may store more behind it
	testkit.OK(t, stream.Purge(t.Context(), jetstream.WithPurgeSequence(left)))
	reset := next(t, r.feed(fmt.Sprintf("?after=%d", first.seq(t)-1)), "reset", fmt.Sprintf(`"first":%d,"reason":"lost"`, left))
	if reset.seq(t) != left-1 {
		t.Errorf("a client that is cut behind the reset goes on behind %s, want %d", reset.id, left-1)
	}
	next(t, r.feed("?after=9007199254740991"), "reset", fmt.Sprintf(`"first":%d,"reason":"unknown"`, left))
	if e := next(t, r.feed(fmt.Sprintf("?after=%d", left-1)), "change", `"m2"`); e.seq(t) != left {
		t.Errorf("the first one is told as %s, want %d", e.id, left)
	}
	next(t, r.feed("?after=0"), "change", `"m2"`)
	testkit.OK(t, stream.Purge(t.Context()))
	if reset := next(t, r.feed("?after="+first.id), "reset", `"reason":"lost"`); reset.seq(t) < left {
		t.Errorf("of what is gone is told %s %s, and %d was there", reset.id, reset.data, left)
	}
}

// TestFeedSlow: one that takes nothing holds nobody up, and there are so many.
func TestFeedSlow(t *testing.T) {
	r := start(t, t.TempDir(), true)
	defer r.stop()
	r.feed("?after=0") // whose events nobody takes
	var list []string
	for i := range 1000 {
		list = append(list, message(fmt.Sprintf("u%d", i%50), fmt.Sprintf("m%d-%s", i, strings.Repeat("x", 150))))
	}
	r.commands(list...)
	fast := r.feed("?after=0")
	for e := range fast {
		if strings.Contains(e.data, `"m999-`) {
			break
		}
	}
	for range 14 {
		r.feed("")
	}
	r.ask(http.StatusTooManyRequests, "GET", "/v1/feed", "")
}

// gateway opens a gateway's stream, and returns its id.
func (r *run) gateway(body string) (heard <-chan told, id string) {
	r.t.Helper()
	heard, _ = r.hears("POST", "/v1/gateway", body)
	var hello struct{ Stream string }
	testkit.OK(r.t, json.Unmarshal([]byte(next(r.t, heard, "hello", `"stream"`).data), &hello))
	return heard, hello.Stream
}

// TestGateway: the events of many users come on one stream, each with the user's cursor,
// and users come and go.
func TestGateway(t *testing.T) {
	r := start(t, t.TempDir(), true)
	r.commands(message("alice", "m1"), message("zoe", "m2"))
	heard, id := r.gateway(`{"users":[{"user":"alice"}],"receipts":true,"watch":false}`)
	next(t, heard, "reset", `"start"`)
	if e := next(t, heard, "change", `"user":"alice"`); e.id != "" {
		t.Errorf("an event has the id %s", e.id)
	}
	var live struct{ Cursor, User string }
	testkit.OK(t, json.Unmarshal([]byte(next(t, heard, "live", `"user":"alice"`).data), &live))
	change := func(code int, body string) {
		t.Helper()
		r.ask(code, "POST", "/v1/gateway/users", strings.ReplaceAll(body, "ID", id))
	}
	change(http.StatusNoContent, `{"stream":"ID","add":[{"user":"zoe"},{"user":"alice"}]}`)
	next(t, heard, "reset", `"zoe"`)
	next(t, heard, "change", `"zoe"`)
	next(t, heard, "live", `"zoe"`)
	r.commands(message("zoe", "m3"))
	next(t, heard, "change", `"zoe"`)
	r.commands(`{"type":"user.message","user":"bob","id":"r1","from":"alice"}`, `{"type":"user.read","user":"bob","conversation":"c2c_alice"}`)
	next(t, heard, "receipts", `"user":"alice"`)
	change(http.StatusNoContent, `{"stream":"ID","remove":["alice","nobody"]}`)
	r.commands(message("alice", "m4"), message("zoe", "m5"))
	next(t, heard, "change", `"m5"`)
	change(http.StatusNoContent, fmt.Sprintf(`{"stream":"ID","add":[{"user":"alice","cursor":%q}]}`, live.Cursor))
	next(t, heard, "change", `"m4"`) // and no reset
	next(t, heard, "receipts", `"r1"`)
	next(t, heard, "live", `"alice"`)
	change(http.StatusNoContent, `{"stream":"ID","remove":["alice"],"add":[{"user":"alice","cursor":"x"}]}`)
	next(t, heard, "reset", `"unknown"`)
	for _, body := range []string{`{"stream":"ID","add":[{"user":""}]}`, `{"stream":"ID","add":["alice"]}`, `{"stream":"ID","add":[{"user":"a"},{"user":"a"}]}`,
		`{"stream":"ID","remove":[{"user":"a"}]}`, `{"stream":"ID","x":1}`, `{"add":[]}`, `[]`, ``, `{"stream":1}`, `{"stream":"ID"} 1`, `{"stream":"ID","add":[{"user":"a","x":1}]}`} {
		change(http.StatusBadRequest, body)
	}
	r.ask(http.StatusNotFound, "POST", "/v1/gateway/users", `{"stream":"AAAAAAAAAAAAAAAAAAAAAAAAAA","add":[{"user":"zoe"}]}`)
	r.stop()
	for e := range heard {
		if e.name == "bye" {
			if !strings.Contains(e.data, `"shutdown"`) {
				t.Errorf("in the end it is told %s", e.data)
			}
			break
		}
	}
}

// users are objects of a gateway's list.
func users(from, n int) string {
	var list []string
	for i := range n {
		list = append(list, fmt.Sprintf(`{"user":"u%d"}`, from+i))
	}
	return "[" + strings.Join(list, ",") + "]"
}

// TestGatewayBounds: so many users in a request and on a stream, and so many streams.
func TestGatewayBounds(t *testing.T) {
	r := start(t, t.TempDir(), true)
	defer r.stop()
	r.ask(http.StatusBadRequest, "POST", "/v1/gateway", `{"users":`+users(0, 1001)+`}`)
	_, cutHeard := r.hears("POST", "/v1/gateway", `{"users":[]}`)
	cutHeard()
	heard, id := r.gateway(`{"users":` + users(0, 1000) + `,"watch":false}`)
	go func() {
		for range heard { // it takes what comes
		}
	}()
	for i := 1; i < 10; i++ {
		r.ask(http.StatusNoContent, "POST", "/v1/gateway/users", fmt.Sprintf(`{"stream":%q,"add":%s}`, id, users(1000*i, 1000)))
	}
	_, body := r.ask(http.StatusBadRequest, "POST", "/v1/gateway/users", fmt.Sprintf(`{"stream":%q,"add":[{"user":"one more"}]}`, id))
	if !strings.Contains(string(body), "/add") {
		t.Errorf("one user too many: %s", body)
	}
	r.ask(http.StatusNoContent, "POST", "/v1/gateway/users", fmt.Sprintf(`{"stream":%q,"add":[{"user":"one more"},{"user":"u1"}],"remove":["u0"]}`, id))
	testkit.Eventually(t, "fifty streams are there", func() bool {
		resp := testkit.Must(http.Post("http://"+r.http+"/v1/gateway", "application/json", strings.NewReader(`{}`)))(t)
		t.Cleanup(func() { resp.Body.Close() })
		return resp.StatusCode == http.StatusTooManyRequests
	})
}
