package rest_test

import (
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"reddot/api/identity"
	"reddot/api/rest"
	"reddot/projector/testkit"
)

// login begins a session, and returns its cookie as a browser sends it.
func (w *world) login(role identity.Role, headers ...string) string {
	w.Helper()
	got := w.want(200, w.post("/v1/session", `{"key":"`+w.keys[role]+`"}`, headers...))
	c := testkit.Must(http.ParseSetCookie(got.header.Get("Set-Cookie")))(w)
	if c.Name != "__Host-reddot" || !c.HttpOnly || !c.Secure || c.SameSite != http.SameSiteStrictMode || c.Path != "/" || c.Domain != "" || c.MaxAge != 12*60*60 {
		w.Errorf("the cookie is %s", c)
	}
	reply := read[rest.SessionReply](w, got)
	if reply.Name != "the-"+role.String() || reply.Role != role.String() || time.UnixMilli(int64(reply.Expires)).Sub(w.now()) < 11*time.Hour {
		w.Errorf("%+v", reply)
	}
	return "Cookie: other=1; " + c.Name + "=" + c.Value
}

// TestSession: a cookie lets in where its key would, streams included, and nowhere else.
func TestSession(t *testing.T) {
	w := closed(t)
	viewer, operator := w.login(identity.Viewer), w.login(identity.Operator)
	for cookie, role := range map[string]string{viewer: "viewer", operator: "operator"} {
		got := read[rest.SessionReply](t, w.get("/v1/session", cookie))
		if got.Role != role || got.Name != "the-"+role || got.Expires == 0 {
			t.Errorf("%+v", got)
		}
		for _, path := range []string{"/v1/status", "/v1/stats", "/v1/log", "/v1/streams?user=alice", "/v1/totals?user=alice", "/metrics", "/v1/events?user=alice"} {
			w.want(200, w.get(path, cookie))
		}
	}
	w.want(403, w.post("/v1/rebuild", "{}", viewer))
	w.want(202, w.post("/v1/rebuild", "{}", operator))
	w.want(403, w.post("/v1/read", `{"user":"alice","conversation":"c2c_bob"}`, operator))
	w.want(401, w.get("/v1/session"))
	w.want(401, w.get("/v1/status", operator, "Authorization: Bearer wrong")) // what is said aloud is what counts
	if got := read[rest.SessionReply](t, w.get("/v1/session", w.as(identity.Operator)...)); got.Expires != 0 || got.Role != "operator" {
		t.Errorf("of a key: %+v", got)
	}

	// Pages of other sites have a browser send the cookie in vain.
	for _, from := range []string{"Sec-Fetch-Site: cross-site", "Sec-Fetch-Site: same-site", "Origin: https://evil.example"} {
		w.want(403, w.post("/v1/rebuild", "{}", operator, from))
		w.want(403, w.post("/v1/session", `{"key":"x"}`, from))
		w.want(403, w.send("DELETE", "/v1/session", "", operator, from))
	}
	w.want(202, w.post("/v1/rebuild", "{}", operator, "Sec-Fetch-Site: same-origin"))

	out := w.want(204, w.send("DELETE", "/v1/session", "", operator))
	if c := testkit.Must(http.ParseSetCookie(out.header.Get("Set-Cookie")))(t); c.MaxAge >= 0 || c.Value != "" || !c.Secure || c.Path != "/" {
		t.Errorf("the cookie that goes is %s", c)
	}
	w.want(204, w.send("DELETE", "/v1/session", ""))
}

// loginAgo begins a session of a viewer some time ago.
func (w *world) loginAgo(ago time.Duration) string {
	w.ago.Store(int64(ago))
	defer w.ago.Store(0)
	return w.login(identity.Viewer)
}

