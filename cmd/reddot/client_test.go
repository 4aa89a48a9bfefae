package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go/micro"

	"reddot/cmd/reddot/term"
	"reddot/events"
	"reddot/projector/testkit/natstest"
)

// service is a micro service on a real server that answers one query with
// what the test says.
type service struct {
	url string
	mu  struct {
		sync.Mutex
		requests []string
	}
}

// query is a request as the service reads it.
type query struct {
	After    string     `json:"after"`
	Limit    int        `json:"limit"`
	AfterSeq events.Seq `json:"after_seq"`
}

// answer is a service's reply: an error if code isn't empty.
type answer struct {
	code, text string
	body       any
}

// serve answers the requests on a subject. Each request is numbered from 0.
func serve(t *testing.T, url, subject string, reply func(n int, q query) answer) *service {
	t.Helper()
	s := &service{url: url}
	nc := connect(t, url)
	m, err := micro.AddService(nc, micro.Config{Name: "reddot", Version: "1.0.0"})
	if err != nil {
		t.Fatal(err)
	}
	err = m.AddEndpoint("query", micro.HandlerFunc(func(r micro.Request) {
		s.mu.Lock()
		n := len(s.mu.requests)
		s.mu.requests = append(s.mu.requests, string(r.Data()))
		s.mu.Unlock()
		var q query
		if err := json.Unmarshal(r.Data(), &q); err != nil {
			t.Error(err)
		}
		a := reply(n, q)
		if a.code != "" {
			err = r.Error(a.code, a.text, nil)
		} else {
			err = r.RespondJSON(a.body)
		}
		if err != nil {
			t.Error(err)
		}
	}), micro.WithEndpointSubject(subject))
	if err != nil {
		t.Fatal(err)
	}
	if err := nc.Flush(); err != nil {
		t.Fatal(err)
	}
	return s
}

func (s *service) requests() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string(nil), s.mu.requests...)
}

// pages answers like a list of size conversations. The version of the n-th
// reply is version(n).
func pages(size int, version func(n int) events.Seq) func(int, query) answer {
	return func(n int, q query) answer {
		first, _ := strconv.Atoi(q.After)
		r := events.ConversationsReply{User: "alice", Version: version(n), Totals: events.Totals{Unread: uint64(n)}}
		for i := first; i < min(first+q.Limit, size); i++ {
			r.Conversations = append(r.Conversations, events.Conversation{Conversation: fmt.Sprintf("c2c_u%d", i), Version: 1})
		}
		if end := first + q.Limit; end < size {
			r.Next = strconv.Itoa(end)
		}
		return answer{body: r}
	}
}

func TestShowReadsPages(t *testing.T) {
	s, _ := testServer(t)
	t.Setenv("NATS_URL", s.URL())
	steady := func(int) events.Seq { return 7 }
	for _, c := range []struct {
		args     []string
		size     int
		want     int
		next     string
		requests []string
	}{
		{nil, 450, 50, "50", []string{`{"limit":50}`}},
		{nil, 20, 20, "", []string{`{"limit":50}`}},
		{[]string{"--limit", "250"}, 450, 250, "250", []string{`{"limit":200}`, `{"limit":50,"after":"200"}`}},
		{[]string{"--all"}, 450, 450, "", []string{`{"limit":200}`, `{"limit":200,"after":"200"}`, `{"limit":200,"after":"400"}`}},
		{[]string{"--all", "--unread", "--kind", "c2c", "--after-seq", "9", "--timeout", "3s"}, 1, 1, "",
			[]string{`{"unread_only":true,"kind":"c2c","limit":200,"after_seq":9,"timeout_ms":3000}`}},
	} {
		prefix := fmt.Sprintf("p%d", c.size+len(c.args)*1000+c.want)
		subject := prefix + ".api.alice.conversations"
		service := serve(t, s.URL(), subject, pages(c.size, steady))
		out := reddot(t, nil, append([]string{"show", "alice", "--json", "--prefix", prefix}, c.args...)...).done(t)
		var got events.ConversationsReply
		if err := json.Unmarshal([]byte(out), &got); err != nil || strings.Count(out, "\n") != 1 {
			t.Fatalf("%v: %q: %v", c.args, out, err)
		}
		if len(got.Conversations) != c.want || got.Next != c.next || got.Version != 7 || got.User != "alice" {
			t.Errorf("%v: %d conversations, next %q, version %d", c.args, len(got.Conversations), got.Next, got.Version)
		}
		for i, conversation := range got.Conversations {
			if want := fmt.Sprintf("c2c_u%d", i); conversation.Conversation != want {
				t.Fatalf("%v: conversation %d is %s", c.args, i, conversation.Conversation)
			}
		}
		if diff := cmp.Diff(c.requests, service.requests()); diff != "" {
			t.Errorf("%v: requests (-want +got):\n%s", c.args, diff)
		}
	}
}

