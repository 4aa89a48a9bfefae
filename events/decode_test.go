package events

import (
	"fmt"
	"strings"
	"testing"
)

// object is a payload with the verb's fields at their first good value; change
// gives some another value, and "" leaves one out.
func object(verb Verb, change map[string]string) string {
	var parts []string
	for mark := range strings.FieldsSeq(payloads[verb]) {
		name := strings.TrimSuffix(mark, "!")
		value, changed := change[name]
		if !changed {
			value = testsOf(verb, name).good[0]
		}
		if value != "" {
			parts = append(parts, fmt.Sprintf("%q:%s", name, value))
		}
	}
	return "{" + strings.Join(parts, ",") + "}"
}

// check decodes a payload in both encodings and wants one reason, and returns
// what the JSON form decodes to.
func check(t *testing.T, verb Verb, payload, want string) Command {
	t.Helper()
	var cmds [2]Command
	for name, b := range both(t, payload) {
		i := 0
		if name == "msgpack" {
			i = 1
		}
		if got := reason(t, Decode(target(verb), b, &cmds[i])); got != want {
			t.Errorf("%v as %s: %.100s: %q, want %q", verb, name, payload, got, want)
		}
	}
	if want == "" {
		if d := diff(cmds[0], cmds[1]); d != "" {
			t.Errorf("%v: %.100s: JSON and msgpack differ:\n%s", verb, payload, d)
		}
		if err := cmds[0].Validate(); err != nil {
			t.Errorf("%v: %.100s: accepted, yet %v", verb, payload, err)
		}
	}
	return cmds[0]
}

func TestRequiredFields(t *testing.T) {
	for _, verb := range Verbs() {
		if verb == GroupPurge { // of two fields, it has one: see TestPurgePlace
			continue
		}
		only := map[string]string{}
		for mark := range strings.FieldsSeq(payloads[verb]) {
			name, required := strings.CutSuffix(mark, "!")
			if required {
				check(t, verb, object(verb, map[string]string{name: ""}), name+" is missing")
				check(t, verb, object(verb, map[string]string{name: "null"}), name+" is missing")
				continue
			}
			only[name] = ""
			absent := check(t, verb, object(verb, map[string]string{name: ""}), "")
			null := check(t, verb, object(verb, map[string]string{name: "null"}), "")
			if d := diff(absent, null); d != "" {
				t.Errorf("%v: %s null is not as absent:\n%s", verb, name, d)
			}
		}
		check(t, verb, object(verb, nil), "")
		check(t, verb, object(verb, only), "")
	}
}

func TestPurgePlace(t *testing.T) {
	for _, payload := range []string{`{}`, `{"at":1}`, `{"before":null}`, `{"before":null,"before_at":null}`} {
		check(t, GroupPurge, payload, "before or before_at is missing")
	}
	for _, payload := range []string{`{"before":"m1"}`, `{"before_at":0}`, `{"before":"m1","before_at":1}`} {
		check(t, GroupPurge, payload, "")
	}
}

func TestFieldValues(t *testing.T) {
	for _, verb := range Verbs() {
		for mark := range strings.FieldsSeq(payloads[verb]) {
			name := strings.TrimSuffix(mark, "!")
			for _, value := range testsOf(verb, name).good {
				check(t, verb, object(verb, map[string]string{name: value}), "")
			}
			for _, values := range testsOf(verb, name).bad {
				for value, want := range values {
					if strings.Contains(want, "%s") {
						want = fmt.Sprintf(want, name)
					}
					check(t, verb, object(verb, map[string]string{name: value}), want)
				}
			}
		}
	}
}

// openVerbs are those whose payloads may hold fields of the back end's own.
var openVerbs = map[Verb]bool{UserMessage: true, UserSent: true, GroupMessage: true}

// sent is a payload of user.sent with some more fields, which it ignores.
func sent(more string) string { return `{"id":"m1","to":"bob",` + more + `}` }

// A field of another verb is an unknown field. What reports a message ignores
// it whatever it holds; every other command is refused.
func TestUnknownFields(t *testing.T) {
	for _, verb := range Verbs() {
		want := check(t, verb, object(verb, nil), "")
		known := " " + strings.ReplaceAll(payloads[verb], "!", "") + " "
		for name := range fieldTests {
			if strings.Contains(known, " "+name+" ") {
				continue
			}
			for _, value := range []string{`null`, `""`, `7`, `-1.5`, `true`, `[]`, `{}`, `{"id":[{"x":null},"a\u0000"]}`} {
				payload := strings.TrimSuffix(object(verb, nil), "}") + fmt.Sprintf(",%q:%s}", name, value)
				if !openVerbs[verb] {
					check(t, verb, strings.Replace(payload, "{,", "{", 1), fmt.Sprintf("unknown field %q", name))
				} else if d := diff(want, check(t, verb, payload, "")); d != "" {
					t.Errorf("%v: %s is not ignored:\n%s", verb, payload, d)
				}
			}
		}
	}
	check(t, UserSent, sent(`"":1,"ID":2,"x":3,"at ":"no"`), "")
}

