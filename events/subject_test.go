package events

import (
	"strings"
	"testing"
	"unicode/utf8"
)

func TestTokens(t *testing.T) {
	tests := []struct{ id, token string }{
		{"alice", "alice"},
		{"alice@example.com", "alice@example%2Ecom"},
		{"100%", "100%25"},
		{"a*b>c d", "a%2Ab%3Ec%20d"},
		{"tab\tnl\ndel\x7f", "tab%09nl%0Adel%7F"},
		{"\x01\x1f", "%01%1F"},
		{"群組.é", "群組%2Eé"},
		{"c1\u0085", "c1\u0085"},
		{"%2E", "%252E"},
		{"~!$&'()+,-/:;<=?[]^_`{|}\"\\#", "~!$&'()+,-/:;<=?[]^_`{|}\"\\#"},
	}
	for _, tt := range tests {
		if got := EscapeToken(tt.id); got != tt.token {
			t.Errorf("EscapeToken(%q) = %q, want %q", tt.id, got, tt.token)
		}
		if got, err := UnescapeToken(tt.token); err != nil || got != tt.id {
			t.Errorf("UnescapeToken(%q) = %q, %v, want %q", tt.token, got, err, tt.id)
		}
	}
}

// Each id has exactly one spelling; a permission on a subject can't be passed
// by another.
func TestTokenSpellingsRefused(t *testing.T) {
	for _, token := range []string{
		"%2e", "%2E%2a", "a%", "a%2", "%", "%zz", "%GG", "%61", "%C3%A9", "%41lice",
		"a.b", "a*", ">", "a b", "a\tb", "\x7f", "\x00", "%2E.", "%2E b",
	} {
		if id, err := UnescapeToken(token); err == nil {
			t.Errorf("UnescapeToken(%q) = %q, want it refused", token, id)
		}
	}
}

func TestEveryByteRoundTrips(t *testing.T) {
	for c := range 256 {
		id := string([]byte{'x', byte(c), 'y'})
		token := EscapeToken(id)
		if strings.ContainsAny(token, ".*> \t\r\n\x00\x7f") {
			t.Errorf("EscapeToken(%q) = %q is more than one plain token", id, token)
		}
		if got, err := UnescapeToken(token); err != nil || got != id {
			t.Errorf("byte %#02x comes back as %q, %v", c, got, err)
		}
	}
}

func TestCommandSubjects(t *testing.T) {
	s := unread(t)
	tests := []struct {
		target  Target
		subject string
	}{
		{Target{UserMessage, "alice"}, "unread.cmd.user.alice.message"},
		{Target{UserRevoke, "alice"}, "unread.cmd.user.alice.revoke"},
		{Target{UserSent, "alice"}, "unread.cmd.user.alice.sent"},
		{Target{UserRead, "alice"}, "unread.cmd.user.alice.read"},
		{Target{UserReadAll, "alice"}, "unread.cmd.user.alice.read-all"},
		{Target{UserUnread, "alice"}, "unread.cmd.user.alice.unread"},
		{Target{UserMute, "alice"}, "unread.cmd.user.alice.mute"},
		{Target{UserDelete, "alice"}, "unread.cmd.user.alice.delete"},
		{Target{UserErase, "a.b c"}, "unread.cmd.user.a%2Eb%20c.erase"},
		{Target{GroupMessage, "team"}, "unread.cmd.group.team.message"},
		{Target{GroupRevoke, "team"}, "unread.cmd.group.team.revoke"},
		{Target{GroupJoin, "team"}, "unread.cmd.group.team.join"},
		{Target{GroupLeave, "team"}, "unread.cmd.group.team.leave"},
		{Target{GroupDismiss, "*"}, "unread.cmd.group.%2A.dismiss"},
		{Target{Verb: PolicySet}, "unread.cmd.policy"},
		{Target{UserLevel, "alice"}, "unread.cmd.user.alice.level"},
		{Target{UserLabel, "alice"}, "unread.cmd.user.alice.label"},
		{Target{UserFilter, "alice"}, "unread.cmd.user.alice.filter"},
		{Target{UserClear, "alice"}, "unread.cmd.user.alice.clear"},
		{Target{UserImport, "alice"}, "unread.cmd.user.alice.import"},
		{Target{GroupPurge, "team"}, "unread.cmd.group.team.purge"},
		{Target{UserBlock, "alice"}, "unread.cmd.user.alice.block"},
		{Target{UserFollow, "alice"}, "unread.cmd.user.alice.follow"},
		{Target{UserEdit, "alice"}, "unread.cmd.user.alice.edit"},
		{Target{GroupEdit, "team"}, "unread.cmd.group.team.edit"},
		{Target{Verb: ClockSet}, "unread.cmd.clock"},
	}
	if len(tests) != len(Verbs()) {
		t.Errorf("%d verbs tested of %d", len(tests), len(Verbs()))
	}
	for _, tt := range tests {
		if got := s.Command(tt.target); got != tt.subject {
			t.Errorf("Command(%v) = %q, want %q", tt.target, got, tt.subject)
		}
		if got, err := s.ParseCommand(tt.subject); err != nil || got != tt.target {
			t.Errorf("ParseCommand(%q) = %v, %v, want %v", tt.subject, got, err, tt.target)
		}
	}
}