// TestShowReadsAListThatChanges: pages of different versions don't belong
// together.
func TestShowReadsAListThatChanges(t *testing.T) {
	s, _ := testServer(t)
	for name, c := range map[string]struct {
		versions []events.Seq // of the replies; the last one stays
		requests int
		version  events.Seq
	}{
		"once":    {[]events.Seq{1, 2, 2, 2}, 4, 2},
		"for-any": {[]events.Seq{1, 2, 3, 4, 5, 6, 7}, 2 * listAttempts, 5},
	} {
		version := func(n int) events.Seq { return c.versions[min(n, len(c.versions)-1)] }
		service := serve(t, s.URL(), name+".api.alice.conversations", pages(300, version))
		out := reddot(t, nil, "show", "alice", "--all", "--json", "--prefix", name, "--server", s.URL()).done(t)
		var got events.ConversationsReply
		if err := json.Unmarshal([]byte(out), &got); err != nil {
			t.Fatal(err)
		}
		if len(service.requests()) != c.requests || got.Version != c.version || len(got.Conversations) != 300 {
			t.Errorf("%s: %d requests, version %d, %d conversations", name, len(service.requests()), got.Version, len(got.Conversations))
		}
		if got.Totals.Unread != uint64(c.requests-2) {
			t.Errorf("%s: totals are not those of the first page: %+v", name, got.Totals)
		}
	}
}

func TestRepliesAsTheyCome(t *testing.T) {
	s, _ := testServer(t)
	t.Setenv("NATS_URL", s.URL())
	reply := func(int, query) answer {
		return answer{body: json.RawMessage("{\n \"user\": \"alice@example.com\",\n \"from_the_future\": 1\n}")}
	}
	want := `{"user":"alice@example.com","from_the_future":1}` + "\n"
	for _, c := range []struct{ subject, line, request string }{
		{"conversation", "show alice@example.com c2c_bob", `{"conversation":"c2c_bob"}`},
		{"explain", "explain alice@example.com c2c_bob --limit 7 --after-seq 3", `{"conversation":"c2c_bob","limit":7,"after_seq":3,"timeout_ms":5000}`},
	} {
		service := serve(t, s.URL(), "unread.api.alice@example%2Ecom."+c.subject, reply)
		if out := reddot(t, nil, append(strings.Fields(c.line), "--json")...).done(t); out != want {
			t.Errorf("%s prints %q", c.line, out)
		}
		out := reddot(t, nil, strings.Fields(c.line)...).done(t)
		if !strings.HasPrefix(out, "User:          alice@example.com\n") {
			t.Errorf("%s prints %q", c.line, out)
		}
		if diff := cmp.Diff([]string{c.request, c.request}, service.requests()); diff != "" {
			t.Errorf("%s: requests (-want +got):\n%s", c.line, diff)
		}
	}
	service := serve(t, s.URL(), "unread.api.status", reply)
	if out := reddot(t, nil, "status", "--json").done(t); out != want {
		t.Errorf("status prints %q", out)
	}
	if out := reddot(t, nil, "status").done(t); !strings.Contains(out, "POSITION") {
		t.Errorf("status prints %q", out)
	}
	if diff := cmp.Diff([]string{"{}", "{}"}, service.requests()); diff != "" {
		t.Errorf("status: requests (-want +got):\n%s", diff)
	}
}

// TestLongWaits: a wait longer than one request may ask for is made of several.
func TestLongWaits(t *testing.T) {
	s, _ := testServer(t)
	service := serve(t, s.URL(), "unread.api.alice.explain", func(n int, _ query) answer {
		if n < 2 {
			return answer{code: "408", text: "not_applied"}
		}
		return answer{body: events.Explanation{User: "alice"}}
	})
	reddot(t, nil, "explain", "alice", "c2c_bob", "--after-seq", "3", "--timeout", "70s", "--server", s.URL()).done(t)
	want := []string{
		`{"conversation":"c2c_bob","limit":50,"after_seq":3,"timeout_ms":30000}`,
		`{"conversation":"c2c_bob","limit":50,"after_seq":3,"timeout_ms":30000}`,
		`{"conversation":"c2c_bob","limit":50,"after_seq":3,"timeout_ms":10000}`,
	}
	if diff := cmp.Diff(want, service.requests()); diff != "" {
		t.Errorf("requests (-want +got):\n%s", diff)
	}
}