// The name of an unknown field is reported, in ASCII and not much of it, whichever
// encoding brings it. The first one is.
func TestUnknownFieldNames(t *testing.T) {
	long := strings.Repeat("x", maxNamed)
	for name, shown := range map[string]string{
		`up_to`:                  `"up_to"`,
		``:                       `""`,
		`Upto`:                   `"Upto"`,
		`up\u0074o `:             `"upto "`,
		`a\"b\\c`:                `"a\"b\\c"`,
		`\r\n\u0000\u001b[31m`:   `"\r\n\x00\x1b[31m"`,
		`名\u202e`:                `"\u540d\u202e"`,
		`\ud83d\ude00`:           `"\U0001f600"`,
		long:                     `"` + long + `"`,
		long + `y`:               `"` + long + `"...`,
		long[1:] + `名`:           `"` + long[1:] + `"...`,
		strings.Repeat(`名`, 100): `"` + strings.Repeat(`\u540d`, maxNamed/3) + `"...`,
	} {
		check(t, UserRead, `{"conversation":"c2c_bob","`+name+`":"m1","x":1}`, "unknown field "+shown)
		check(t, UserReadAll, `{"`+name+`":null}`, "unknown field "+shown)
	}
	var c Command
	if got := reason(t, Decode(target(UserErase), []byte("\x81\xa2a\xff\x01"), &c)); got != reasonNameUTF8 {
		t.Errorf("a name that is not UTF-8: %q", got)
	}
}

func TestDecodedValues(t *testing.T) {
	tests := []struct {
		verb    Verb
		payload string
		want    Command
	}{
		{UserMessage, `{"id":"m1","from":"bob","at":5,"silent":true,"mentions":["a","b","a"],"thread":"t"}`,
			Command{ID: "m1", From: "bob", At: 5, HasAt: true, Silent: true, Mentions: []string{"a", "b", "a"}, Thread: "t"}},
		{UserRevoke, `{"from":"bob","id":"m1"}`, Command{ID: "m1", From: "bob"}},
		{UserSent, `{"id":"m1","to":"bob","at":0}`, Command{ID: "m1", To: "bob", HasAt: true}},
		{UserSent, `{"id":"m1","to":"bob","silent":true,"thread":"t"}`, Command{ID: "m1", To: "bob", Silent: true, Thread: "t"}},
		{UserMessage, `{"id":"m1","from":"bob","hidden":true}`, Command{ID: "m1", From: "bob", Hidden: true}},
		{UserReadAll, `{"upto_at":7}`, Command{UptoAt: 7, HasUptoAt: true}},
		{UserDelete, `{"conversation":"c2c_bob","upto":"m1","upto_at":7}`,
			Command{Conversation: ConversationID{C2C, "bob"}, Upto: "m1", UptoAt: 7, HasUptoAt: true}},
		{UserRead, `{"conversation":"c2c_bob","upto":"m1","upto_at":7,"private":true}`,
			Command{Conversation: ConversationID{C2C, "bob"}, Upto: "m1", UptoAt: 7, HasUptoAt: true, Private: true}},
		{UserReadAll, `{"kind":"group"}`, Command{Kind: Group}},
		{UserUnread, `{"conversation":"group_c2c_x","from":"m2"}`, Command{Conversation: ConversationID{Group, "c2c_x"}, From: "m2"}},
		{UserMute, `{"conversation":"c2c_bob","muted":false}`, Command{Conversation: ConversationID{C2C, "bob"}}},
		{UserMute, `{"conversation":"c2c_bob","muted":true}`, Command{Conversation: ConversationID{C2C, "bob"}, Muted: true}},
		{UserDelete, `{"conversation":"c2c_bob"}`, Command{Conversation: ConversationID{C2C, "bob"}}},
		{UserErase, `{}`, Command{}},
		{GroupMessage, `{"id":"m1","from":"bob","mention_all":true,"mentions":null}`, Command{ID: "m1", From: "bob", MentionAll: true}},
		{GroupRevoke, `{"id":"\u006d1"}`, Command{ID: "m1"}},
		{GroupJoin, `{"users":["a","b"]}`, Command{Users: []string{"a", "b"}}},
		{GroupLeave, `{"users":[]}`, Command{}},
		{GroupDismiss, `{"at":9007199254740991}`, Command{At: MaxTime, HasAt: true}},
		{PolicySet, `{"own_message":"advance"}`, Command{OwnMessage: OwnAdvance}},
		{PolicySet, `{}`, Command{}},
	}
	for _, tt := range tests {
		to := target(tt.verb)
		tt.want.Verb, tt.want.Inbox = to.Verb, to.Inbox
		if d := diff(tt.want, check(t, tt.verb, tt.payload, "")); d != "" {
			t.Errorf("%v %s:\n%s", tt.verb, tt.payload, d)
		}
	}
}

