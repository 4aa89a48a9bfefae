package server_test

import (
	"bufio"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"reddot/cmd/reddot/server"
	"reddot/projector/testkit"
)

// stream is one that is read line by line.
type stream struct {
	t    *testing.T
	resp *http.Response
	in   *bufio.Reader
}

// listen opens a stream, and reads it up to live.
func (r *run) listen(path string) *stream {
	r.t.Helper()
	s := r.open("GET", path, "")
	s.until("event: live")
	return s
}

// open opens a stream; headers are names and values in turn.
func (r *run) open(method, path, body string, headers ...string) *stream {
	r.t.Helper()
	req := testkit.Must(http.NewRequest(method, "http://"+r.http+path, strings.NewReader(body)))(r.t)
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	resp := testkit.Must(http.DefaultClient.Do(req))(r.t)
	r.t.Cleanup(func() { resp.Body.Close() })
	if resp.StatusCode != http.StatusOK {
		r.t.Fatalf("%s: %d", path, resp.StatusCode)
	}
	return &stream{r.t, resp, bufio.NewReader(resp.Body)}
}

// until reads up to a line that begins so, and returns what follows it up to the next event.
func (s *stream) until(line string) (rest string) {
	s.t.Helper()
	for {
		got := testkit.Must(s.in.ReadString('\n'))(s.t)
		if !strings.HasPrefix(got, line) {
			continue
		}
		for got != "\n" {
			got = testkit.Must(s.in.ReadString('\n'))(s.t)
			rest += got
		}
		return rest
	}
}

// TestStreams: what happens in a group beyond the fan-out limit is told to who watches it,
// as a stream does unless it says otherwise, and whichever reddot emits. At the end of a
// server each stream is told.
func TestStreams(t *testing.T) {
	r := start(t, t.TempDir(), true, func(c *server.Config) { c.FanoutLimit = 0 })
	r.commands(`{"type":"group.join","group":"g","users":["alice","bob","carol"]}`)
	alice, bob := r.listen("/v1/events?user=alice"), r.listen("/v1/events?user=bob&watch=0")
	r.commands(`{"type":"group.message","group":"g","id":"m1","from":"carol"}`, `{"type":"user.message","user":"bob","id":"m2","from":"carol"}`)
	if data := alice.until("event: change"); !strings.Contains(data, `"first_unread":"m1"`) {
		t.Errorf("who watches is told %s", data)
	}
	if data := bob.until("event: change"); !strings.Contains(data, `"first_unread":"m2"`) {
		t.Errorf("who does not watch is told %s", data)
	}
	stats := asked200[struct{ Streams map[string]int }](r, "/v1/stats")
	if stats.Streams["sse"] != 2 || stats.Streams["poll"] != 0 {
		t.Errorf("the stats have %v", stats)
	}
	if got := asked200[struct{ Transports []string }](r, "/v1"); fmt.Sprint(got.Transports) != "[sse poll]" {
		t.Errorf("there are %v", got.Transports)
	}
	_, body := r.ask(http.StatusOK, "POST", "/v1/disconnect", `{"user":"bob"}`)
	if data := bob.until("event: bye"); !strings.Contains(data, `"disconnected"`) || !strings.Contains(string(body), `"closed":1`) {
		t.Errorf("who is disconnected is told %s, and %s", data, body)
	}
	r.stop()
	if data := alice.until("event: bye"); !strings.Contains(data, `"shutdown"`) {
		t.Errorf("in the end a stream is told %s", data)
	}
}

// TestStreamsBounded: as many streams as there may be.
func TestStreamsBounded(t *testing.T) {
	r := start(t, t.TempDir(), true, func(c *server.Config) { c.Streams = 1 })
	defer r.stop()
	s := r.listen("/v1/events?user=alice")
	r.ask(http.StatusTooManyRequests, "GET", "/v1/changes?user=bob", "")
	s.resp.Body.Close()
	testkit.Eventually(t, "the place is free", func() bool {
		resp := testkit.Must(http.Get("http://" + r.http + "/v1/changes?user=bob"))(t)
		resp.Body.Close()
		return resp.StatusCode == http.StatusOK
	})
}
