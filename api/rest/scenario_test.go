package rest_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/nats-io/nats.go/jetstream"

	"reddot/api/gate"
	"reddot/api/identity"
	"reddot/events"
	"reddot/projector/testkit"
	"reddot/projector/testkit/natstest"
)

// player plays a scenario twice: over HTTP, and with commands and questions on NATS.
type player struct {
	*world        // over HTTP
	nats   *world // the other
	js     jetstream.JetStream
	line   string
	played int // commands
	asked  int
}

// TestScenarios: every scenario comes out over HTTP as it does on NATS, command by command,
// question by question and event by event.
func TestScenarios(t *testing.T) {
	t.Parallel()
	testkit.Unraced(t)
	files := testkit.Must(filepath.Glob("../../testdata/scenarios/*.txt"))(t)
	if len(files) == 0 {
		t.Fatal("no scenarios")
	}
	commands, questions, told := 0, 0, 0
	ns := natstest.Start(t)
	for i, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			script := string(testkit.Must(os.ReadFile(file))(t))
			p := &player{
				world: newWorld(t, options{fold: true, ns: ns, prefix: fmt.Sprint("web", i), auth: `"origins":[]`, gate: gate.Config{Rate: -1}}),
				nats:  newWorld(t, options{fold: true, ns: ns, prefix: fmt.Sprint("nats", i)}),
			}
			p.js = testkit.Must(jetstream.New(p.nats.conn))(t)
			hears := p.audience(script)
			p.play(script)
			told += hears.compare()
			one, other := testkit.Must(p.p.Status(t.Context()))(t), testkit.Must(p.nats.p.Status(t.Context()))(t)
			if one.Refused != other.Refused || one.Ignored != other.Ignored || one.Applied != other.Applied {
				t.Errorf("over HTTP %d applied, %d refused, %d ignored; on NATS %d, %d, %d", one.Applied, one.Refused, one.Ignored, other.Applied, other.Refused, other.Ignored)
			}
			commands, questions = commands+p.played, questions+p.asked
		})
	}
	if commands < 500 || questions < 200 || told < 500 {
		t.Errorf("only %d commands and %d questions were played, and %d events told", commands, questions, told)
	}
}

// repeats is how often a line that is repeated is played at most, by default: more than any
// reply or event has entries. What comes of thousands is for the scenarios' own test.
const repeats = 300

func (p *player) play(script string) {
	old := false
	for line := range strings.Lines(script) {
		line = strings.TrimRight(line, " \n")
		switch {
		case line == "":
			old = false
			continue
		case line == "----":
			old = true
		}
		if old || strings.HasPrefix(line, "#") || line == "batch" {
			continue
		}
		p.line = line
		n := 1
		if rest, ok := strings.CutPrefix(line, "repeat "); ok {
			count, rest, _ := strings.Cut(rest, " ")
			n, line = min(testkit.Must(strconv.Atoi(count))(p.TB), testkit.Effort(repeats)), rest
		}
		words := strings.Fields(line)
		if path, subject, body, ok := p.question(words[0], words[1:]); ok {
			p.compare(path, subject, body)
			continue
		}
		for i := range n {
			subject, payload, _ := strings.Cut(line, " ")
			p.command(expand(subject, i+1), expand(payload, i+1))
		}
	}
}

var repeated = regexp.MustCompile(`\{\{(.*?)\*(\d+)\}\}`)

// expand writes {{text*n}} as n times the text, with # as the number of the time.
func expand(s string, i int) string {
	s = repeated.ReplaceAllStringFunc(s, func(macro string) string {
		part := repeated.FindStringSubmatch(macro)
		n, _ := strconv.Atoi(part[2])
		var out strings.Builder
		for k := range n {
			out.WriteString(strings.ReplaceAll(part[1], "#", strconv.Itoa(k+1)))
		}
		return out.String()
	})
	return strings.ReplaceAll(s, "#", strconv.Itoa(i))
}