// TestSessionLife: a session lets in for twelve hours. What it has opened ends with it, and
// where nobody need say who they are it is nobody's then.
func TestSessionLife(t *testing.T) {
	t.Parallel()
	w := closed(t)
	old := w.loginAgo(identity.SessionLife)
	for _, path := range []string{"/v1/session", "/v1/status", "/v1/events?user=alice", "/v1/feed", "/v1/changes?user=alice"} {
		got := w.want(401, w.get(path, old))
		if p := got.problem(t); p.Code != rest.TokenExpired || !strings.Contains(p.Detail, "log in again") || !strings.Contains(got.header.Get("WWW-Authenticate"), "token_expired") {
			t.Errorf("%s: %+v", path, p)
		}
	}
	w.want(200, w.get("/readyz", old))
	w.login(identity.Viewer, old) // over the old one

	_, cursor := w.poll("user=alice&wait=0", w.as(identity.Viewer)...)
	soon := w.loginAgo(identity.SessionLife - 4*time.Second)
	events, feed := w.listen("/v1/events?user=alice", soon), w.listen("/v1/feed", soon)
	polled := make(chan answer, 1)
	go func() { polled <- w.get("/v1/changes?user=alice&wait=50&cursor="+cursor, soon) }()
	w.want(403, w.post("/v1/gateway", `{"users":[]}`, soon)) // a back end's
	for _, l := range []*listening{events, feed} {
		all := l.until("bye")
		if hello := string(all[0].Data); !strings.Contains(hello, `"expires_at":`) {
			t.Errorf("hello %s", hello)
		}
		if d := all[len(all)-1].data(t); d.Reason != "expired" {
			t.Errorf("bye %+v", d)
		}
	}
	if got := testkit.Receive(t, "the poll's answer", polled); got.code != 200 && got.code != 401 { // it may have come too late
		t.Errorf("the poll: %d %s", got.code, got.body)
	}
	w.want(401, w.get("/v1/session", soon))
}

// TestSessionEnds: a session ends with its key. That is no failure to log in, and a forged one
// is.
func TestSessionEnds(t *testing.T) {
	w := closed(t)
	cookie := w.login(identity.Viewer)
	name, value, _ := strings.Cut(cookie, "__Host-reddot=")
	forged := name + "__Host-reddot=" + value[:len(value)-2] + map[bool]string{true: "A", false: "B"}[value[len(value)-2] != 'A'] + value[len(value)-1:]
	w.want(401, w.get("/v1/session", forged))
	w.want(200, w.get("/readyz", forged)) // where nobody need say who they are

	// The key is taken out of the file.
	_, e, err := identity.NewKey("another", identity.Viewer, 0)
	testkit.OK(t, err)
	testkit.OK(t, os.WriteFile(w.file, []byte(`{"keys":[`+e.String()+`]}`), 0o600))
	testkit.Must(w.auth.Reload())(t)
	for range 30 {
		if p := w.want(401, w.get("/v1/session", cookie)).problem(t); p.Code != rest.TokenExpired || !strings.Contains(p.Detail, "log in again") {
			t.Fatalf("%+v", p)
		}
	}
	w.want(200, w.get("/readyz", cookie))
	w.want(401, w.post("/v1/session", `{"key":"rdk_wrong"}`)) // not 429
}

// TestNoSession: what begins none.
func TestNoSession(t *testing.T) {
	w := closed(t)
	for body, code := range map[string]int{
		`{"key":"` + w.keys[identity.Backend] + `"}`: 403, `{"key":"` + w.keys[identity.Metrics] + `"}`: 403,
		`{}`: 401, `{"key":5}`: 400, `{"key":"x","more":1}`: 400, `["x"]`: 400, ``: 400,
	} {
		if got := w.post("/v1/session", body); got.code != code || got.header.Get("Set-Cookie") != "" {
			t.Errorf("%s: %d %s %v, want %d", body, got.code, got.body, got.header, code)
		}
	}
	right := `{"key":"` + w.keys[identity.Viewer] + `"}`
	got := w.want(403, w.post("/v1/session", right, "Host: reddot.example"))
	if !strings.Contains(got.body, "https") || got.header.Get("Set-Cookie") != "" {
		t.Errorf("%s %v", got.body, got.header)
	}
	for _, over := range []string{"X-Forwarded-Proto: https", "Origin: https://reddot.example"} {
		w.want(200, w.post("/v1/session", right, "Host: reddot.example", over))
	}

	// Wrong keys are counted for their address; the right one passes all the same.
	limited := 0
	for range 40 {
		if got := w.post("/v1/session", `{"key":"rdk_wrong"}`); got.code == 429 {
			limited++
		} else if got.code != 401 {
			t.Fatalf("%d %s", got.code, got.body)
		}
	}
	if limited == 0 {
		t.Error("wrong keys without end")
	}
	w.login(identity.Viewer)
}

// TestSessionOpen: where nobody is asked who they are, whoever asks is an operator without a
// name, and has no cookie.
func TestSessionOpen(t *testing.T) {
	w := open(t)
	for _, got := range []answer{w.get("/v1/session"), w.post("/v1/session", `{"key":"any"}`), w.get("/v1/session", "Cookie: __Host-reddot=old")} {
		if got = w.want(200, got); got.body != `{"role":"operator"}` || got.header.Get("Set-Cookie") != "" {
			t.Errorf("%s %v", got.body, got.header)
		}
	}
	w.want(204, w.send("DELETE", "/v1/session", ""))
}
