package events

import (
	"strings"
	"testing"
)

func TestEncodeRefuses(t *testing.T) {
	long := strings.Repeat("x", MaxID+1)
	ok := ConversationID{C2C, "bob"}
	tests := []struct {
		name   string
		c      Command
		reason string
	}{
		{"no verb", Command{Inbox: "a"}, "unknown verb"},
		{"a verb that isn't", Command{Verb: verbs, Inbox: "a"}, "unknown verb"},
		{"no user", Command{Verb: UserErase}, "user is empty"},
		{"long group", Command{Verb: GroupDismiss, Inbox: long}, "group is longer than 256 bytes"},
		{"policy with an inbox", Command{Verb: PolicySet, Inbox: "a"}, "a policy has no inbox"},
		{"no id", Command{Verb: UserMessage, Inbox: "a", From: "b"}, "id is empty"},
		{"no from", Command{Verb: UserMessage, Inbox: "a", ID: "m"}, "from is empty"},
		{"from is not UTF-8", Command{Verb: UserMessage, Inbox: "a", ID: "m", From: "\xff"}, "from is not UTF-8"},
		{"no conversation", Command{Verb: UserRead, Inbox: "a"}, "conversation begins with neither c2c_ nor group_"},
		{"no kind of conversation", Command{Verb: UserRead, Inbox: "a", Conversation: ConversationID{ID: "x"}}, "conversation begins with neither c2c_ nor group_"},
		{"empty conversation", Command{Verb: UserRead, Inbox: "a", Conversation: ConversationID{Kind: C2C}}, "conversation is empty"},
		{"NUL in upto", Command{Verb: UserRead, Inbox: "a", Conversation: ok, Upto: "\x00"}, "upto holds a NUL byte"},
		{"upto_at out of range", Command{Verb: UserRead, Inbox: "a", Conversation: ok, UptoAt: MaxTime + 1, HasUptoAt: true}, "upto_at is outside 0 to 2^53-1"},
		{"negative at", Command{Verb: UserErase, Inbox: "a", At: -1, HasAt: true}, "at is outside 0 to 2^53-1"},
		{"a kind that isn't", Command{Verb: UserReadAll, Inbox: "a", Kind: 9}, `kind is neither "c2c" nor "group"`},
		{"a policy that isn't", Command{Verb: PolicySet, OwnMessage: 9}, `own_message is neither "keep" nor "advance"`},
		{"mentions", Command{Verb: UserMessage, Inbox: "a", ID: "m", From: "b", Mentions: make([]string, 1001)}, "mentions has more than 1000 entries"},
		{"users", Command{Verb: GroupJoin, Inbox: "g", Users: make([]string, 10001)}, "users has more than 10000 entries"},
		{"an empty user", Command{Verb: GroupJoin, Inbox: "g", Users: []string{"a", ""}}, "users: an entry is empty"},
		{"another verb's field", Command{Verb: UserMute, Inbox: "a", Conversation: ok, ID: "m"}, "id is not a field of user.mute"},
		{"another verb's flag", Command{Verb: UserMessage, Inbox: "a", ID: "m", From: "b", MentionAll: true}, "mention_all is not a field of user.message"},
	}
	for _, tt := range tests {
		if got := reason(t, tt.c.Validate()); got != tt.reason {
			t.Errorf("%s: Validate: %q, want %q", tt.name, got, tt.reason)
		}
		for name, encode := range encoders {
			if b, err := encode(&tt.c); reason(t, err) != tt.reason || b != nil {
				t.Errorf("%s: %s gives %d bytes, %v", tt.name, name, len(b), err)
			}
		}
	}
}

var encoders = map[string]func(*Command) ([]byte, error){"Encode": Encode, "EncodeJSON": EncodeJSON}

func TestEncodeSize(t *testing.T) {
	users := make([]string, 1100)
	for i := range users {
		users[i] = strings.Repeat("x", MaxID)
	}
	c := Command{Verb: GroupJoin, Inbox: "g", Users: users}
	if err := c.Validate(); err != nil {
		t.Fatal(err)
	}
	for name, encode := range encoders {
		if _, err := encode(&c); reason(t, err) != reasonSize {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Every payload that a table test decodes comes back from either encoding.
func TestEncodeRoundTrip(t *testing.T) {
	for _, verb := range Verbs() {
		for mark := range strings.FieldsSeq(payloads[verb]) {
			name := strings.TrimSuffix(mark, "!")
			for _, value := range testsOf(verb, name).good {
				c := check(t, verb, object(verb, map[string]string{name: value}), "")
				checkRoundTrip(t, &c)
			}
		}
	}
}

// checkRoundTrip encodes a command both ways and wants it back.
func checkRoundTrip(t *testing.T, c *Command) {
	t.Helper()
	for name, encode := range encoders {
		b, err := encode(c)
		if err != nil {
			if reason(t, err) != reasonSize { // the other encoding may be longer
				t.Errorf("%s: %v", name, err)
			}
			continue
		}
		var back Command
		if err := Decode(Target{c.Verb, c.Inbox}, b, &back); err != nil {
			t.Errorf("%s: %q: %v", name, b, err)
		} else if d := diff(*c, back); d != "" {
			t.Errorf("%s: %q:\n%s", name, b, d)
		}
	}
}
