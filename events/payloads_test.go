package events

import (
	"fmt"
	"strings"
)

// payloads says which fields each verb's payload has; "!" marks the required
// ones.
var payloads = map[Verb]string{
	UserMessage:  "id! from! at silent hidden mentions thread expires_at",
	UserRevoke:   "id! from! at",
	UserSent:     "id! to! at silent hidden thread",
	UserRead:     "conversation! upto upto_at private thread at",
	UserReadAll:  "kind upto_at private threads at",
	UserUnread:   "conversation! from thread at",
	UserMute:     "conversation! muted! thread at",
	UserDelete:   "conversation! upto upto_at at",
	UserErase:    "at",
	GroupMessage: "id! from! at silent hidden mentions mention_all thread broadcast receipt expires_at",
	GroupRevoke:  "id! at",
	GroupJoin:    "users! at",
	GroupLeave:   "users! at",
	GroupDismiss: "at",
	PolicySet:    "own_message threads group_receipts at",
	UserLevel:    "conversation! level! at",
	UserLabel:    "conversation! add remove at",
	UserFilter:   "name! filter at",
	UserClear:    "conversation! before at",
	UserImport:   "conversations! at",
	GroupPurge:   "before before_at at",
	UserBlock:    "users! blocked! at",
	UserFollow:   "conversation! thread! following! at",
	UserEdit:     "id! from! mentions at",
	GroupEdit:    "id! mentions mention_all at",
	ClockSet:     "at!",
}

// testsOf are the tests of a field of a verb.
func testsOf(verb Verb, name string) fieldTest {
	switch {
	case name == "thread" && (verb == UserRead || verb == UserUnread):
		name = "thread, or the main timeline"
	case name == "threads" && verb == UserReadAll:
		name = "threads, or not"
	}
	return fieldTests[name]
}

var (
	textErrors = map[string]string{
		`7`: "%s is not a string", `true`: "%s is not a string", `{}`: "%s is not a string", `["x"]`: "%s is not a string", `1.5`: "%s is not a string",
	}
	idErrors = map[string]string{
		`""`: "%s is empty", `"a\u0000b"`: "%s holds a NUL byte", `"` + strings.Repeat("x", 257) + `"`: "%s is longer than 256 bytes",
	}
	flagErrors = map[string]string{
		`1`: "%s is neither true nor false", `0`: "%s is neither true nor false", `"true"`: "%s is neither true nor false",
		`[]`: "%s is neither true nor false", `{}`: "%s is neither true nor false",
	}
	timeErrors = map[string]string{
		`"1"`: "%s is not an integer", `1.5`: "%s is not an integer", `true`: "%s is not an integer",
		`[1]`: "%s is not an integer", `{}`: "%s is not an integer", `-1`: "%s is outside 0 to 2^53-1",
		`9007199254740992`: "%s is outside 0 to 2^53-1", `9223372036854775807`: "%s is outside 0 to 2^53-1",
	}
	listErrors = map[string]string{
		`"x"`: "%s is not a list", `1`: "%s is not a list", `true`: "%s is not a list", `{}`: "%s is not a list",
		`[null]`: "%s: an entry is not a string", `["a",1]`: "%s: an entry is not a string", `[["a"]]`: "%s: an entry is not a string",
		`["a",""]`: "%s: an entry is empty", `["a\u0000"]`: "%s: an entry holds a NUL byte",
		`["` + strings.Repeat("x", 257) + `"]`: "%s: an entry is longer than 256 bytes",
	}
)

func labelErrors(what string) map[string]string {
	return map[string]string{
		`""`: what + " is empty", `"a\u0000b"`: what + " holds a NUL byte", `"` + strings.Repeat("x", 65) + `"`: what + " is longer than 64 bytes",
	}
}

func labelListErrors(name string) map[string]string {
	return map[string]string{
		`"x"`: name + " is not a list", `[1]`: name + ": a label is not a string", `["a",""]`: name + ": a label is empty",
		`["` + strings.Repeat("x", 65) + `"]`: name + ": a label is longer than 64 bytes",
	}
}

// wordErrors are those of a field that takes some words only.
func wordErrors(want string) []map[string]string {
	return []map[string]string{textErrors, {`""`: want, `"All"`: want, `"x"`: want}}
}

// manyImports are so many conversations of an import.
func manyImports(n int) (all []string) {
	for i := range n {
		all = append(all, fmt.Sprintf(`{"conversation":"c2c_u%d","unread":%d}`, i, i))
	}
	return all
}

// fieldTest is good values of a field and, by value, why the others are refused.
type fieldTest struct {
	good []string
	bad  []map[string]string
}

