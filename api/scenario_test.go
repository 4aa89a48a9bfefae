package api

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats.go"

	"reddot/events"
	"reddot/projector/testkit"
)

// TestScenarios plays each file of testdata/queries: lines beginning with
// "> " are commands (subject and payload), "? " queries (user, query, body).
// The line after a query is its reply: the code and the body. Each query is
// asked in msgpack as well, which must say the same.
func TestScenarios(t *testing.T) {
	files, err := filepath.Glob("testdata/queries/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no scenarios (%v)", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			script := testkit.Must(os.ReadFile(file))(t)
			testkit.Golden(t, file, play(start(t, newTwinSource()), string(script)))
		})
	}
}

func play(a *asker, script string) string {
	a.Helper()
	var out strings.Builder
	afterQuery := false
	for line := range strings.Lines(script) {
		line = strings.TrimSuffix(line, "\n")
		if afterQuery && line != "" && !strings.HasPrefix(line, "#") && !strings.HasPrefix(line, "> ") && !strings.HasPrefix(line, "? ") {
			afterQuery = false // the old reply
			continue
		}
		fmt.Fprintln(&out, line)
		afterQuery = false
		if command, ok := strings.CutPrefix(line, "> "); ok {
			a.command(command)
		} else if question, ok := strings.CutPrefix(line, "? "); ok {
			fmt.Fprintln(&out, a.reply(question))
			afterQuery = true
		}
	}
	return out.String()
}

func (a *asker) command(line string) {
	a.Helper()
	subject, payload, _ := strings.Cut(line, " ")
	target, err := a.subjects.ParseCommand(subject)
	if err != nil {
		a.Fatalf("%s: %v", line, err)
	}
	var c events.Command
	if err := events.Decode(target, []byte(payload), &c); err != nil {
		a.Fatalf("%s: %v", line, err)
	}
	if r := a.source.apply(1_000, &c, true); r.Refused != "" {
		a.Fatalf("%s: refused: %s", line, r.Refused)
	}
}

// reply asks in JSON and in msgpack and returns "<code> <body>".
func (a *asker) reply(question string) string {
	a.Helper()
	words := strings.SplitN(question, " ", 3)
	if len(words) < 2 {
		a.Fatalf("query %q: want a user and a query", question)
	}
	user, query, body := words[0], words[1], ""
	if len(words) == 3 {
		body = words[2]
	}
	subject := a.subject(user, query)
	asJSON, asMsgpack := a.ask(subject, body, ""), a.ask(subject, body, "application/msgpack")
	a.checkForm(asJSON, "application/json")
	a.checkForm(asMsgpack, "application/msgpack")
	into := replyType(query)
	if code(asJSON) != "200" {
		into = reflect.TypeFor[events.ErrorReply]()
	}
	one, other := reflect.New(into).Interface(), reflect.New(into).Interface()
	for m, v := range map[*nats.Msg]any{asJSON: one, asMsgpack: other} {
		if err := events.Unmarshal(m.Header.Get("Content-Type"), m.Data, v); err != nil {
			a.Fatalf("%s: %v", question, err)
		}
	}
	if diff := cmp.Diff(one, other); diff != "" {
		a.Errorf("%s: JSON and msgpack differ:\n%s", question, diff)
	}
	return code(asJSON) + " " + string(asJSON.Data)
}

// checkForm checks what every reply has in common.
func (a *asker) checkForm(m *nats.Msg, contentType string) {
	a.Helper()
	if got := m.Header.Get("Content-Type"); got != contentType {
		a.Errorf("Content-Type is %q, want %q", got, contentType)
	}
	if bytes.HasPrefix(m.Data, []byte("{")) != (contentType == "application/json") {
		a.Errorf("a body of %q begins with %.1q", contentType, m.Data)
	}
	words := map[string]string{"200": "", "400": "bad_request", "403": "forbidden", "404": "not_found", "408": "not_applied", "503": "unavailable"}
	word, known := words[code(m)]
	if !known || m.Header.Get("Nats-Service-Error") != word {
		a.Errorf("code %s with the word %q", code(m), m.Header.Get("Nats-Service-Error"))
	}
	if word != "" {
		if e := unmarshal[events.ErrorReply](a, m); e.Error != word || e.Message == "" {
			a.Errorf("code %s with the body %+v", code(m), e)
		}
	}
}

func replyType(query string) reflect.Type {
	return map[string]reflect.Type{
		events.QueryTotals:        reflect.TypeFor[events.TotalsReply](),
		events.QueryConversations: reflect.TypeFor[events.ConversationsReply](),
		events.QueryConversation:  reflect.TypeFor[events.ConversationReply](),
		events.QueryThreads:       reflect.TypeFor[events.ThreadsReply](),
		events.QueryThread:        reflect.TypeFor[events.ThreadReply](),
		events.QueryGroupReceipts: reflect.TypeFor[events.GroupReceiptsReply](),
		events.QueryReaders:       reflect.TypeFor[events.ReadersReply](),
		events.QueryExplain:       reflect.TypeFor[events.Explanation](),
		events.QueryReceipt:       reflect.TypeFor[events.ReceiptReply](),
		events.QueryWatch:         reflect.TypeFor[events.WatchReply](),
		events.QueryHold:          reflect.TypeFor[events.HoldReply](),
		events.QueryStatus:        reflect.TypeFor[events.Status](),
	}[query]
}
