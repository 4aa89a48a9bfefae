package rest_test

import (
	"fmt"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"reddot/api/gate"
	"reddot/api/identity"
	"reddot/api/rest"
	"reddot/events"
	"reddot/projector/testkit"
)

// golden compares an error with its golden file: what was asked, the answer's status,
// its headers and its body.
func golden(t *testing.T, name string, got answer) rest.Problem {
	t.Helper()
	p := got.problem(t)
	if retry := got.header.Get("Retry-After"); (retry != "") != (got.code == 429 || got.code == 503) || retry == "0" {
		t.Errorf("%s: %d with Retry-After %q", name, got.code, retry)
	}
	var out strings.Builder
	fmt.Fprintf(&out, "%d %s\n", got.code, http.StatusText(got.code))
	for _, h := range []string{"Allow", "Cache-Control", "Content-Type", "Reddot-Request", "Www-Authenticate"} {
		if value := got.header.Get(h); value != "" {
			fmt.Fprintf(&out, "%s: %s\n", h, value)
		}
	}
	out.WriteString("\n" + got.body + "\n")
	testkit.Golden(t, filepath.Join("..", "..", "testdata", "http", name+".txt"), out.String())
	return p
}

// TestErrors: every error, as it is answered.
func TestErrors(t *testing.T) {
	seen := map[rest.Code]bool{}
	check := func(name string, code rest.Code, got answer) {
		t.Helper()
		if p := golden(t, name, got); p.Code != code {
			t.Errorf("%s: code %s, want %s", name, p.Code, code)
		}
		seen[code] = true
	}
	openErrors(t, check)
	closedErrors(t, check)
	busyErrors(t, check)
	streamErrors(t, check)
	for _, code := range rest.Codes() {
		if !seen[code] {
			t.Errorf("%s has no golden file", code)
		}
	}
}

// A checker compares an error with its golden file, and its code.
type checker func(name string, code rest.Code, got answer)

// id is the requests' own in golden files.
const id = "X-Request-Id: golden"

// openErrors are those of a server that asks nobody who they are.
func openErrors(t *testing.T, check checker) {
	w := open(t)
	w.commands(`{"type":"user.message","user":"alice","id":"m1","from":"bob"}`)
	check("bad_request-query", rest.BadRequest, w.get("/v1/conversations?user=alice&limit=201", id))
	check("bad_request-parameter", rest.BadRequest, w.get("/v1/totals?user=alice&kinds=c2c", id))
	check("bad_request-no-user", rest.BadRequest, w.get("/v1/totals", id))
	check("bad_request-body", rest.BadRequest, w.post("/v1/totals/batch", `{"users":["a"],"kind":"c2"}`, id))
	check("bad_request-commands", rest.BadRequest, w.post("/v1/commands",
		`{"commands":[{"type":"policy"},{"type":"user.message","user":"alice","id":"","from":"bob"},{"type":"user.read","user":"alice","conversation":"c2c_bob","up_to":"m1"}]}`, id))
	check("bad_request-refused", rest.BadRequest, w.post("/v1/read", `{"user":"alice","conversation":"group_g","wait":"applied"}`, id))
	check("bad_request-duplicate-name", rest.BadRequest, w.post("/v1/read", `{"user":"alice","conversation":"c2c_bob","upto":"m1","upto":"m2"}`, id))
	check("bad_host", rest.BadHost, w.get("/v1/totals?user=alice", id, "Host: evil.example"))
	check("not_found", rest.NotFound, w.get("/v1/conversation?user=alice&conversation=c2c_carl", id))
	check("not_found-route", rest.NotFound, w.get("/v2/totals", id))
	check("method_not_allowed", rest.BadMethod, w.send("DELETE", "/v1/totals", "", id))
	check("too_large", rest.TooLarge, w.post("/v1/read", strings.Repeat(" ", events.MaxPayload+1), id))
	check("url_too_long", rest.URLTooLong, w.get("/v1/totals?user="+strings.Repeat("x", 9000), id))
	check("headers_too_large", rest.HeadersTooLong, w.get("/v1/totals?user=alice", id, "X-Long: "+strings.Repeat("x", 17000)))
	check("unsupported_media_type", rest.BadMedia, w.post("/v1/read", `{}`, id, "Content-Type: text/plain"))
	check("unsupported_media_type-gzip", rest.BadMedia, w.post("/v1/read", `{}`, id, "Content-Encoding: gzip"))
	check("not_applied", rest.NotApplied, w.get("/v1/totals?user=alice&after_seq=99&timeout_ms=0", id))
	check("unavailable", rest.Unavailable, w.get("/v1/readers?user=alice&group=g&id=m", id))
	check("key_reused", rest.KeyReused, func() answer {
		w.want(200, w.post("/v1/read", `{"user":"alice","conversation":"c2c_bob"}`, "Idempotency-Key: k"))
		return w.post("/v1/read", `{"user":"alice","conversation":"c2c_carl"}`, id, "Idempotency-Key: k")
	}())
}

