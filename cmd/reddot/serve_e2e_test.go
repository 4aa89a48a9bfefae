package main_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/micro"

	"reddot/events"
	"reddot/projector/testkit"
	"reddot/projector/testkit/natstest"
)

// testServe starts on a fresh folder and does with it what a first visitor
// does.
func testServe(t *testing.T, p program) {
	c := p.serve(t, t.TempDir())
	checkHTTP(t, c)
	nc := connect(t, c.nats)
	alice, err := nc.SubscribeSync(subjects(t).Change("alice"))
	if err != nil {
		t.Fatal(err)
	}
	if err := nc.Flush(); err != nil {
		t.Fatal(err)
	}

	publish(t, nc, "unread.cmd.user.alice.message", `{"id":"m1","from":"bob","at":1000}`)
	publish(t, nc, "unread.cmd.user.alice.message", `{"id":"m1","from":"bob"}`) // rule once
	seq := publish(t, nc, "unread.cmd.user.alice.message", `{"id":"m2","from":"bob","at":2000,"mentions":["alice"]}`)
	totals := told[events.TotalsReply](t, nc, "unread.api.alice.totals", request{AfterSeq: seq})
	want := events.TotalsReply{User: "alice", Version: seq, Totals: events.Totals{Unread: 2, C2C: 2, Mentions: 1, Conversations: 1}}
	if diff := cmp.Diff(want, totals); diff != "" {
		t.Errorf("totals (-want +got):\n%s", diff)
	}
	for heard := events.Seq(0); heard < seq; {
		msg, err := alice.NextMsg(waitTimeout)
		if err != nil {
			t.Fatal(err)
		}
		var change events.Change
		if err := events.Unmarshal(msg.Header.Get("Content-Type"), msg.Data, &change); err != nil {
			t.Fatal(err)
		}
		if heard = change.Version; heard == seq && change.Totals != want.Totals {
			t.Errorf("heard %+v", change)
		}
	}
	checkClient(t, p, c)
	checkMicro(t, nc)
	c.terminate(t)
	if nc, err := nats.Connect(c.nats); err == nil {
		nc.Close()
		t.Error("the port is open after the end")
	}
}

func checkHTTP(t *testing.T, c *child) {
	t.Helper()
	for path, want := range map[string]string{"/healthz": "ok\n", "/readyz": "ready\n", "/metrics": "reddot_rows_written_total"} {
		if code, body := c.get(t, path); code != http.StatusOK || !strings.Contains(body, want) {
			t.Errorf("%s answers %d %q", path, code, body)
		}
	}
	_, metrics := c.get(t, "/metrics")
	for _, line := range []string{
		"# TYPE reddot_snapshots_taken_total counter", "# TYPE reddot_snapshots_failed_total counter",
		`reddot_build_info{commit=`, `reddot_stream_bytes{stream="UNREAD_COMMANDS"} `, `reddot_stream_messages{stream="UNREAD_EVENTS"} `, `reddot_stream_replicas{stream="UNREAD_EVENTS"} 1`,
		`reddot_commands_refused_total{reason="not_member"} 0`, "reddot_queries_taken 1\n",
		"# TYPE reddot_log_told_seconds gauge\n", "# TYPE reddot_state_age_seconds gauge\n",
	} {
		if !strings.Contains(metrics, line) {
			t.Errorf("metrics lack %s", line)
		}
	}
	if code, body := c.get(t, "/"); code != http.StatusOK || !strings.Contains(body, "<title>reddot") {
		t.Errorf("/ leads to %d %q, want the console", code, body)
	}
	if code, _ := c.get(t, "/nowhere"); code != http.StatusNotFound {
		t.Errorf("/nowhere answers %d", code)
	}
}

