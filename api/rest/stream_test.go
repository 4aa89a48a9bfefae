package rest_test

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"reddot/api/identity"
	"reddot/api/rest"
	"reddot/events"
	"reddot/projector/testkit"
)

const messageToAlice = `{"type":"user.message","user":"alice","id":%q,"from":"bob"}`

// message is one to alice.
func message(id string) string { return fmt.Sprintf(messageToAlice, id) }

// TestStream: a stream begins with hello and the whole list, and goes on with what
// happens; one that is opened with its cursor has no more to tell.
func TestStream(t *testing.T) {
	w := open(t)
	w.commands(message("m1"))
	l := w.listen("/v1/events?user=alice&receipts=1")
	for name, want := range map[string]string{"Content-Type": "text/event-stream", "Cache-Control": "no-store, no-transform", "X-Accel-Buffering": "no", "Content-Length": "", "Content-Encoding": ""} {
		if got := l.header.Get(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	if first := kinds(l.until("live")); first != "hello reset change live" {
		t.Errorf("a stream begins with %s", first)
	}
	w.commands(message("m2"), `{"type":"user.message","user":"bob","id":"r1","from":"alice"}`)
	change := l.next("change")
	if d := change.data(t); d.Version != 2 || d.Totals.Unread != 2 || d.Cursor != change.id || len(d.Conversations) != 1 {
		t.Errorf("a change is told as %s with id %s", change.Data, change.id)
	}
	w.commands(`{"type":"user.read","user":"bob","conversation":"c2c_alice"}`)
	receipt := l.next("receipts")
	if d := receipt.data(t); len(d.Receipts) != 1 || !strings.Contains(string(d.Receipts[0]), `"upto":"r1"`) || d.Cursor != receipt.id {
		t.Errorf("a receipt is told as %s with id %s", receipt.Data, receipt.id)
	}
	again := w.listen("/v1/events?user=alice&cursor="+change.id, "Last-Event-ID: "+receipt.id)
	if got := kinds(again.until("live")); got != "hello live" {
		t.Errorf("without news a stream begins with %s", got)
	}
	l.close()
	w.commands(message("m3"))
	if got := kinds(w.listen("/v1/events?user=alice&cursor=" + receipt.id).until("live")); got != "hello change live" {
		t.Errorf("with news a stream begins with %s", got)
	}
}

// TestCursors: whatever a client says, it is told what it lacks, or all of it and why.
func TestCursors(t *testing.T) {
	t.Parallel()
	w := open(t)
	w.commands(message("m1"), `{"type":"group.join","group":"g","users":["alice"]}`)
	l := w.listen("/v1/events?user=alice")
	all := l.until("live")
	mine := all[len(all)-1].id
	epoch, _, _ := strings.Cut(mine, ".")
	for cursor, want := range map[string]string{
		"": "start", "x": "unknown", epoch: "unknown", epoch + ".1": "unknown", epoch + ".-1.0": "unknown", epoch + ".01.0": "unknown", epoch + ".1.0.0": "unknown",
		epoch + ".99.0": "unknown", epoch + ".9007199254740992.0": "unknown", strings.Repeat("9", 3000): "unknown", "%00": "unknown", "000000000000.1.0": "epoch", strings.ToUpper(epoch) + ".x": "unknown",
		mine: "", epoch + ".1.0": "", epoch + ".2.9007199254740991": "",
	} {
		l := w.listenPatiently("/v1/events?user=alice&cursor=" + cursor)
		l.next("hello")
		got := ""
		if h := testkit.Receive(t, "an event", l.events); h.Event == "reset" {
			got = h.data(t).Reason
		}
		if got != want {
			t.Errorf("cursor %.40q: reset %q, want %q", cursor, got, want)
		}
		l.close()
	}
	w.commands(`{"type":"group.leave","group":"g","users":["alice"]}`)
	if h := w.listenPatiently("/v1/events?user=alice&cursor=" + mine).until("reset")[1]; h.data(t).Reason != "lost" {
		t.Errorf("a group was left: %s", h.Data)
	}
}

// listenPatiently opens a stream as soon as the user's rate lets it.
func (w *world) listenPatiently(path string, headers ...string) *listening {
	w.Helper()
	var l *listening
	testkit.Eventually(w, "a token of the rate of streams", func() bool {
		var code int
		l, code = w.tryListen(path, headers...)
		if l == nil && code != 429 {
			w.Fatalf("%s: %d", path, code)
		}
		return l != nil
	})
	return l
}

// TestPoll: a poll is answered at once if there is news, else with the first.
func TestPoll(t *testing.T) {
	w := open(t)
	w.commands(message("m1"))
	all, cursor := w.poll("user=alice&wait=50")
	if kinds(all) != "reset change live" {
		t.Errorf("the first poll: %s", kinds(all))
	}
	if none, same := w.poll("user=alice&wait=0&cursor=" + cursor); len(none) != 0 || same != cursor {
		t.Errorf("without news: %s, %s after %s", kinds(none), same, cursor)
	}
	testkit.Eventually(t, "no poll is open", func() bool { return gauge(t, w, "reddot_streams") == 0 })
	type answered struct {
		all    []heard
		cursor string
	}
	polled := make(chan answered, 1)
	go func() {
		all, cursor := w.poll("user=alice&wait=50&cursor=" + cursor)
		polled <- answered{all, cursor}
	}()
	testkit.Eventually(t, "the poll waits", func() bool { return gauge(t, w, "reddot_streams") == 1 })
	w.commands(message("m2"))
	got := testkit.Receive(t, "the answer", polled)
	if kinds(got.all) != "change" || got.all[0].data(t).Cursor != got.cursor {
		t.Errorf("with news: %s, %s", kinds(got.all), got.cursor)
	}
	w.commands(message("m3"))
	if all, _ := w.poll("user=alice&wait=50&cursor=" + got.cursor); kinds(all) != "change live" {
		t.Errorf("with older news: %s", kinds(all))
	}
	for query, want := range map[string]int{"wait=56": 400, "wait=x": 400, "view=all": 400, "receipts=yes": 400, "since=1": 400, "access_token=x": 400, "timeout_ms=30001": 400, "after_seq=99&timeout_ms=0": 504} {
		w.want(want, w.get("/v1/changes?user=alice&"+query))
	}
}

// TestTotalsView: who wants totals alone hears of nothing else.
func TestTotalsView(t *testing.T) {
	w := open(t)
	w.commands(message("m1"))
	l := w.listen("/v1/events?user=alice&view=totals")
	for _, h := range l.until("live") {
		if strings.Contains(string(h.Data), "conversations\":[") {
			t.Errorf("a list comes: %s", h.Data)
		}
	}
	w.commands(`{"type":"user.label","user":"alice","conversation":"c2c_bob","add":["x"]}`) // changes no total
	w.commands(message("m2"))
	if d := l.next("change").data(t); d.Totals.Unread != 2 || d.Version != 3 || d.Conversations != nil {
		t.Errorf("a change of totals: %+v", d)
	}
}

// TestReplaced: of eleven streams of a user the oldest goes, and no other.
func TestReplaced(t *testing.T) {
	w := closed(t)
	var all []*listening
	for range 11 {
		l := w.listen("/v1/events?user=alice", w.as(identity.Backend)...)
		l.until("live")
		all = append(all, l)
	}
	if d := all[0].next("bye").data(t); d.Reason != "replaced" || d.RetryMS != 60000 {
		t.Errorf("the oldest is told %+v", d)
	}
	if _, open := <-all[0].events; open {
		t.Error("the oldest goes on")
	}
	w.commands(message("m1"))
	for _, l := range all[1:] {
		l.next("change")
	}
}

// TestExpired: a stream ends with its token, and a poll is answered.
func TestExpired(t *testing.T) {
	t.Parallel()
	w := closed(t)
	soon := sign(t, "alice", fmt.Sprintf(`{"exp":%d}`, time.Now().Add(3*time.Second).Unix()))
	l := w.listen("/v1/events", soon)
	all := l.until("bye")
	if hello := string(all[0].Data); !strings.Contains(hello, `"expires_at":`) {
		t.Errorf("hello %s", hello)
	}
	if d := all[len(all)-1].data(t); d.Reason != "expired" {
		t.Errorf("bye %+v", d)
	}
}

// TestShutdown: every stream and poll is told, and the server ends.
func TestShutdown(t *testing.T) {
	w := open(t)
	l := w.listen("/v1/events?user=alice")
	l.until("live")
	_, cursor := w.poll("user=alice&wait=0")
	polled := make(chan []heard, 1)
	go func() {
		all, _ := w.poll("user=alice&wait=50&cursor=" + cursor)
		polled <- all
	}()
	testkit.Eventually(t, "both wait", func() bool { return gauge(t, w, "reddot_streams") == 2 })
	w.stop()
	if d := l.next("bye").data(t); d.Reason != "shutdown" || d.RetryMS < 0 || d.RetryMS > 10_000 {
		t.Errorf("bye %+v", d)
	}
	if all := testkit.Receive(t, "the poll's answer", polled); kinds(all) != "bye" {
		t.Errorf("the poll: %s", kinds(all))
	}
	testkit.OK(t, testkit.Receive(t, "the end", w.ended))
}

// TestDisconnect: what a user has open is closed.
func TestDisconnect(t *testing.T) {
	w := closed(t)
	l, other := w.listen("/v1/events", sign(t, "alice", "")), w.listen("/v1/events", sign(t, "zoe", ""))
	l.until("live")
	other.until("live")
	reply := read[struct{ Closed int }](t, w.post("/v1/disconnect", `{"user":"alice"}`, w.as(identity.Backend)...))
	if d := l.next("bye").data(t); d.Reason != "disconnected" || reply.Closed != 1 {
		t.Errorf("bye %+v, %+v", d, reply)
	}
	w.commands(`{"type":"user.message","user":"zoe","id":"m1","from":"bob"}`)
	other.next("change")
}

// TestQueryToken: a token stands in the URL of a stream where that is allowed, and nowhere
// in the log.
func TestQueryToken(t *testing.T) {
	token := strings.TrimPrefix(sign(t, "alice", ""), "Authorization: Bearer ")
	w := closed(t)
	w.want(401, w.get("/v1/events?access_token="+token))
	w = newWorld(t, options{fold: true, auth: `"origins":[]`, rest: func(c *rest.Config) { c.QueryToken = true }})
	w.listen("/v1/events?access_token=" + token).until("live")
	w.want(401, w.get("/v1/events?access_token="+token+"x"))
	w.want(401, w.get("/v1/totals?access_token="+token))
	w.want(401, w.get("/v1/changes?access_token="+token))
	w.want(400, w.get("/v1/events?access_token="+token, sign(t, "alice", "")))
	if log := w.logged.String(); strings.Contains(log, token) {
		t.Errorf("the log has the token: %s", log)
	}
}

// TestReadYourWrite: a stream that is opened after a command shows it.
func TestReadYourWrite(t *testing.T) {
	w := open(t)
	w.commands(message("m1"))
	for i := range 4 {
		seq := read[struct{ Seq events.Seq }](t, w.post("/v1/label", fmt.Sprintf(`{"user":"alice","conversation":"c2c_bob","add":["l%d"]}`, i))).Seq
		w.want(504, w.get(fmt.Sprintf("/v1/events?user=u%d&after_seq=%d&timeout_ms=0", i, seq+100)))
		l := w.listen(fmt.Sprintf("/v1/events?user=alice&after_seq=%d", seq))
		all := l.until("live")
		if d := all[len(all)-1].data(t); d.Version != seq {
			t.Errorf("live at %d, want %d", d.Version, seq)
		}
		l.close()
	}
}

// TestHTTP2: many streams have one connection, and none is compressed.
func TestHTTP2(t *testing.T) {
	w := newWorld(t, options{fold: true, rest: func(c *rest.Config) { c.H2C = true }})
	transport := new(http.Transport)
	transport.Protocols = new(http.Protocols)
	transport.Protocols.SetUnencryptedHTTP2(true)
	w.client = &http.Client{Transport: transport}
	t.Cleanup(transport.CloseIdleConnections)
	var all []*listening
	for i := range 20 {
		l := w.listen(fmt.Sprintf("/v1/events?user=u%d", i), "Accept-Encoding: gzip")
		l.until("live")
		all = append(all, l)
	}
	var commands []string
	for i := range all {
		commands = append(commands, fmt.Sprintf(`{"type":"user.message","user":"u%d","id":"m","from":"bob"}`, i))
	}
	w.commands(commands...)
	for _, l := range all {
		l.next("change")
		if l.header.Get("Content-Encoding") != "" {
			t.Error("a stream is compressed")
		}
	}
}

// slow is a client that reads when it wants.
type slow struct {
	net.Conn
	*bufio.Reader
}

// dawdle opens a stream and reads it up to live.
func (w *world) dawdle(path string) *slow {
	w.Helper()
	conn := testkit.Must(net.Dial("tcp", w.server.Addr()))(w)
	w.Cleanup(func() { conn.Close() })
	testkit.Must(fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", path))(w)
	s := &slow{conn, bufio.NewReader(conn)}
	s.until(w, "event: live")
	return s
}

// until reads lines up to one, and returns those that name events.
func (s *slow) until(tb testing.TB, last string) (all []string) {
	tb.Helper()
	s.SetReadDeadline(time.Now().Add(testkit.Patience))
	for {
		line := strings.TrimSpace(testkit.Must(s.ReadString('\n'))(tb))
		if strings.HasPrefix(line, "event:") || strings.Contains(line, `"reason"`) {
			all = append(all, line)
		}
		if line == last {
			return all
		}
	}
}

// flood has changes of 200 KiB told to alice, one after the other.
func (w *world) flood(done func(n int) bool) {
	w.Helper()
	labels := []string{}
	for i := range events.MaxLabels {
		labels = append(labels, fmt.Sprintf("%q", strings.Repeat("x", 60)+fmt.Sprint(10+i)))
	}
	const conversations = 100
	var prepare []string
	for i := range conversations {
		prepare = append(prepare, fmt.Sprintf(`{"type":"user.message","user":"alice","id":"m","from":"b%d"}`, i),
			fmt.Sprintf(`{"type":"user.label","user":"alice","conversation":"c2c_b%d","add":[%s]}`, i, strings.Join(labels, ",")))
	}
	w.commands(prepare...)
	for n := 0; !done(n); n++ {
		var batch []string
		for i := range conversations {
			batch = append(batch, fmt.Sprintf(`{"type":"user.message","user":"alice","id":"m%d","from":"b%d"}`, n, i))
		}
		w.commands(batch...)
		w.quiet()
	}
}

// moreThanBuffers is how many changes of 200 KiB no buffers of a connection hold.
const moreThanBuffers = 60

// TestSlow: a client that stops reading does not hold up the others, and hears once that
// it is behind, and how things are.
func TestSlow(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{fold: true, patience: testkit.Patience})
	s, l := w.dawdle("/v1/events?user=alice"), w.listen("/v1/events?user=alice")
	l.until("live")
	other := newBook("alice")
	done := make(chan struct{})
	go func() {
		defer close(done)
		for h := range l.events {
			other.enter(t, h)
		}
	}()
	w.flood(func(n int) bool { return n == moreThanBuffers })
	testkit.Eventually(t, "who reads knows everything", func() bool { return other.differs(w) == "" })
	all := s.until(t, "event: live")
	if n := strings.Count(strings.Join(all, "\n"), "event: reset"); n != 1 || !strings.Contains(strings.Join(all, "\n"), `"reason":"behind"`) {
		t.Errorf("who did not read hears %d resets: %v", n, all)
	}
	w.commands(`{"type":"user.read-all","user":"alice"}`)
	s.until(t, "event: change")
	testkit.Eventually(t, "who reads knows that, too", func() bool { return other.differs(w) == "" })
	l.close()
	<-done
}

// TestNeverReading: a client that takes nothing is gone.
func TestNeverReading(t *testing.T) {
	w := newWorld(t, options{fold: true, patience: 100 * time.Millisecond})
	w.dawdle("/v1/events?user=alice")
	w.flood(func(int) bool { return gauge(t, w, "reddot_streams") == 0 })
}
