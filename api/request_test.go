package api

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/nats-io/nats.go"

	"reddot/events"
)

// TestHostile sends what no client should: each is answered, and the service
// lives on.
func TestHostile(t *testing.T) {
	a := start(t, newTwinSource())
	deep := func(n int, open, shut string) string {
		return `{"x":` + strings.Repeat(open, n) + strings.Repeat(shut, n) + `}`
	}
	for name, tc := range map[string]struct {
		body, code, says string
	}{
		"msgpack map":        {"\x81\xa4kind\xa3c2c", "400", "requests are JSON"},
		"msgpack array 2^32": {"\xdd\xff\xff\xff\xff", "400", "requests are JSON"},
		"byte order mark":    {"\xef\xbb\xbf{}", "400", "requests are JSON"},
		"NUL":                {"\x00", "400", "JSON object"},
		"white space":        {" \t\r\n", "200", ""},
		"invalid UTF-8":      {"{\"kind\":\"\xff\"}", "400", "invalid UTF-8"},
		"half a surrogate":   {`{"kind":"\ud800"}`, "400", "surrogate"},
		"duplicate, unknown": {`{"x":{"a":1,"a":2}}`, "400", `unknown field "x"`},
		"deep arrays":        {deep(30_000, "[", "]"), "400", "levels deep"},
		"deep objects":       {deep(5_000, `{"a":`, "}"), "400", "levels deep"},
		"unclosed":           {strings.Repeat("[", 60_000), "400", "JSON object"},
		"unclosed in object": {`{"x":` + strings.Repeat("[", 60_000), "400", "levels deep"},
		"closed too often":   {"{}" + strings.Repeat("]", 60_000), "400", "not JSON"},
		"deepest allowed":    {deep(events.MaxDepth-1, "[", "]"), "400", `unknown field "x"`},
		"brackets in string": {`{"kind":"` + strings.Repeat("[{\\\"", 10_000) + `"}`, "400", "kind is neither"},
		"array of 60 KB":     {`{"x":[` + strings.Repeat("1,", 30_000) + "1]}", "400", `unknown field "x"`},
		"limit is an array":  {`{"limit":[` + strings.Repeat("1,", 30_000) + "1]}", "400", "got an array"},
		"number of 60 KB":    {`{"limit":` + strings.Repeat("9", 60_000) + "}", "400", "got a number"},
		"unknown kind, long": {`{"kind":"` + strings.Repeat("x", 60_000) + `"}`, "400", "kind"},
		"cursor, long":       {`{"after":"` + strings.Repeat("9", 60_000) + `"}`, "400", "cursor"},
		"name, long":         {`{"` + strings.Repeat("x", 60_000) + `":1}`, "400", `unknown field "xxxx`},
		"broken after name":  {`{"kind":[}`, "400", "not JSON"},
		"largest":            {`{"kind":"c2c"` + strings.Repeat(" ", events.MaxRequest-14) + `}`, "200", ""},
		"too large":          {`{"kind":"c2c"` + strings.Repeat(" ", events.MaxRequest-13) + `}`, "400", "larger than 65536 bytes"},
		"far too large":      {strings.Repeat("{", 900_000), "400", "larger than 65536 bytes"},
	} {
		t.Run(name, func(t *testing.T) {
			reply := a.ask(a.subject("alice", events.QueryConversations), tc.body, "")
			if code(reply) != tc.code || !strings.Contains(string(reply.Data), strings.ReplaceAll(tc.says, `"`, `\"`)) {
				t.Errorf("got %s %.300s, want %s with %q", code(reply), reply.Data, tc.code, tc.says)
			}
			if tc.code != "200" && len(reply.Data) > 2*maxMessage+100 {
				t.Errorf("an error reply of %d bytes", len(reply.Data))
			}
		})
	}
	a.want("200", "alice", events.QueryTotals, "")
}

func TestBadSubject(t *testing.T) {
	a := start(t, newTwinSource())
	for token, says := range map[string]string{
		"a%2eb":                  "upper-case",      // lower-case hex
		"a%41":                   "as it is",        // needless escape
		"%":                      "ends inside",     // cut off
		"a%2":                    "ends inside",     // cut off
		"%00":                    "NUL",             // escaped NUL
		"\x01":                   "must be written", // a control byte as it is
		"\xff\xfe":               "not UTF-8",
		strings.Repeat("x", 257): "longer than 256",
	} {
		for _, q := range natsHandlers() {
			if q.lane == operatorLane {
				continue
			}
			reply := a.ask("unread.api."+token+"."+q.name, `{"conversation":"c2c_bob","peer":"bob"}`, "")
			if code(reply) != "400" || !strings.Contains(unmarshal[events.ErrorReply](t, reply).Message, says) {
				t.Errorf("user token %q, %s: got %s %s, want 400 with %q", token, q.name, code(reply), reply.Data, says)
			}
		}
	}
	longest := strings.Repeat("é", 128)
	if r := unmarshal[events.TotalsReply](t, a.want("200", longest, events.QueryTotals, "")); r.User != longest {
		t.Errorf("the reply is about %q", r.User)
	}
}

func TestAccept(t *testing.T) {
	for header, want := range map[string]events.Encoding{
		"":                                     events.JSON,
		"*/*":                                  events.JSON,
		"text/html":                            events.JSON,
		"application/json":                     events.JSON,
		"application/msgpack":                  events.Msgpack,
		"Application/MsgPack; q=1":             events.Msgpack,
		"text/html, application/msgpack":       events.Msgpack,
		"application/json,application/msgpack": events.JSON,
	} {
		for _, name := range []string{"Accept", "accept", "ACCEPT"} {
			m := nats.Header{name: {header}}
			if got := accepted(map[string][]string(m)); got != want {
				t.Errorf("%s: %s means %s, want %s", name, header, got, want)
			}
		}
	}
}

// FuzzRead feeds any bytes to every query's reader: it returns a question or a
// 400 with a message, and nothing it returns is beyond its bounds.
func FuzzRead(f *testing.F) {
	for _, seed := range []string{
		"", "{}", `{"kind":"c2c","limit":5,"after":"x","after_seq":1,"timeout_ms":5}`,
		`{"conversation":"group_g","peer":"p","limit":200}`, `{"x":[[[[]]]],"limit":-1}`, "\x81\xa1a\x01",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		for _, q := range natsHandlers() {
			got, err := q.read("alice", body)
			switch {
			case err == nil && (got.asking == nil || halvings(got) > 7 ||
				got.timeout < 0 || got.timeout.Milliseconds() > events.MaxWaitMS):
				t.Errorf("%s: question out of bounds: %+v", q.name, got)
			case err != nil && (!errors.Is(faultOf(err), events.ErrBadRequest) || faultOf(err).Message == ""):
				t.Errorf("%s: %v is no bad_request", q.name, err)
			}
		}
	})
}

// halvings is how often a question can be halved: 7 times from events.MaxLimit on.
func halvings(q question) int {
	n := 0
	for ok := true; n < 100; n++ {
		if q, ok = q.halve(); !ok {
			break
		}
	}
	return n
}

func BenchmarkRead(b *testing.B) {
	body := []byte(`{"unread_only":true,"kind":"c2c","limit":50,"after_seq":12345,"timeout_ms":500}`)
	read := viewed(events.QueryConversations, View.Conversations).read
	b.ReportAllocs()
	for b.Loop() {
		if _, err := read("alice", body); err != nil {
			b.Fatal(err)
		}
	}
}

func ExampleErrorReply() {
	err := notFound("no conversation %s in the list", "c2c_bob")
	fmt.Println(err)
	// Output: not_found: no conversation c2c_bob in the list
}