// checkClient asks with the program's client commands.
func checkClient(t *testing.T, p program, c *child) {
	t.Helper()
	line := `{"subject":"unread.cmd.user.alice.message","payload":{"id":"m3","from":"carol","at":3000}}`
	if got := p.run(t, strings.NewReader(line), "publish", "--server", c.nats, "--wait").done(t); got != "published 1 command, last seq 4\n" {
		t.Errorf("publish prints %q", got)
	}
	var list events.ConversationsReply
	if err := json.Unmarshal([]byte(p.run(t, nil, "show", "alice", "--json", "--server", c.nats).done(t)), &list); err != nil {
		t.Fatal(err)
	}
	want := events.ConversationsReply{User: "alice", Version: 4, Totals: events.Totals{Unread: 3, C2C: 3, Mentions: 1, Conversations: 2},
		Conversations: []events.Conversation{
			{Conversation: "c2c_carol", Unread: 1, FirstUnread: "m3", Version: 4, LastMessage: &events.LastMessage{ID: "m3", From: "carol", At: 3000}},
			{Conversation: "c2c_bob", Unread: 2, Mentions: 1, FirstUnread: "m1", Version: 3, LastMessage: &events.LastMessage{ID: "m2", From: "bob", At: 2000}},
		}}
	if diff := cmp.Diff(want, list); diff != "" {
		t.Errorf("show (-want +got):\n%s", diff)
	}
	if got := p.run(t, nil, "explain", "alice", "c2c_bob", "--server", c.nats).done(t); !strings.Contains(got, "m1") || !strings.Contains(got, "m2") {
		t.Errorf("explain prints\n%s", got)
	}
	var status events.Status
	if err := json.Unmarshal([]byte(p.run(t, nil, "status", "--json", "--after-seq", "4", "--server", c.nats).done(t)), &status); err != nil {
		t.Fatal(err)
	}
	if status.Applied != 4 || status.Emitted != 4 || status.Last != 4 || status.Ignored != 1 || status.Commands["user.message"] != 4 {
		t.Errorf("status %+v", status)
	}
	p.run(t, nil, "show", "alice", "group_x", "--server", c.nats).failed(t, 1, "group_x")
}

// checkMicro asks what tools for NATS services ask.
func checkMicro(t *testing.T, nc *nats.Conn) {
	t.Helper()
	var ping micro.Ping
	var info micro.Info
	var stats micro.Stats
	for verb, reply := range map[string]any{"PING": &ping, "INFO": &info, "STATS": &stats} {
		m, err := nc.Request("$SRV."+verb+".reddot", nil, waitTimeout)
		if err != nil {
			t.Fatalf("%s: %v", verb, err)
		}
		if err := json.Unmarshal(m.Data, reply); err != nil {
			t.Fatalf("%s: %v: %s", verb, err, m.Data)
		}
	}
	if ping.Name != "reddot" || info.Name != "reddot" || stats.Name != "reddot" {
		t.Errorf("names %q, %q, %q", ping.Name, info.Name, stats.Name)
	}
	asked := map[string]int{}
	for _, e := range stats.Endpoints {
		asked[e.Subject] = e.NumRequests
	}
	if len(info.Endpoints) != 15 || asked["unread.api.*.totals"] != 1 || asked["unread.api.status"] < 1 {
		t.Errorf("%d endpoints, requests %v", len(info.Endpoints), asked)
	}
	for _, subject := range []string{"$SRV.PING", "$SRV.INFO", "$SRV.STATS"} {
		if _, err := nc.Request(subject, nil, waitTimeout); err != nil {
			t.Errorf("%s: %v", subject, err)
		}
	}
}

// testServeFails starts servers that can't serve: each says why in one line.
func testServeFails(t *testing.T, p program) {
	dir := t.TempDir()
	c := p.serve(t, dir)
	serve := func(args ...string) result {
		return p.run(t, nil, append([]string{"serve", "--listen", "127.0.0.1:0", "--http", "127.0.0.1:0", "--log-level", "error"}, args...)...)
	}
	serve("--data", dir).failed(t, 1, dir, "in use by another reddot", "--data")

	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	other := t.TempDir()
	for _, flag := range []string{"--listen", "--http"} {
		serve("--data", other, flag, taken.Addr().String()).failed(t, 1, taken.Addr().String(), "in use", flag)
	}
	for _, bad := range [][]string{{"--sync", "never"}, {"--prefix", "a.b"}, {"--http", "nowhere"}, {"--fanout-limit", "many"}, {"--nope"}, {"more"}} {
		serve(append([]string{"--data", other}, bad...)...).failed(t, 2, "--help")
	}
	// None of that has disturbed the first, or left the other folder in use.
	if status := settled(t, connect(t, c.nats), 0); status.State != "live" {
		t.Errorf("status %+v", status)
	}
	p.serve(t, other).terminate(t)
}