func TestEmptyPayload(t *testing.T) {
	for _, verb := range Verbs() {
		var empty, braces Command
		got, want := reason(t, Decode(target(verb), nil, &empty)), reason(t, Decode(target(verb), []byte("{}"), &braces))
		if got != want || diff(empty, braces) != "" {
			t.Errorf("%v: no bytes give %q, {} gives %q", verb, got, want)
		}
		if accepted := !strings.Contains(payloads[verb], "!") && verb != GroupPurge; accepted != (got == "") {
			t.Errorf("%v: no bytes: %q", verb, got)
		}
	}
}

func TestPayloadSize(t *testing.T) {
	for _, form := range []struct{ name, head, tail string }{
		{"json", `{"id":"m","to":"b","pad":"`, `"}`},
		{"json white space", `{"id":"m","to":"b"`, `}`},
		{"msgpack", "\x83\xa2id\xa1m\xa2to\xa1b\xa3pad\xdb\x00\x03\xff\xec", ""},
	} {
		fill := " "
		payload := form.head + strings.Repeat(fill, MaxPayload-len(form.head)-len(form.tail)) + form.tail
		var c Command
		if err := Decode(target(UserSent), []byte(payload), &c); err != nil {
			t.Errorf("%s of %d bytes: %v", form.name, len(payload), err)
		}
		if got := reason(t, Decode(target(UserSent), []byte(payload+" "), &c)); got != reasonSize {
			t.Errorf("%s of %d bytes: %q", form.name, len(payload)+1, got)
		}
	}
}

func TestDepth(t *testing.T) {
	lists := func(n int) string { return strings.Repeat("[", n) + strings.Repeat("]", n) }
	maps := func(n int) string { return strings.Repeat(`{"x":`, n) + "0" + strings.Repeat("}", n) }
	// the payload itself is the first level
	check(t, UserSent, sent(`"x":`+lists(MaxDepth-1)), "")
	check(t, UserSent, sent(`"x":`+lists(MaxDepth)), reasonDepth)
	check(t, UserSent, sent(`"x":`+maps(MaxDepth-1)), "")
	check(t, UserSent, sent(`"x":`+maps(MaxDepth)), reasonDepth)
	check(t, UserSent, sent(`"a":[[]],"x":[1,`+lists(MaxDepth-2)+`,`+lists(MaxDepth-2)+`],"y":2`), "")
	check(t, UserSent, sent(`"a":[[]],"x":[1,`+lists(MaxDepth-1)+`],"y":2`), reasonDepth)
}

func TestFieldsTwice(t *testing.T) {
	for _, fields := range []string{
		`"at":1,"at":1`, `"at":null,"at":1`, `"at":1,"at":null`, `"at":1,"a\u0074":2`, `"id":"m2"`,
		`"x":1,"x":2`, `"x":1,"at":2,"y":3,"x":4`, `"upto":1,"upto":2`, `"":1,"":2`,
	} {
		check(t, UserSent, sent(fields), reasonTwice)
	}
	check(t, UserErase, `{"at":1,"at":1}`, reasonTwice)
	var many strings.Builder
	for i := range 5000 {
		fmt.Fprintf(&many, `"f%d":%d,`, i, i)
	}
	check(t, UserSent, sent(many.String()+`"x":0`), "")
	check(t, UserSent, sent(many.String()+`"f77":0`), reasonTwice)
}

// A decoder and a command may be used again and again, also after errors, and
// nothing of one payload is left for the next.
func TestReuse(t *testing.T) {
	var d Decoder
	var c Command
	for range 2 {
		for _, verb := range Verbs() {
			for _, payload := range []string{object(verb, nil), `{"x":[],"x":1}`, `{`, "\x82\xa1x", "\x81\x01\x02", object(verb, map[string]string{"at": ""})} {
				var fresh Command
				again, once := d.Decode(target(verb), []byte(payload), &c), Decode(target(verb), []byte(payload), &fresh)
				if reason(t, again) != reason(t, once) {
					t.Errorf("%v %q: %v, the first time %v", verb, payload, again, once)
				}
				if once == nil && diff(fresh, c) != "" {
					t.Errorf("%v %q:\n%s", verb, payload, diff(fresh, c))
				}
			}
		}
	}
}

func TestSubjectsDecode(t *testing.T) {
	s := unread(t)
	var c Command
	if err := s.Decode("unread.cmd.user.a%2Eb.mute", []byte(`{"conversation":"group_x","muted":true}`), &c); err != nil {
		t.Fatal(err)
	}
	want := Command{Verb: UserMute, Inbox: "a.b", Conversation: ConversationID{Group, "x"}, Muted: true}
	if d := diff(want, c); d != "" {
		t.Error(d)
	}
	if got := reason(t, s.Decode("unread.cmd.user.a.jump", nil, &c)); got != "unknown verb" || diff(Command{}, c) != "" {
		t.Errorf("reason %q, command %v", got, c)
	}
	for _, v := range []Verb{NoVerb, verbs, 255} {
		if got := reason(t, Decode(Target{Verb: v}, nil, &c)); got != "unknown verb" {
			t.Errorf("verb %d: %q", v, got)
		}
	}
}