func TestServiceErrors(t *testing.T) {
	s, _ := testServer(t)
	t.Setenv("NATS_URL", s.URL())
	for i, c := range []struct {
		line, subject string
		answer        answer
		words         string
	}{
		{"show alice c2c_bob", "alice.conversation", answer{code: "404", text: "not_found"}, `alice has no conversation c2c_bob in the list: "reddot show alice" shows what there is`},
		{"explain alice c2c_bob", "alice.explain", answer{code: "404", text: "not_found"}, `alice has no conversation c2c_bob in the list`},
		{"show alice --after-seq 7 --timeout 100ms", "alice.conversations", answer{code: "408", text: "not_applied"}, "command 7 is not applied after 100ms: wait longer with --timeout"},
		{"status --after-seq 7", "status", answer{code: "408", text: "not_applied"}, "command 7 is not applied after 5s"},
		{"status", "status", answer{code: "503", text: "unavailable"}, "reddot answers unavailable (503)"},
		{"status", "status", answer{code: "many", text: "odd"}, `unknown error "many" "odd"`},
		{"status", "status", answer{body: "not an object"}, "decode the answer on "},
		{"show alice", "alice.conversations", answer{code: "400", text: "bad_request: limit"}, "reddot answers bad_request: limit (400)"},
	} {
		prefix := fmt.Sprintf("e%d", i)
		serve(t, s.URL(), prefix+".api."+c.subject, func(int, query) answer { return c.answer })
		reddot(t, nil, append(strings.Fields(c.line), "--prefix", prefix)...).failed(t, exitFailed, c.words)
	}
}

func TestNoService(t *testing.T) {
	s, _ := testServer(t)
	t.Setenv("NATS_URL", s.URL())
	for _, line := range []string{"show alice", "show alice c2c_bob", "explain alice c2c_bob", "status"} {
		r := reddot(t, nil, append(strings.Fields(line), "--prefix", "mine")...)
		r.failed(t, exitFailed, "no reddot serves the prefix mine at "+s.URL()+`: start one with "reddot serve"`)
	}
	// Someone listens and doesn't answer.
	nc := connect(t, s.URL())
	if _, err := nc.SubscribeSync("unread.api.status"); err != nil {
		t.Fatal(err)
	}
	if err := nc.Flush(); err != nil {
		t.Fatal(err)
	}
	reddot(t, nil, "status", "--timeout", "50ms").failed(t, exitFailed, "no answer from "+s.URL()+" in 50ms: try again, or wait longer with --timeout")
	reddot(t, nil, "status", "--creds", "none.creds").failed(t, exitFailed, "none.creds", "no such file")
	reddot(t, nil, "status", "--server", "nats://no-such-host.invalid:4222").failed(t, exitFailed, "connect to the NATS server at nats://no-such-host.invalid:4222")
}

// TestShowNobody: who mistypes an id is told so, if there is somebody to read it.
func TestShowNobody(t *testing.T) {
	for _, c := range []struct {
		terminal bool
		version  events.Seq
		want     string
	}{
		{true, 0, "nothing was ever published about the user alcie: is the id right?\n"}, {true, 1, ""}, {false, 0, ""},
	} {
		var out, told bytes.Buffer
		console := term.NewConsole(&told)
		if c.terminal {
			console = term.NewTerminal(&told)
		}
		a := &app{stdout: &out, stderr: console, zone: testZone()}
		if err := a.printList(events.ConversationsReply{User: "alcie", Version: c.version}, &showConfig{}); err != nil {
			t.Fatal(err)
		}
		if told.String() != c.want {
			t.Errorf("%+v: told %q", c, told.String())
		}
	}
}

// TestRefusedUser: a server that lets a user do nothing says so at once, not
// after the timeout.
func TestRefusedUser(t *testing.T) {
	deny := &server.Permissions{Publish: &server.SubjectPermission{Deny: []string{">"}}}
	s := natstest.StartCore(t, func(o *server.Options) {
		o.Users = []*server.User{{Username: "me", Password: "secret", Permissions: deny}}
	})
	host := s.Addr()
	reddot(t, nil, "status", "--server", s.URL()).failed(t, exitFailed, "refuses this user", "--nats-creds")
	t.Setenv("NATS_URL", "nats://me:secret@"+host)
	for _, r := range []result{
		reddot(t, nil, "status", "--timeout", "1m"),
		reddot(t, strings.NewReader(messageLine(1)), "publish", "--timeout", "1m"),
	} {
		r.failed(t, exitFailed, "nats://me:xxxxx@"+host+` refuses this to the user "me"`, "permissions violation", "--nats-creds")
	}
}