// testWaits starts a server before its NATS server, and ends and starts that
// again: it waits, says so, and serves once that is there. One that is asked to
// end meanwhile does.
func testWaits(t *testing.T, p program) {
	at, http := natstest.Address(t), natstest.Address(t)
	start := func(at, http string) *child {
		c := p.start(t, t.TempDir(), nil, "--nats", "nats://me:s3cret@"+at, "--http", http, "--log-format", "json")
		c.http = http
		testkit.Eventually(t, "the reason on /readyz", func() bool {
			code, body, err := probe(c.http + "/readyz")
			return err == nil && code == 503 && strings.Contains(body, "no NATS server at nats://me:xxxxx@"+at+" not yet")
		})
		return c
	}
	idle := start(natstest.Address(t), natstest.Address(t))
	c := start(at, http)
	if code, body, err := probe(http + "/healthz"); code != 200 || err != nil {
		t.Errorf("healthz: %d %s %v", code, body, err)
	}
	idle.terminate(t)
	host, port, err := net.SplitHostPort(at)
	if err != nil {
		t.Fatal(err)
	}
	number, err := strconv.Atoi(port)
	if err != nil {
		t.Fatal(err)
	}
	natstest.Start(t, natstest.With(&server.Options{Host: host, Port: number, Username: "me", Password: "s3cret"}))
	select {
	case <-c.stdout.line:
	case <-c.exited:
		t.Fatalf("it ended: %s", c.stderr)
	case <-time.After(startTimeout):
		t.Fatalf("it is not ready: %s", c.stderr)
	}
	if want := fmt.Sprintf("ready nats=nats://me:xxxxx@%s http=%s\n", at, http); c.stdout.String() != want {
		t.Errorf("the ready line is %q, want %q", c.stdout, want)
	}
	c.terminate(t)
	type line struct {
		Level, Msg, Version, Data, Error, After string
		Settings                                map[string]string
	}
	var lines []line
	for text := range strings.Lines(c.stderr.String()) {
		var l line
		if err := json.Unmarshal([]byte(text), &l); err != nil {
			t.Fatalf("%v: %s", err, text)
		}
		lines = append(lines, l)
	}
	first, waits, last := lines[0], lines[1], lines[len(lines)-1]
	if first.Msg != "reddot starts" || !strings.Contains(first.Version, "go1.") || !filepath.IsAbs(first.Data) || first.Settings["nats"] != "nats://me:xxxxx@"+at {
		t.Errorf("the first line is %+v", first)
	}
	if waits.Msg != "waiting" || waits.Level != "WARN" || !strings.Contains(waits.Error, "no NATS server at") {
		t.Errorf("the second line is %+v", waits)
	}
	if d, err := time.ParseDuration(last.After); last.Msg != "reddot ends" || err != nil || d <= 0 {
		t.Errorf("the last line is %+v", last)
	}
	for _, l := range lines[2:] {
		if l.Level != "INFO" && l.Level != "DEBUG" {
			t.Errorf("a first start logs %+v", l)
		}
	}
	if strings.Contains(c.stderr.String(), "s3cret") {
		t.Errorf("the log has the password: %s", c.stderr)
	}
}

// probe asks a server that may not be there.
func probe(at string) (code int, body string, err error) {
	client := http.Client{Timeout: waitTimeout}
	r, err := client.Get("http://" + at)
	if err != nil {
		return 0, "", err
	}
	defer r.Body.Close()
	text, err := io.ReadAll(r.Body)
	return r.StatusCode, string(text), err
}
