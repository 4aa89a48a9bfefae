package server_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"reddot/api/identity"
	"reddot/api/rest"
	"reddot/cmd/reddot/server"
	"reddot/events"
	"reddot/projector/testkit"
)

// logIn begins a session of the viewer's, and returns its cookie as a browser sends it.
func (r *run) logIn() string {
	r.t.Helper()
	s := r.open("POST", "/v1/session", `{"key":"rdk_viewer"}`)
	cookie, _, _ := strings.Cut(s.resp.Header.Get("Set-Cookie"), ";")
	return cookie
}

// session is how the server answers who asks with a cookie.
func (r *run) session(cookie string) int {
	r.t.Helper()
	req := testkit.Must(http.NewRequest("GET", "http://"+r.http+"/v1/session", nil))(r.t)
	req.Header.Set("Cookie", cookie)
	resp := testkit.Must(http.DefaultClient.Do(req))(r.t)
	resp.Body.Close()
	return resp.StatusCode
}

// TestConsole: the pages are there for everybody, what they ask for is not; a session is its
// server's, outlives it, and is nothing on NATS.
func TestConsole(t *testing.T) {
	file, dir := authFile(t), t.TempDir()
	guard := func(c *server.Config) { c.AuthFile, c.WebSocket = file, true }
	r := start(t, dir, true, guard)
	resp := testkit.Must(http.Get("http://" + r.http + "/"))(t) // it is led to the pages
	page := testkit.Must(io.ReadAll(resp.Body))(t)
	resp.Body.Close()
	if resp.StatusCode != 200 || resp.Request.URL.Path != "/console/" || !strings.Contains(string(page), "<html") || resp.Header.Get("ETag") == "" ||
		!strings.Contains(resp.Header.Get("Content-Security-Policy"), "default-src 'self'") {
		t.Errorf("%s: %s %v", resp.Request.URL, resp.Status, resp.Header)
	}
	for _, docs := range []string{"/docs/", "/docs/access.html", "/docs/zh/", "/docs/docs.css"} { // everybody may read how it works
		resp := testkit.Must(http.Get("http://" + r.http + docs))(t)
		resp.Body.Close()
		if resp.StatusCode != 200 || !resp.Uncompressed || resp.Header.Get("ETag") == "" || resp.Header.Get("Content-Security-Policy") == "" {
			t.Errorf("%s: %s %v, compressed %v", docs, resp.Status, resp.Header, resp.Uncompressed)
		}
	}
	cookie := r.logIn()
	if code := r.session(cookie); code != 200 {
		t.Errorf("a session: %d", code)
	}
	if c, err := nats.Connect("ws://"+r.http, nats.ProxyPath("/nats"), nats.WebSocketConnectionHeaders(http.Header{"Cookie": {cookie}, "Origin": {"http://" + r.http}})); err == nil {
		c.Close()
		t.Error("a cookie lets in on NATS")
	}
	_, value, _ := strings.Cut(cookie, "=")
	if c, err := nats.Connect(r.nats, nats.Token(value)); err == nil {
		c.Close()
		t.Error("a session is a token on NATS")
	}
	r.stop()
	if info := testkit.Must(os.Stat(filepath.Join(dir, "SESSIONS")))(t); info.Mode().Perm() != 0o600 {
		t.Errorf("others may read the secret: %v", info.Mode())
	}
	r = start(t, dir, true, guard)
	if code := r.session(cookie); code != 200 {
		t.Errorf("after a restart: %d", code)
	}
	other := start(t, t.TempDir(), true, guard)
	if code := other.session(cookie); code != 401 {
		t.Errorf("at another server: %d", code)
	}
	other.stop()
	r.stop()

	// Servers that share a secret take each other's.
	secret := filepath.Join(t.TempDir(), "sessions.secret")
	testkit.OK(t, os.WriteFile(secret, []byte(strings.Repeat("s", 32)+"\n"), 0o600))
	var shared []*run
	for range 2 {
		shared = append(shared, start(t, t.TempDir(), true, guard, func(c *server.Config) { c.Sessions = secret }))
	}
	cookie = shared[0].logIn()
	for _, r := range shared {
		if code := r.session(cookie); code != 200 {
			t.Errorf("where the secret is shared: %d", code)
		}
		r.stop()
	}
}