// closedErrors are about who asks.
func closedErrors(t *testing.T, check checker) {
	w := newWorld(t, options{fold: true, auth: `"origins":[]`, gate: gate.Config{Rate: 1}})
	alice := sign(t, "alice", "")
	check("unauthorized", rest.Unauthorized, w.get("/v1/totals", id))
	check("unauthorized-wrong", rest.Unauthorized, w.get("/v1/totals", id, "X-API-Key: rdk_nobody"))
	check("token_expired", rest.TokenExpired, w.get("/v1/totals", id, sign(t, "alice", `{"exp":1000000000}`)))
	check("forbidden", rest.Forbidden, w.get("/v1/users", id, alice))
	check("forbidden-user", rest.Forbidden, w.get("/v1/totals?user=bob", id, alice))
	check("rate_limited", rest.RateLimited, func() answer {
		for {
			if got := w.post("/v1/read-all", `{}`, id, alice); got.code != 200 {
				// How long it takes to the next token is a matter of time.
				got.body = strings.Replace(got.body, got.body[strings.Index(got.body, "again in "):strings.Index(got.body, " ms")], "again in 999", 1)
				return got
			}
		}
	}())
}

// busyErrors are those while another request is at work.
func busyErrors(t *testing.T, check checker) {
	w := newWorld(t, options{auth: `"origins":[]`}) // nothing is applied
	backend := w.as(identity.Backend)
	first := make(chan answer)
	body := `{"user":"alice","conversation":"c2c_bob","wait":"applied","timeout_ms":30000}`
	go func() { first <- w.post("/v1/read", body, append(backend, "Idempotency-Key: slow")...) }()
	testkit.Eventually(t, "the first request is at work", func() bool { return gauge(t, w, "reddot_query_waiters") == 1 })
	check("in_progress", rest.InProgress, w.post("/v1/read", body, append(backend, id, "Idempotency-Key: slow")...))
	w.stop()
	if got := testkit.Receive(t, "the first answer", first).problem(t); got.Code != rest.Unavailable || got.Seq != 1 {
		t.Errorf("the first request: %+v", got)
	}
}

// streamErrors are those of streams.
func streamErrors(t *testing.T, check checker) {
	w := newWorld(t, options{fold: true, streams: 1})
	w.listen("/v1/events?user=alice").until("live")
	check("too_many_streams", rest.TooManyStreams, w.get("/v1/events?user=bob", id))
	check("too_many_streams", rest.TooManyStreams, w.get("/v1/changes?user=bob", id))
}

// gauge is the value of a gauge or a counter, of all its labels together.
func gauge(t testing.TB, w *world, name string) (sum float64) {
	t.Helper()
	for _, f := range testkit.Must(w.registry.Gather())(t) {
		if f.GetName() == name {
			for _, m := range f.GetMetric() {
				sum += m.GetGauge().GetValue() + m.GetCounter().GetValue()
			}
		}
	}
	return sum
}

// TestStarting: until there is a connection to NATS probes are answered, and nothing else.
func TestStarting(t *testing.T) {
	w := newWorld(t, options{fold: true, starting: true, rest: func(c *rest.Config) {
		c.Ready = func() error { return fmt.Errorf("starting: no NATS server") }
	}})
	w.want(200, w.get("/healthz"))
	if got := w.want(503, w.get("/readyz")); got.body != "starting: no NATS server\n" || got.header.Get("Retry-After") == "" {
		t.Errorf("%+v", got)
	}
	w.want(200, w.get("/v1"))
	for _, got := range []answer{w.get("/v1/totals?user=a"), w.post("/v1/read-all", `{"user":"a"}`), w.get("/v1/status")} {
		if p := w.want(503, got).problem(t); p.Code != rest.Unavailable || strings.Contains(p.Detail, "not yet") {
			t.Errorf("%+v", p)
		}
	}
}

// TestReadyz: why it is not ready is for those who may see how the server does.
func TestReadyz(t *testing.T) {
	w := newWorld(t, options{fold: true, auth: `"origins":[]`, rest: func(c *rest.Config) {
		c.Ready = func() error { return fmt.Errorf("the log is not whole") }
	}})
	alice := sign(t, "alice", "")
	for body, header := range map[string][]string{"not ready\n": {alice}, "the log is not whole\n": w.as(identity.Operator)} {
		if got := w.want(503, w.get("/readyz", header...)); got.body != body {
			t.Errorf("%q, want %q", got.body, body)
		}
	}
	if got := w.want(503, w.get("/readyz")); got.body != "not ready\n" {
		t.Errorf("nobody is told %q", got.body)
	}
	w.want(401, w.get("/readyz", "X-API-Key: rdk_wrong"))
}

// TestRequestIDs: a sane id is kept, any other is made.
func TestRequestIDs(t *testing.T) {
	w := open(t)
	for id, kept := range map[string]bool{"a-1.B_": true, strings.Repeat("x", 64): true, strings.Repeat("x", 65): false, "a b": false, "ü": false, "": false} {
		got := w.get("/healthz", "X-Request-Id: "+id).header.Get("Reddot-Request")
		if (got == id) != kept || len(got) == 0 {
			t.Errorf("%q becomes %q", id, got)
		}
	}
	ids := []string{w.get("/v1").header.Get("Reddot-Request"), w.get("/v1").header.Get("Reddot-Request")}
	if slices.Sort(ids); ids[0] == ids[1] {
		t.Error("two requests have one id")
	}
}