func TestPublishWaits(t *testing.T) {
	// Two commands; reddot applies one per question until it is done or stops.
	for name, c := range map[string]struct {
		reply func(n int, q query) answer
		words string // of the error; none if empty
	}{
		"in time": {reply: func(n int, q query) answer {
			if q.AfterSeq != 0 && n < 4 {
				return answer{code: "408", text: "not_applied"}
			}
			return answer{body: events.Status{Applied: events.Seq(n)}}
		}},
		"stopped": {words: "it stopped at command 1: a gap", reply: func(_ int, q query) answer {
			if q.AfterSeq != 0 {
				return answer{code: "408", text: "not_applied"}
			}
			return answer{body: events.Status{Applied: 1, State: "stopped", Error: "a gap"}}
		}},
		"stuck": {words: `it stands at command 1 (events of 1): see "reddot status"`, reply: func(_ int, q query) answer {
			if q.AfterSeq != 0 {
				return answer{code: "408", text: "not_applied"}
			}
			return answer{body: events.Status{Applied: 1, Emitted: 1, State: "live"}}
		}},
		"gone": {words: "reddot answers unavailable (503)", reply: func(int, query) answer { return answer{code: "503", text: "unavailable"} }},
	} {
		t.Run(name, func(t *testing.T) {
			s, _ := testServer(t)
			service := serve(t, s.URL(), "unread.api.status", c.reply)
			r := reddot(t, strings.NewReader(messageLines(2)), "publish", "--wait", "--server", s.URL())
			if got, want := service.requests()[0], `{"after_seq":2,"timeout_ms":500}`; got != want {
				t.Errorf("request %s, want %s", got, want)
			}
			if c.words == "" {
				if out := r.done(t); out != "published 2 commands, last seq 2\n" {
					t.Errorf("stdout %q", out)
				}
				return
			}
			_, r.stderr, _ = strings.Cut(r.stderr, "\n") // the first line is the summary
			r.failed(t, exitFailed, "2 commands stored, last seq 2; wait for reddot: ", c.words)
		})
	}
}

// FuzzPrintable: no id can break out of its cell.
func FuzzPrintable(f *testing.F) {
	f.Add("m1")
	f.Add("a\x1b[2J")
	f.Add("\u202e\u200b  \t\n")
	f.Fuzz(func(t *testing.T, id string) {
		shown := term.Printable(id)
		if strings.ContainsAny(shown, "\n\r\t\x1b") || strings.Contains(strings.Trim(shown, `"`), "\u202e") {
			t.Errorf("%q is shown as %q", id, shown)
		}
		if len(id) > 0 && shown == "" {
			t.Errorf("%q is shown as nothing", id)
		}
	})
}

// TestNobodyTakesQueries: a reddot that takes no queries says why by its status.
func TestNobodyTakesQueries(t *testing.T) {
	s, _ := testServer(t)
	t.Setenv("NATS_URL", s.URL())
	for i, c := range []struct {
		answer answer
		words  string
	}{
		{answer{body: events.Status{State: events.CatchingUp, Applied: 5, Last: 100}}, "reddot answers unavailable (503): catching up: applied 5 of 100; try again"},
		{answer{body: events.Status{State: events.Lost, Error: "nothing was heard of the command stream for 3s"}}, "unavailable (503): nothing was heard of the command stream for 3s"},
		{answer{code: "503", text: "unavailable"}, "unavailable (503): it is starting"},
		{answer{body: events.Status{State: events.Live}}, "unavailable (503): it has just been away; ask again"},
	} {
		prefix := fmt.Sprintf("a%d", i)
		asked := serve(t, s.URL(), prefix+".api.status", func(int, query) answer { return c.answer })
		for _, line := range []string{"show alice", "show alice c2c_bob", "explain alice c2c_bob"} {
			reddot(t, nil, append(strings.Fields(line), "--prefix", prefix)...).failed(t, exitFailed, c.words, `see "reddot status"`)
		}
		if n := len(asked.requests()); n != 3 {
			t.Errorf("%d commands ask for the status %d times", 3, n)
		}
		// A user alone may not ask for it.
		reddot(t, nil, "show", "alice", "--prefix", prefix, "--nats-inbox-prefix", prefix+".inbox.alice").failed(t, exitFailed, "no reddot takes queries now under the prefix "+prefix)
		if n := len(asked.requests()); n != 3 {
			t.Error("a user alone has asked for the status")
		}
	}
}