// TestGoneKeyStreams: once a key is no longer in the file, whatever is open with it ends: what
// its session has opened, and what a back end has with the key itself.
func TestGoneKeyStreams(t *testing.T) {
	file, again := authFile(t), make(chan os.Signal, 1)
	r := start(t, t.TempDir(), true, func(c *server.Config) { c.AuthFile, c.Reload = file, again })
	cookie := r.logIn()
	open := map[string]*stream{
		"events":  r.open("GET", "/v1/events?user=alice", "", "Cookie", cookie),
		"feed":    r.open("GET", "/v1/feed", "", "Cookie", cookie),
		"gateway": r.open("POST", "/v1/gateway", `{"users":[{"user":"alice"}]}`, "X-API-Key", "rdk_backend"),
	}
	for _, s := range open {
		s.until("event: hello")
	}
	var first struct{ Cursor string }
	testkit.OK(t, json.NewDecoder(r.open("GET", "/v1/changes?user=alice&wait=0", "", "Cookie", cookie).in).Decode(&first))
	polled := make(chan string, 1)
	go func() {
		s := r.open("GET", "/v1/changes?user=alice&wait=50&cursor="+first.Cursor, "", "Cookie", cookie)
		text, err := io.ReadAll(s.in)
		polled <- fmt.Sprint(string(text), err)
	}()
	testkit.Eventually(t, "the poll waits", func() bool {
		var now rest.StreamsReply
		testkit.OK(t, json.NewDecoder(r.open("GET", "/v1/streams", "", "Cookie", cookie).in).Decode(&now))
		return now.Transports["poll"] == 1
	})
	_, e, err := identity.NewKey("another", identity.Viewer, 0)
	testkit.OK(t, err, os.WriteFile(file, []byte(`{"keys":[`+e.String()+`]}`), 0o600))
	again <- syscall.SIGHUP
	for name, s := range open {
		if data := s.until("event: bye"); !strings.Contains(data, `"disconnected"`) {
			t.Errorf("%s ends with %s", name, data)
		}
	}
	if text := testkit.Receive(t, "the poll's answer", polled); !strings.Contains(text, `"disconnected"`) {
		t.Errorf("the poll is answered %s", text)
	}
	if code := r.session(cookie); code != 401 {
		t.Errorf("the session: %d", code)
	}
	r.stop()
}

// TestLog: commands are shown as they lie in the log, whatever they are, and what is not there
// is named.
func TestLog(t *testing.T) {
	dir := t.TempDir()
	r := start(t, dir, true)
	if got := asked200[rest.LogReply](r, "/v1/log"); got.First != nil || got.Last != nil || got.Commands == nil || len(got.Commands) > 0 {
		t.Errorf("an empty log: %+v", got)
	}
	r.ask(404, "GET", "/v1/log?seq=1", "")
	conn := testkit.Must(nats.Connect(r.nats))(t)
	defer conn.Close()
	js := testkit.Must(jetstream.New(conn))(t)
	const end = ".message"
	for _, m := range []struct{ subject, data string }{
		{"user.a%2Eb" + end, `{"id":"m1","from":"bob","message":{"x":[1]}}`},
		{"user.alice" + end, "\x82\xa2id\xa2m2\xa4from\xa3bob"},
		{"group.g" + end, "{not JSON"},
		{"user.alice" + end, "\xff\xfe"},
		{"user.alice.nothing", `{"id":1}`},
		{"user.alice" + end, "\x82\xa2id\xa2m3\xa4from\xa1\xff"}, // no text that JSON has
		{"policy", ""},
	} {
		testkit.Must(js.Publish(t.Context(), "unread.cmd."+m.subject, []byte(m.data)))(t)
	}
	got := asked200[rest.LogReply](r, "/v1/log?seq=1&limit=200")
	if len(got.Commands) != 7 || got.First.Seq != 1 || got.Last.Seq != 7 || got.First.At == 0 || got.Last.At < got.First.At || got.Next != 0 {
		t.Fatalf("%+v", got)
	}
	for i, want := range []string{
		`user.message user "a.b" group "" json {"id":"m1","from":"bob","message":{"x":[1]}} "" error false`,
		`user.message user "alice" group "" msgpack {"from":"bob","id":"m2"} "" error false`,
		`group.message user "" group "g"   "{not JSON" error true`,
		`user.message user "alice" group ""   "\xff\xfe" error true`,
		` user "" group "" json {"id":1} "" error true`,
		`user.message user "alice" group ""   "\x82\xa2id\xa2m3\xa4from\xa1\xff" error true`,
		`policy user "" group "" json {} "" error false`,
	} {
		c := got.Commands[i]
		if is := fmt.Sprintf("%s user %q group %q %s %s %q error %v", c.Type, c.User, c.Group, c.Encoding, c.Payload, c.Base64, c.Error != ""); is != want {
			t.Errorf("command %d is %s\nwant %s (%s)", c.Seq, is, want, c.Error)
		}
	}
	if got := asked200[rest.LogReply](r, "/v1/log?limit=2"); len(got.Commands) != 2 || got.Commands[1].Seq != 7 {
		t.Errorf("the newest: %+v", got)
	}
	for query, code := range map[string]int{"seq=0": 400, "seq=x": 400, "limit=0": 400, "limit=201": 400, "more=1": 400, "seq=8": 404} {
		r.ask(code, "GET", "/v1/log?"+query, "")
	}
	// What no event tells of yet must not be cut off: the emitter reads it as it begins.
	testkit.Eventually(t, "all is emitted", func() bool { return asked200[events.Status](r, "/v1/status").Emitted == 7 })
	stream := testkit.Must(js.Stream(t.Context(), "UNREAD_COMMANDS"))(t)
	testkit.OK(t, stream.Purge(t.Context(), jetstream.WithPurgeSequence(3)))
	if _, text := r.ask(404, "GET", "/v1/log?seq=2", ""); !strings.Contains(string(text), "seq 3 is the first") {
		t.Errorf("%s", text)
	}
	if got := asked200[rest.LogReply](r, "/v1/log?limit=200"); len(got.Commands) != 5 || got.First.Seq != 3 {
		t.Errorf("after a cut: %+v", got)
	}
	conn.Close()
	r.end()
	<-r.ended
}
