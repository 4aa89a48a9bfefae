package events

import (
	"errors"
	"strings"
	"testing"
)

func TestLines(t *testing.T) {
	p := NewLineParser(unread(t))
	tests := []struct{ line, subject, payload string }{
		{`{"subject":"unread.cmd.user.a.erase","payload":{}}`, "unread.cmd.user.a.erase", `{}`},
		{`{"payload": {"id": "m1", "to":"b", "x":[1, 2]} , "subject": "unread.cmd.user.a.sent"}`, "unread.cmd.user.a.sent", `{"id": "m1", "to":"b", "x":[1, 2]}`},
		{"\t {\"at\":5,\"subject\":\"unread.cmd.user.a\\u00252Eb.read-all\",\"note\":{\"payload\":[]},\"payload\":{\n}} \r\n", "unread.cmd.user.a%2Eb.read-all", "{\n}"},
		{`{"subject":"unread.cmd.policy","payload":{"own_message":"\u006beep"}}`, "unread.cmd.policy", `{"own_message":"\u006beep"}`},
		{`{"Subject":1,"subject":"unread.cmd.policy","Payload":2,"payload":{}}`, "unread.cmd.policy", `{}`},
	}
	for _, tt := range tests {
		subject, payload, err := p.Parse([]byte(tt.line))
		if err != nil || subject != tt.subject || string(payload) != tt.payload {
			t.Errorf("%s: %q, %q, %v", tt.line, subject, payload, err)
		}
	}
}

func TestLinesRefused(t *testing.T) {
	s := unread(t)
	form := `line is not a JSON object {"subject": "...", "payload": {...}}`
	tests := []struct{ line, want string }{
		{``, form},
		{`  `, form},
		{`[]`, form},
		{`"x"`, form},
		{`subject`, form},
		{"\xef\xbb\xbf{}", form},
		{`{}`, "subject is missing"},
		{`{"payload":{}}`, "subject is missing"},
		{`{"subject":"unread.cmd.policy"}`, "payload is missing"},
		{`{"subject":null,"payload":{}}`, "subject is not a string"},
		{`{"subject":7,"payload":{}}`, "subject is not a string"},
		{`{"subject":"unread.cmd.policy","payload":null}`, "payload is not an object"},
		{`{"subject":"unread.cmd.policy","payload":"{}"}`, "payload is not an object"},
		{`{"subject":"unread.cmd.policy","payload":[]}`, "payload is not an object"},
		{`{"subject":"unread.cmd.policy","subject":"unread.cmd.policy","payload":{}}`, "line has a field twice, at byte 31"},
		{`{"subject":"unread.cmd.policy","payload":{},"payload":{}}`, "line has a field twice, at byte 44"},
		{`{"subject":"unread.cmd.policy","payload":{}} {}`, "line goes on after its JSON object"},
		{`{"subject":"unread.cmd.policy","payload":{}`, "line is not well-formed JSON at byte 43"},
		{`{"subject":"unread.cmd.policy","payload":{"at":}}`, "line is not well-formed JSON at byte 47"},
		{`{"subject":"unread.cmd.policy"`, "line is not well-formed JSON at byte 30"},
		{`{"subject":`, "line is not well-formed JSON at byte 11"},
		{`{"subject":tru`, "subject is not a string"},
		{`{`, "line is not well-formed JSON at byte 1"},
		{`{"subject":"unread.cmd.policy","payload":{"x":[{"a":1,"b":2,"\u0061":3}]}}`, "line has a field twice, at byte 60"},
		{`{"subject":"unread.cmd.policy","payload":{"x":"\ud800\u0041"}}`, "line is not well-formed JSON at byte 47"},
		{`{"subject":"unread.cmd.policy","note":[1,]}`, "line is not well-formed JSON at byte 40"},
		{`{"subject":"unread.cmd.policy","note":-01}`, "line is not well-formed JSON at byte 40"},
		{`{"subject":"unread.cmd.policy","note":1.e5}`, "line is not well-formed JSON at byte 40"},
		{`{"subject":"unread.cmd.policy","note":-1.`, "line is not well-formed JSON at byte 38"},
		{`{"subject":"unread.cmd.policy","note":nil}`, "line is not well-formed JSON at byte 39"},
		{`{"subject":"unread.cmd.policy",null:1}`, "line is not well-formed JSON at byte 31"},
		{"{\"subject\":\"\xff\"}", "line is not well-formed JSON at byte 12"},
		{`{"subject":"hello","payload":{}}`, `subject "hello": subject is not a command's`},
		{`{"subject":"","payload":{}}`, `subject "": subject is not a command's`},
		{`{"subject":"unread.cmd.user.a%2e.erase","payload":{}}`, `subject "unread.cmd.user.a%2e.erase": subject token holds a % that is not followed by two upper-case hex digits`},
		{`{"subject":"unread.cmd.user.a.message","payload":{"id":"m1"}}`, "payload of user.message: from is missing"},
		{`{"subject":"unread.cmd.user.a.erase","payload":{"at":-1}}`, "payload of user.erase: at is outside 0 to 2^53-1"},
		{`{"subject":"unread.cmd.user.a.sent","payload":{"x":` + strings.Repeat("[", 20) + strings.Repeat("]", 20) + `}}`, "payload of user.sent: " + reasonDepth},
		{`{"subject":"unread.cmd.user.a.read","payload":{"conversation":"c2c_b","up_to":"m1"}}`, `payload of user.read: unknown field "up_to"`},
		{`{"subject":"unread.cmd.user.a.erase","payload":{"x":"` + strings.Repeat("x", MaxPayload) + `"}}`, "payload of user.erase: " + reasonSize},
	}
	for _, tt := range tests {
		_, payload, err := s.ParseLine([]byte(tt.line))
		if err == nil || err.Error() != tt.want || payload != nil {
			t.Errorf("%.100s: %v, want %q", tt.line, err, tt.want)
		}
	}
	_, _, err := s.ParseLine([]byte(`{"subject":"unread.cmd.user.a.message","payload":{}}`))
	if _, ok := errors.AsType[*Invalid](err); !ok {
		t.Errorf("%v is not an *Invalid", err)
	}
	if _, _, err := s.ParseLine([]byte(strings.Repeat(`{"x":`, 1_000_000))); err == nil {
		t.Error("a million open objects are taken")
	}
}
