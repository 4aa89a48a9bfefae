package events

import (
	"strings"
	"testing"

	"reddot/projector/testkit"
)

func TestSplitBatch(t *testing.T) {
	b := testkit.Must(SplitBatch([]byte(` {"timeout_ms":7,"commands":[ {"type":"user.read","user":"a","conversation":"c2c_b"} , {"type":"policy"}],"wait":"applied"} `)))(t)
	if len(b.Commands) != 2 || b.Wait != Applied || *b.TimeoutMS != 7 {
		t.Fatalf("%+v", b)
	}
	typed := testkit.Must(new(Decoder).SplitTyped(b.Commands[0]))(t)
	if typed.Type != UserRead || *typed.User != "a" || typed.Group != nil || string(typed.Payload) != `{"conversation":"c2c_b"}` {
		t.Errorf("%+v %s", typed, typed.Payload)
	}
	many := `{"commands":[` + strings.Repeat("{},", MaxBatch) + `{}]}`
	for request, reason := range map[string]string{
		"":                               "request is not a JSON object",
		"[]":                             "request is not a JSON object",
		"\x81":                           "request is not a JSON object",
		"{}":                             "commands is missing",
		`{"commands":{}}`:                "commands is not a list",
		`{"commands":[]}`:                "commands has 0 entries; use 1 to 1000",
		`{"commands":[{},7]}`:            "commands[1] is not an object",
		`{"commands":[{}],"key":"x"}`:    `unknown field "key"`,
		`{"commands":[{}],"commands":1}`: reasonTwice,
		`{"commands":[{"a":1,"a":2}]}`:   reasonTwice,
		`{"commands":[{}]`:               reasonJSON,
		`{"commands":[{}]}x`:             reasonTrailing,
		`{"wait":"done"}`:                "wait is none of",
		`{"timeout_ms":30001}`:           "timeout_ms is not 0 to 30000",
		many:                             "commands has more than 1000 entries",
		`{"commands":[{"a":` + strings.Repeat("[", 40) + strings.Repeat("]", 40) + `}]}`: reasonDepth,
	} {
		if _, err := SplitBatch([]byte(request)); err == nil || !strings.Contains(err.Error(), reason) {
			t.Errorf("%.60s: %v, want %s", request, err, reason)
		}
	}
}

func TestSplitTyped(t *testing.T) {
	target := func(user, command string) (Target, error) {
		typed, err := new(Decoder).SplitTyped([]byte(command))
		if err != nil {
			return Target{}, err
		}
		return typed.Target(user)
	}
	for command, want := range map[string]Target{
		`{"type":"user.message","user":"a"}`:     {UserMessage, "a"},
		`{"type":"group.join","group":"g"}`:      {GroupJoin, "g"},
		`{"type":"policy"}`:                      {PolicySet, ""},
		`{"type":"clock","user":null,"at":1}`:    {ClockSet, ""},
		`{"type":"user.read","us\u0065r":"x/y"}`: {UserRead, "x/y"},
	} {
		if got, err := target("", command); err != nil || got != want {
			t.Errorf("%s: %+v, %v", command, got, err)
		}
	}
	if got, err := target("me", `{"type":"user.read"}`); err != nil || got != (Target{UserRead, "me"}) {
		t.Errorf("the user's own: %+v, %v", got, err)
	}
	for command, reason := range map[string]string{
		`{}`:                                         "type is missing",
		`{"type":7}`:                                 "type is not a string",
		`{"type":"read"}`:                            "type is no command's",
		`{"type":""}`:                                "type is no command's",
		`{"type":"user.read"}`:                       "user is missing",
		`{"type":"user.read","user":""}`:             "user is empty",
		`{"type":"user.read","group":"g"}`:           "group is not a field of user.read",
		`{"type":"group.join","user":"g"}`:           "user is not a field of group.join",
		`{"type":"group.join"}`:                      "group is missing",
		`{"type":"policy","user":"a"}`:               "user is not a field of policy",
		`{"type":"policy","group":"a"}`:              "group is not a field of policy",
		`{"type":"user.read","user":"a","user":"b"}`: reasonTwice,
	} {
		if _, err := target("", command); err == nil || err.Error() != reason {
			t.Errorf("%s: %v, want %s", command, err, reason)
		}
	}
}

func TestSplitUserDo(t *testing.T) {
	r, user, payload, err := SplitUserDo([]byte(`{"user":"a","wait":"emitted","conversation":"c2c_b","timeout_ms":5}`))
	if err != nil || *user != "a" || r.Wait != Emitted || *r.TimeoutMS != 5 || string(payload) != `{"conversation":"c2c_b"}` {
		t.Errorf("%+v %v %s %v", r, user, payload, err)
	}
	if _, _, payload, err := SplitUserDo(nil); err != nil || payload != nil {
		t.Errorf("%q, %v", payload, err)
	}
	if _, _, _, err := SplitUserDo([]byte(`{"key":"k"}`)); err == nil || err.Error() != `unknown field "key"` {
		t.Error(err)
	}
	if _, _, _, err := SplitUserDo([]byte("\x81\xa4user\xa1a")); err == nil {
		t.Error("msgpack is read")
	}
}