func TestCommandSubjectsRefused(t *testing.T) {
	s := unread(t)
	long := strings.Repeat("x", MaxID)
	if _, err := s.ParseCommand("unread.cmd.user." + long + ".message"); err != nil {
		t.Errorf("an id of %d bytes: %v", MaxID, err)
	}
	tests := []struct{ subject, reason string }{
		{"", "subject is not a command's"},
		{"unread.cmd.", "subject is not a command's"},
		{"unread.evt.alice.change", "subject is not a command's"},
		{"other.cmd.user.alice.message", "subject is not a command's"},
		{"unreadx.cmd.user.alice.message", "subject is not a command's"},
		{"unread.cmd.user", "subject has too few tokens"},
		{"unread.cmd.user.alice", "subject has too few tokens"},
		{"unread.cmd.policy.x", "subject has too many tokens"},
		{"unread.cmd.user.alice.message.x", "subject has too many tokens"},
		{"unread.cmd.user.a.b.message", "subject has too many tokens"},
		{"unread.cmd.user.alice.shout", "unknown verb"},
		{"unread.cmd.user.alice.MESSAGE", "unknown verb"},
		{"unread.cmd.user.alice.join", "unknown verb"},
		{"unread.cmd.group.team.read", "unknown verb"},
		{"unread.cmd.robot.r2.message", "unknown verb"},
		{"unread.cmd.user..message", "user is empty"},
		{"unread.cmd.user.%00.message", "user holds a NUL byte"},
		{"unread.cmd.user.\xff.message", "user is not UTF-8"},
		{"unread.cmd.group." + long + "x.message", "group is longer than 256 bytes"},
		{"unread.cmd.user.%2e.message", "subject token holds a % that is not followed by two upper-case hex digits"},
		{"unread.cmd.user.%41.message", "subject token escapes a byte that is written as it is"},
		{"unread.cmd.user.a%2.message", "subject token ends inside a %XX escape"},
		{"unread.cmd.user.a b.message", "subject token holds a byte that must be written %XX"},
	}
	for _, tt := range tests {
		_, err := s.ParseCommand(tt.subject)
		if got := reason(t, err); got != tt.reason {
			t.Errorf("ParseCommand(%q): %q, want %q", tt.subject, got, tt.reason)
		}
	}
}

