package rest_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	"reddot/api/rest"
	"reddot/events"
	"reddot/projector/testkit"
)

// dial opens a connection that the test writes to itself.
func (w *world) dial() net.Conn {
	w.Helper()
	c := testkit.Must(net.Dial("tcp", w.server.Addr()))(w)
	w.Cleanup(func() { c.Close() })
	testkit.OK(w, c.SetDeadline(time.Now().Add(testkit.Patience)))
	return c
}

// status is that of an answer on a connection; 0 if it was closed without one.
func status(c net.Conn) int {
	resp, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		return 0
	}
	defer resp.Body.Close()
	return resp.StatusCode
}

// TestHostileHeads: heads without an end are cut off, slow ones too.
func TestHostileHeads(t *testing.T) {
	t.Parallel()
	w := open(t)
	huge := w.dial()
	go func() {
		io.WriteString(huge, "GET /v1 HTTP/1.1\r\nHost: localhost\r\n")
		line := "X-Long: " + strings.Repeat("x", 4<<10) + "\r\n"
		for range (10 << 20) / len(line) {
			if _, err := io.WriteString(huge, line); err != nil {
				return
			}
		}
	}()
	if got := status(huge); got != 431 && got != 0 {
		t.Errorf("10 MB of headers: %d", got)
	}
	long := w.dial()
	fmt.Fprintf(long, "GET /v1?%s HTTP/1.1\r\nHost: localhost\r\n\r\n", strings.Repeat("x", 30<<10))
	if got := status(long); got != 414 {
		t.Errorf("a URL of 30 KiB: %d", got)
	}
	slow, slowBody := w.dial(), w.dial()
	io.WriteString(slow, "GET /v1 HTTP/1.1\r\nHost: localh")
	io.WriteString(slowBody, "POST /v1/read HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 50\r\n\r\n{")
	if got := status(slow); got != 0 && got != 408 {
		t.Errorf("half a head: %d", got)
	}
	if got := status(slowBody); got != 400 {
		t.Errorf("half a body: %d", got)
	}
	for _, head := range []string{
		"GET /v1/totals?user=%zz HTTP/1.1\r\nHost: localhost\r\n\r\n", "GET /v1/totals?user=a;b HTTP/1.1\r\nHost: localhost\r\n\r\n",
		"GET /v1/totals?user=%ff HTTP/1.1\r\nHost: localhost\r\n\r\n", "GET /v1/totals?user=a&user=b HTTP/1.1\r\nHost: localhost\r\n\r\n",
		"GET /v1/totals?user=a%00 HTTP/1.1\r\nHost: localhost\r\n\r\n", "GET /v1/totals?user= HTTP/1.1\r\nHost: localhost\r\n\r\n",
		"GET /v1/totals HTTP/1.1\r\n\r\n", "junk\r\n\r\n", "GET /v1 HTTP/1.1\r\nHost: localhost\r\nHost: evil\r\n\r\n",
	} {
		c := w.dial()
		io.WriteString(c, head)
		if got := status(c); got != 400 {
			t.Errorf("%q: %d", head, got)
		}
	}
	for _, path := range []string{"//v1", "/v1/", "/v1/../v1", "/v1/totals/", "/V1", "/v1/./totals", "/"} {
		w.want(404, w.get(path))
	}
	w.want(200, w.get("/v1"))
}

// TestHostileBodies: what lies about its length, is compressed, nests or repeats is
// refused, and the next request is answered.
func TestHostileBodies(t *testing.T) {
	w := open(t)
	post := "POST /v1/read HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
	for name, request := range map[string]string{
		"shorter":          post + "Content-Length: 5\r\nConnection: close\r\n\r\n{\"user\":\"a\"}",
		"two lengths":      post + "Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
		"length and parts": post + "Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
		"broken part":      post + "Transfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n",
	} {
		c := w.dial()
		io.WriteString(c, request)
		if got := status(c); got != 400 {
			t.Errorf("%s: %d", name, got)
		}
	}
	longer := w.dial()
	io.WriteString(longer, post+"Content-Length: 100\r\n\r\n{}")
	testkit.OK(t, longer.(*net.TCPConn).CloseWrite())
	if got := status(longer); got != 400 {
		t.Errorf("a body that ends early: %d", got)
	}
	endless := w.dial()
	go func() {
		io.WriteString(endless, post+"Transfer-Encoding: chunked\r\n\r\n")
		for range 1000 {
			if _, err := fmt.Fprintf(endless, "1000\r\n%s\r\n", strings.Repeat(" ", 0x1000)); err != nil {
				return
			}
		}
	}()
	if got := status(endless); got != 413 {
		t.Errorf("a body without an end: %d", got)
	}
	deep := strings.Repeat("[", 5000) + strings.Repeat("]", 5000)
	for body, want := range map[string]int{
		`{"user":"a","conversation":"c2c_b","x":` + deep + `}`: 400, `{"user":"a","user":"b","conversation":"c2c_b"}`: 400,
		"\x81\xa4user\xa1a": 400, `[]`: 400, `{"user":"a","conversation":"c2c_b"}{}`: 400, `{"user":7,"conversation":"c2c_b"}`: 400,
		`{"user":"a","conversation":"c2c_b","wait":"done"}`: 400, `{"user":"a","conversation":"c2c_b","timeout_ms":30001}`: 400,
		"{\"user\":\"\xff\",\"conversation\":\"c2c_b\"}": 400, `null`: 400, "{\"user\":\"a\",\"conversation\":\"c2c_b\"}": 200,
	} {
		if got := w.post("/v1/read", body); got.code != want {
			t.Errorf("%.80q: %d %s", body, got.code, got.body)
		}
	}
	for path, bodies := range map[string][]string{
		"/v1/commands":          {``, `{}`, `[]`, `{"commands":[` + deep + `]}`, `{"commands":[{"type":"policy"}],"x":1}`, `{"commands":[{"type":"policy"}],"commands":[]}`},
		"/v1/totals/batch":      {`{"users":["a"],"users":["b"]}`, `{"users":[]}`, `{"users":[7]}`, `{"users":` + deep + `}`, `{"usrs":["a"]}`, ``, `{"users":["a"]`, `]`},
		"/v1/conversations/get": {`{"user":"a","conversations":["c2c_b"],"limit":1}`, `{"user":"a","conversations":["b"]}`, `{"user":"a","conversations":[]}`, `{"conversations":["c2c_b"]}`},
		"/v1/disconnect":        {`{}`, `{"user":"a","x":1}`, `[]`},
	} {
		for _, body := range bodies {
			w.want(400, w.post(path, body)).problem(t)
		}
	}
	if n := w.stored(); n != 1 {
		t.Errorf("%d commands are stored", n)
	}
}

