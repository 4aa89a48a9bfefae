package server_test

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"reddot/api/rest"
	"reddot/cmd/reddot/server"
	"reddot/projector/testkit"
)

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
	resp = testkit.Must(http.Post("http://"+r.http+"/v1/session", "application/json", strings.NewReader(`{"key":"rdk_viewer"}`)))(t)
	resp.Body.Close()
	cookie := resp.Header.Get("Set-Cookie")
	cookie, _, _ = strings.Cut(cookie, ";")
	session := func(r *run) int {
		t.Helper()
		req := testkit.Must(http.NewRequestWithContext(t.Context(), "GET", "http://"+r.http+"/v1/session", nil))(t)
		req.Header.Set("Cookie", cookie)
		resp := testkit.Must(http.DefaultClient.Do(req))(t)
		resp.Body.Close()
		return resp.StatusCode
	}
	if code := session(r); code != 200 {
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
	if code := session(r); code != 200 {
		t.Errorf("after a restart: %d", code)
	}
	other := start(t, t.TempDir(), true, guard)
	if code := session(other); code != 401 {
		t.Errorf("at another server: %d", code)
	}
	other.stop()
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