func TestOtherSubjects(t *testing.T) {
	s, err := NewSubjects("chat-1")
	if err != nil {
		t.Fatal(err)
	}
	for got, want := range map[string]string{
		s.Prefix():               "chat-1",
		s.CommandStream():        "CHAT-1_COMMANDS",
		s.EventStream():          "CHAT-1_EVENTS",
		s.Commands():             "chat-1.cmd.>",
		s.Change("a.b"):          "chat-1.evt.a%2Eb.change",
		s.Receipt("a.b"):         "chat-1.evt.a%2Eb.receipt",
		s.Events("a.b"):          "chat-1.evt.a%2Eb.>",
		s.Rejected():             "chat-1.rejected",
		s.StoredRejected():       "chat-1-out.*.rejected",
		s.Query("a.b", "totals"): "chat-1.api.a%2Eb.totals",
		s.QueryPattern("totals"): "chat-1.api.*.totals",
		s.Status():               "chat-1.api.status",
	} {
		if got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	if user, err := s.QueryUser("chat-1.api.a%2Eb.totals"); err != nil || user != "a.b" {
		t.Errorf("QueryUser: %q, %v", user, err)
	}
	for _, subject := range []string{"chat-1.api.status", "chat-1.api..totals", "chat-1.api.%2e.totals", "unread.api.a.totals"} {
		if user, err := s.QueryUser(subject); err == nil {
			t.Errorf("QueryUser(%q) = %q, want it refused", subject, user)
		}
	}
	for _, prefix := range []string{"", "a.b", "a b", "*", ">", "é", "a%"} {
		if _, err := NewSubjects(prefix); err == nil {
			t.Errorf("prefix %q is taken", prefix)
		}
	}
}

// TestTypeOf: a subject's form says of which type its command is.
func TestTypeOf(t *testing.T) {
	for subject, want := range map[string]string{
		"x.cmd.group.a%2Eb.message": "group.message", "unread.cmd.user.alice.nothing": "user.nothing",
		"unread.cmd.user.alice": "", "unread.cmd.a.b.c.d": "", "unread.cmd": "", "": "",
	} {
		if got := TypeOf(subject); got != want {
			t.Errorf("%q: %q, want %q", subject, got, want)
		}
	}
	s := unread(t)
	for _, v := range Verbs() {
		if got := TypeOf(s.Command(Target{Verb: v, Inbox: "a.b"})); got != v.String() {
			t.Errorf("%s: %q", v, got)
		}
	}
}

func TestCheckID(t *testing.T) {
	for id, want := range map[string]string{
		"x":                         "",
		strings.Repeat("x", MaxID):  "",
		strings.Repeat("é", 128):    "",
		"":                          "peer is empty",
		strings.Repeat("x", 257):    "peer is longer than 256 bytes",
		strings.Repeat("é", 129):    "peer is longer than 256 bytes",
		"a\x00b":                    "peer holds a NUL byte",
		"\xff":                      "peer is not UTF-8",
		"\xed\xa0\x80":              "peer is not UTF-8",
		"\t \u0085\u2028 any text ": "",
	} {
		if got := reason(t, CheckID("peer", id)); got != want {
			t.Errorf("CheckID(%.20q) = %q, want %q", id, got, want)
		}
	}
}

func FuzzToken(f *testing.F) {
	for _, s := range []string{"alice", "a.b", "%2E", "%2e", "100%", "\x00\x7f>", "é", "\xff", "a%C3"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		token := EscapeToken(s)
		if got, err := UnescapeToken(token); err != nil || got != s {
			t.Errorf("%q escapes to %q, which reads %q, %v", s, token, got, err)
		}
		if id, err := UnescapeToken(s); err == nil && EscapeToken(id) != s {
			t.Errorf("%q is a second spelling of %q", s, id)
		}
	})
}

func FuzzParseCommand(f *testing.F) {
	s := unread(f)
	for _, v := range Verbs() {
		f.Add(s.Command(target(v)))
	}
	f.Add("unread.cmd.user.a%2Eb.read-all")
	f.Add("unread.cmd.user.a%2eb.read")
	f.Add("unread.cmd.policy.x.y")
	f.Fuzz(func(t *testing.T, subject string) {
		got, err := s.ParseCommand(subject)
		if err != nil {
			reason(t, err)
			return
		}
		if back := s.Command(got); back != subject {
			t.Errorf("%q reads as %v, whose subject is %q", subject, got, back)
		}
		if !utf8.ValidString(subject) {
			t.Errorf("%q is taken", subject)
		}
	})
}