// command asks for a command over HTTP. What is stored is published as well: it must
// come out the same. What is not must be refused by its form.
func (p *player) command(subject, payload string) {
	p.Helper()
	target, err := p.subjects.ParseCommand(p.subjects.Prefix() + ".cmd." + subject)
	payload = strings.TrimPrefix(payload, "msgpack ")
	if err != nil || strings.HasPrefix(payload, "bytes ") {
		return // HTTP has no way to say it
	}
	payload = timed(payload, target, events.Seq(p.played+1))
	var c events.Command
	broken := events.Decode(target, []byte(payload), &c)
	body, single, path := p.request(target, payload)
	got := p.post(path, body, p.as(identity.Backend)...)
	if got.code != 200 {
		problem := got.problem(p.TB)
		if problem.Seq == 0 {
			if broken == nil || problem.Code != "bad_request" {
				p.Errorf("%s: %d %s, and its form is %v", p.line, got.code, got.body, broken)
			}
			return
		}
		p.same(target, payload, problem.Seq, problem.Detail)
		return
	}
	if broken != nil {
		p.Fatalf("%s: answered %s, and its form is %v", p.line, got.body, broken)
	}
	var reply struct {
		Seq     events.Seq
		LastSeq events.Seq `json:"last_seq"`
		Refused []struct{ Reason string }
	}
	testkit.OK(p.TB, json.Unmarshal([]byte(got.body), &reply))
	seq, refused := reply.LastSeq, ""
	if single {
		seq = reply.Seq
	}
	if len(reply.Refused) > 0 {
		refused = reply.Refused[0].Reason
	}
	p.same(target, payload, seq, refused)
}

// same publishes a command that HTTP has stored, and compares what came of it.
func (p *player) same(target events.Target, payload string, seq events.Seq, refused string) {
	p.Helper()
	p.played++
	ack := testkit.Must(p.js.Publish(p.Context(), p.nats.subjects.Command(target), []byte(payload)))(p.TB)
	if events.Seq(ack.Sequence) != seq {
		p.Fatalf("%s: seq %d over HTTP, %d on NATS", p.line, seq, ack.Sequence)
	}
	testkit.OK(p.TB, p.nats.p.WaitApplied(testkit.Context(p.TB), seq))
	if reason := p.nats.p.Refusal(seq); reason != refused {
		p.Errorf("%s: refused over HTTP with %q, on NATS with %q", p.line, refused, reason)
	}
}

// timed gives a command a time, as the scenarios have it: the stream's own would differ.
func timed(payload string, target events.Target, seq events.Seq) string {
	var fields map[string]json.RawMessage
	if payload == "" {
		payload = "{}"
	}
	if json.Unmarshal([]byte(payload), &fields) != nil || target.Verb == events.ClockSet {
		return payload
	}
	if at, given := fields["at"]; given && string(at) != "null" {
		return payload
	}
	if _, given := fields["at"]; given {
		return strings.Replace(payload, `"at":null`, fmt.Sprintf(`"at":%d`, seq*1000), 1)
	}
	rest := strings.TrimSpace(strings.TrimPrefix(strings.TrimSpace(payload), "{"))
	if rest != "}" {
		rest = "," + rest
	}
	return fmt.Sprintf(`{"at":%d`, seq*1000) + rest
}

// request is a command as a batch of one, or every second time by the route of its verb.
func (p *player) request(target events.Target, payload string) (body string, single bool, path string) {
	fields := map[string]string{"type": target.Verb.String()}
	if inbox := target.Verb.Inbox(); inbox != "" {
		fields[inbox] = target.Inbox
	}
	verb, err := gate.ParseVerb(target.Verb.Name())
	single = err == nil && verb == target.Verb && p.played%2 == 1
	if single {
		delete(fields, "type")
		fields["wait"] = "emitted"
	}
	var beside bytes.Buffer
	enc := json.NewEncoder(&beside)
	enc.SetEscapeHTML(false)
	testkit.OK(p.TB, enc.Encode(fields))
	command := payload
	if rest := strings.TrimSpace(strings.TrimPrefix(strings.TrimSpace(payload), "{")); strings.HasPrefix(strings.TrimSpace(payload), "{") {
		if rest != "}" {
			rest = "," + rest
		}
		command = strings.TrimSuffix(strings.TrimSpace(beside.String()), "}") + rest
	}
	if single {
		return command, true, "/v1/" + target.Verb.Name()
	}
	return `{"wait":"emitted","commands":[` + command + `]}`, false, "/v1/commands"
}