// fieldTests has for each field good values and, by value, why the others are
// refused.
var fieldTests = map[string]fieldTest{
	"thread, or the main timeline": {[]string{`"t1"`, `""`}, []map[string]string{textErrors, {
		`"a\u0000b"`: "%s holds a NUL byte", `"` + strings.Repeat("x", 257) + `"`: "%s is longer than 256 bytes",
	}}},
	"threads, or not": {[]string{`true`, `false`}, []map[string]string{flagErrors}},
	"before":          {[]string{`"m1"`}, []map[string]string{textErrors, idErrors}},
	"before_at":       {[]string{`0`, `1700000000000`}, []map[string]string{timeErrors}},
	"expires_at":      {[]string{`0`, `1700000000000`}, []map[string]string{timeErrors}},
	"broadcast":       {[]string{`true`, `false`}, []map[string]string{flagErrors}},
	"receipt":         {[]string{`true`, `false`}, []map[string]string{flagErrors}},
	"blocked":         {[]string{`true`, `false`}, []map[string]string{flagErrors}},
	"following":       {[]string{`true`, `false`}, []map[string]string{flagErrors}},
	"name":            {[]string{`"work"`, `"` + strings.Repeat("x", 64) + `"`}, []map[string]string{textErrors, labelErrors("name")}},
	"add":             {[]string{`[]`, `["work"]`, list(32)}, []map[string]string{labelListErrors("add"), {list(33): "add has more than 32 entries"}}},
	"remove":          {[]string{`[]`, `["work"]`, list(32)}, []map[string]string{labelListErrors("remove"), {list(33): "remove has more than 32 entries"}}},
	"level":           {[]string{`"all"`, `"mentions"`, `"none"`}, wordErrors(`level is none of "all", "mentions" and "none"`)},
	"threads":         {[]string{`"in"`, `"apart"`}, wordErrors(`threads is neither "in" nor "apart"`)},
	"group_receipts":  {[]string{`"off"`, `"sender"`, `"members"`}, wordErrors(`group_receipts is none of "off", "sender" and "members"`)},
	"filter": {
		[]string{`{}`, `{"kind":"c2c"}`, `{"label":""}`, `{"label":"work","without":"archived","mentioned":true,"include_muted":false}`, `{"label":null}`},
		[]map[string]string{{
			`"x"`: "filter is not an object", `[]`: "filter is not an object", `1`: "filter is not an object",
			`{"kind":"all"}`: `kind is neither "c2c" nor "group"`, `{"kind":1}`: "filter: kind is not a string",
			`{"without":""}`: "without is empty", `{"mentioned":1}`: "filter: mentioned is neither true nor false",
			`{"labels":["x"]}`: `unknown field "labels"`, `{"label":"` + strings.Repeat("x", 65) + `"}`: "label is longer than 64 bytes",
			`{"label":"a\u0000"}`: "label holds a NUL byte", `{"label":"a","label":"b"}`: "payload has a field twice",
		}},
	},
	"conversations": {
		[]string{
			`[]`, `[{"conversation":"c2c_bob","unread":0}]`,
			`[{"conversation":"c2c_bob","unread":9007199254740991,"mentions":null,"labels":[]},{"conversation":"group_bob","unread":1,"mentions":1}]`,
			`[{"conversation":"c2c_bob","unread":3,"mentions":2,"marked_unread":true,"level":"none","labels":["a","b"],"read_at":1,` +
				`"last_message":{"id":"m0","from":"bob","at":2},"receipt":{"upto":"m0","at":3}}]`,
			"[" + strings.Join(manyImports(1000), ",") + "]",
		},
		[]map[string]string{{
			`{}`: "conversations is not a list", `"x"`: "conversations is not a list", `[1]`: "conversations is not an object",
			`[null]`: "conversations is not an object", `[{}]`: "conversations: conversation is missing",
			`[{"conversation":"c2c_bob"}]`:                                              "conversations: unread is missing",
			`[{"conversation":"c2c_bob","unread":null}]`:                                "conversations: unread is missing",
			`[{"conversation":"bob","unread":1}]`:                                       "conversation begins with neither c2c_ nor group_",
			`[{"conversation":"c2c_bob","unread":-1}]`:                                  "conversations: unread is outside 0 to 2^53-1",
			`[{"conversation":"c2c_bob","unread":1.5}]`:                                 "conversations: unread is not an integer",
			`[{"conversation":"c2c_bob","unread":"1"}]`:                                 "conversations: unread is not an integer",
			`[{"conversation":"c2c_bob","unread":1,"mentions":2}]`:                      "conversations: mentions is more than unread",
			`[{"conversation":"c2c_bob","unread":1,"mentions":-2}]`:                     "conversations: mentions is outside 0 to 2^53-1",
			`[{"conversation":"c2c_bob","unread":1,"level":"some"}]`:                    `level is none of "all", "mentions" and "none"`,
			`[{"conversation":"c2c_bob","unread":1,"labels":"x"}]`:                      "conversations: labels is not a list",
			`[{"conversation":"c2c_bob","unread":1,"labels":[1]}]`:                      "conversations: a label is not a string",
			`[{"conversation":"c2c_bob","unread":1,"labels":[""]}]`:                     "conversations: a label is empty",
			`[{"conversation":"c2c_bob","unread":1,"labels":` + list(33) + `}]`:         "conversations: labels has more than 32 entries",
			`[{"conversation":"c2c_bob","unread":1,"last_message":{"id":"m"}}]`:         "conversations: last_message: from is missing",
			`[{"conversation":"c2c_bob","unread":1,"last_message":"m"}]`:                "conversations: last_message is not an object",
			`[{"conversation":"c2c_bob","unread":1,"receipt":{"upto":"","at":1}}]`:      "conversations: receipt: upto is empty",
			`[{"conversation":"c2c_bob","unread":1,"receipt":{"upto":"m","at":-1}}]`:    "conversations: at is outside 0 to 2^53-1",
			`[{"conversation":"c2c_bob","unread":1,"count":1}]`:                         `unknown field "count"`,
			`[{"conversation":"c2c_b","unread":1},{"conversation":"c2c_b","unread":2}]`: "conversations: a conversation is named twice",
			"[" + strings.Join(manyImports(1001), ",") + "]":                            "conversations has more than 1000 entries",
		}},
	},
	"id":     {[]string{`"m1"`, `"` + strings.Repeat("x", 256) + `"`, `"\ud83d\ude00\n"`, `" "`}, []map[string]string{textErrors, idErrors}},
	"from":   {[]string{`"bob"`, `"a.b"`}, []map[string]string{textErrors, idErrors}},
	"to":     {[]string{`"bob"`}, []map[string]string{textErrors, idErrors}},
	"thread": {[]string{`"t1"`}, []map[string]string{textErrors, idErrors}},
	"upto":   {[]string{`"m1"`}, []map[string]string{textErrors, idErrors}},
	"conversation": {
		[]string{`"c2c_bob"`, `"group_team"`, `"group_c2c_"`, `"c2c_` + strings.Repeat("x", 256) + `"`},
		[]map[string]string{textErrors, {
			`""`:     "conversation begins with neither c2c_ nor group_",
			`"bob"`:  "conversation begins with neither c2c_ nor group_",
			`"C2C_"`: "conversation begins with neither c2c_ nor group_",
			`"c2c_"`: "conversation is empty", `"group_"`: "conversation is empty",
			`"c2c_a\u0000"`: "conversation holds a NUL byte",
			`"group_` + strings.Repeat("x", 257) + `"`: "conversation is longer than 256 bytes",
		}},
	},
	"kind": {[]string{`"c2c"`, `"group"`}, []map[string]string{textErrors, {
		`""`: `kind is neither "c2c" nor "group"`, `"all"`: `kind is neither "c2c" nor "group"`, `"Group"`: `kind is neither "c2c" nor "group"`,
	}}},
	"own_message": {[]string{`"keep"`, `"advance"`}, []map[string]string{textErrors, {
		`""`: `own_message is neither "keep" nor "advance"`, `"Keep"`: `own_message is neither "keep" nor "advance"`,
	}}},
	"hidden":      {[]string{`true`, `false`}, []map[string]string{flagErrors}},
	"silent":      {[]string{`true`, `false`}, []map[string]string{flagErrors}},
	"private":     {[]string{`true`, `false`}, []map[string]string{flagErrors}},
	"muted":       {[]string{`true`, `false`}, []map[string]string{flagErrors}},
	"mention_all": {[]string{`true`, `false`}, []map[string]string{flagErrors}},
	"at":          {[]string{`0`, `1`, `1700000000000`, `9007199254740991`}, []map[string]string{timeErrors}},
	"upto_at":     {[]string{`0`, `1700000000000`, `9007199254740991`}, []map[string]string{timeErrors}},
	"mentions": {
		[]string{`[]`, `["a"]`, `["a","b","a"]`, list(1000)},
		[]map[string]string{listErrors, {list(1001): "mentions has more than 1000 entries"}},
	},
	"users": {
		[]string{`[]`, `["a"]`, `["a","a"]`, list(10000)},
		[]map[string]string{listErrors, {list(10001): "users has more than 10000 entries"}},
	},
}