// TestOrigins: pages of the configured origins may ask, and no others; without any there
// is no word of CORS.
func TestOrigins(t *testing.T) {
	w := closed(t)
	preflight := func(origin string) answer {
		return w.send("OPTIONS", "/v1/read", "", "Origin: "+origin, "Access-Control-Request-Method: POST", "Access-Control-Request-Headers: authorization,content-type,idempotency-key")
	}
	h := preflight("https://chat.example").header
	if h.Get("Access-Control-Allow-Origin") != "https://chat.example" || h.Get("Access-Control-Max-Age") != "7200" || !strings.Contains(h.Get("Access-Control-Allow-Headers"), "idempotency-key") || h.Get("Access-Control-Allow-Credentials") != "" {
		t.Errorf("%v", h)
	}
	if h := preflight("https://evil.example").header; h.Get("Access-Control-Allow-Origin") != "" {
		t.Errorf("%v", h)
	}
	if h := w.want(401, w.get("/v1/totals", "Origin: https://chat.example")).header; h.Get("Access-Control-Allow-Origin") != "https://chat.example" || !strings.Contains(h.Get("Access-Control-Expose-Headers"), "Retry-After") {
		t.Errorf("a 401 without CORS: %v", h)
	}
	bare := open(t)
	for name := range bare.get("/v1", "Origin: https://chat.example").header {
		if strings.HasPrefix(name, "Access-Control") {
			t.Errorf("%s without origins", name)
		}
	}
	bare.want(403, bare.post("/v1/read-all", `{"user":"a"}`, "Origin: https://evil.example"))
	bare.want(403, bare.post("/v1/snapshot", ``, "Sec-Fetch-Site: cross-site"))
	bare.want(200, bare.post("/v1/read-all", `{"user":"a"}`, "Sec-Fetch-Site: same-origin"))
}

// TestHost: where nobody is asked who they are, only this machine's names are answered.
func TestHost(t *testing.T) {
	closed, any := open(t), newWorld(t, options{fold: true, rest: func(c *rest.Config) { c.AnyHost = true }})
	for host, want := range map[string]int{
		"localhost": 200, "LOCALHOST:8480": 200, "localhost.:1": 200, "127.0.0.1": 200, "127.0.0.1:1": 200, "127.9.8.7": 200, "[::1]": 200, "[::1]:1": 200,
		"evil.example": 403, "evil.example:8480": 403, "127.0.0.1.evil.example": 403, "localhost.evil.example": 403, "10.0.0.1": 403, "[2001:db8::1]:80": 403, "0.0.0.0": 403,
	} {
		closed.want(want, closed.get("/metrics", "Host: "+host))
		any.want(200, any.get("/metrics", "Host: "+host))
	}
	if _, err := netip.ParseAddr("::1"); err != nil || !rest.Loopback("::ffff:127.0.0.1") || rest.Loopback("example.com") {
		t.Error("what is loopback is not known")
	}
}

// TestCompressed: large answers are compressed if asked for, small ones never.
func TestCompressed(t *testing.T) {
	w := open(t)
	var list []string
	for i := range 50 {
		list = append(list, fmt.Sprintf(`{"type":"user.message","user":"alice","id":"m1","from":"peer%d"}`, i))
	}
	w.commands(list...)
	for url, want := range map[string]string{"/v1/conversations?user=alice": "gzip", "/v1/totals?user=alice": "", "/reddot.js": "gzip", "/reddot.d.ts": "gzip", "/openapi.yaml": "gzip"} {
		if got := w.get(url, "Accept-Encoding: gzip"); got.header.Get("Content-Encoding") != want || got.header.Get("ETag") == "" {
			t.Errorf("%s: %v", url, got.header)
		}
		if got := w.get(url, "Accept-Encoding: identity"); got.header.Get("Content-Encoding") != "" {
			t.Errorf("%s: %v", url, got.header)
		}
	}
	if got := read[events.Status](t, w.get("/v1/status")); got.Applied != 50 {
		t.Errorf("%+v", got)
	}
}

// TestSlowBodies: bodies that are announced and don't come take no room from others.
func TestSlowBodies(t *testing.T) {
	w := open(t)
	for range 100 { // more than all that may be held
		c := w.dial()
		fmt.Fprintf(c, "POST /v1/commands HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n{", events.MaxBatchBytes)
		w.want(200, w.post("/v1/commands", `{"commands":[{"type":"user.message","user":"a","id":"m1","from":"b"}]}`))
	}
	large := `{"commands":[{"type":"user.message","user":"a","id":"m2","from":"b","note":"` + strings.Repeat("x", 200<<10) + `"}]}`
	w.want(200, w.post("/v1/commands", large))
	w.want(413, w.post("/v1/commands", strings.Repeat(" ", events.MaxBatchBytes+1)))
}