// question is a line that asks, over HTTP and on NATS.
func (p *player) question(name string, args []string) (path, subject string, body map[string]any, ok bool) {
	switch name {
	case "status", "watch", "restart", "fanout-limit":
		return "", "", nil, true
	case "show", "conversation", "totals", "explain", "receipt", "threads", "thread", "filters", "group-receipts", "readers":
	default:
		return "", "", nil, false
	}
	user, args := args[0], args[1:]
	body = map[string]any{}
	query := map[string]string{"show": "conversations", "filters": "totals"}[name]
	if query == "" {
		query = name
	}
	switch name {
	case "conversation", "thread", "explain":
		body["conversation"] = args[0]
		if name == "thread" {
			body["thread"] = strings.Join(args[1:], "")
		} else if len(args) > 1 {
			body["thread"] = strings.TrimPrefix(strings.Replace(args[1], "main", "", 1), " ")
		}
	case "receipt":
		body["peer"] = args[0]
		if len(args) > 1 {
			body["thread"] = strings.Replace(args[1], "main", "", 1)
		}
	case "group-receipts":
		body["group"], body["ids"] = args[0], args[1:]
	case "readers":
		body["group"], body["id"], body["read"], body["limit"] = args[0], args[1], !slices.Contains(args[2:], "unread"), 2
	default:
		if name != "totals" && name != "filters" {
			body["limit"] = 3
		}
		filter(body, args)
	}
	return "/v1/" + query + "?" + parameters(user, body), p.nats.subjects.Query(user, query), body, true
}

// filter reads the words of a filter.
func filter(body map[string]any, args []string) {
	for _, arg := range args {
		key, value, given := strings.Cut(arg, "=")
		switch {
		case given:
			body[key] = value
		case arg == "c2c" || arg == "group":
			body["kind"] = arg
		case strings.HasPrefix(arg, "c2c_") || strings.HasPrefix(arg, "group_"):
			body["conversation"] = arg
		default:
			body[arg] = true
		}
	}
}

func parameters(user string, body map[string]any) string {
	q := url.Values{"user": {user}}
	for name, value := range body {
		if list, ok := value.([]string); ok {
			q[name] = list
			continue
		}
		q.Set(name, fmt.Sprint(value))
	}
	return q.Encode()
}

// compare asks a question both ways, all pages of it.
func (p *player) compare(path, subject string, body map[string]any) {
	p.Helper()
	if path == "" {
		return
	}
	for {
		p.asked++
		got := p.get(path, p.as(identity.Viewer)...)
		reply := testkit.Must(p.nats.conn.Request(subject, testkit.Must(json.Marshal(body))(p.TB), testkit.Patience))(p.TB)
		if code := reply.Header.Get(events.HeaderErrorCode); code != "" {
			if problem := got.problem(p.TB); strconv.Itoa(got.code) != code || string(problem.Code) != reply.Header.Get(events.HeaderError) {
				p.Errorf("%s: %d %s over HTTP, %s %s on NATS", p.line, got.code, got.body, code, reply.Data)
			}
			return
		}
		if got.code != 200 || got.body != string(reply.Data) {
			p.Fatalf("%s:\nHTTP %d %s\nNATS %s", p.line, got.code, got.body, reply.Data)
		}
		var page struct{ Next string }
		testkit.OK(p.TB, json.Unmarshal(reply.Data, &page))
		if page.Next == "" {
			return
		}
		body["after"] = page.Next
		before, _, _ := strings.Cut(path, "&after=")
		path = before + "&after=" + url.QueryEscape(page.Next)
	}
}
