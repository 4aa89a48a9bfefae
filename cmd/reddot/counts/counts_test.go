package counts_test

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"reddot/cmd/reddot/counts"
	"reddot/events"
	"reddot/projector/testkit"
)

func TestMain(m *testing.M) { testkit.Main(m) }

// all are the rows of a text, and a line for each bad one, with the error that ended it.
func all(t *testing.T, text io.Reader) (rows []counts.Row, bad []string, ended error) {
	t.Helper()
	f, err := counts.Open(text)
	if err != nil {
		return nil, nil, err
	}
	for {
		row, err := f.Next()
		wrong, isRow := errors.AsType[*counts.RowError](err)
		switch {
		case errors.Is(err, io.EOF):
			return rows, bad, nil
		case isRow:
			bad = append(bad, wrong.Error())
		case err != nil:
			return rows, bad, err
		default:
			rows = append(rows, row)
		}
	}
}

// someRows are what the texts of TestForms say; the lines are CSV's.
func someRows() []counts.Row {
	return []counts.Row{
		{Line: 2, User: "alice", Conversation: events.ConversationID{Kind: events.C2C, ID: "bob"}, Unread: 3, Mentions: 1, HasMentions: true,
			ReadAt: 1795456800000, HasReadAt: true, Last: events.LastMessage{ID: "m9", From: "bob", At: 1795456800123},
			Muted: true, HasMuted: true, Labels: []string{"pinned", "work"}, HasLabels: true},
		{Line: 3, User: "alice", Conversation: events.ConversationID{Kind: events.Group, ID: "team, red"}, Unread: 0, HasMuted: true},
		{Line: 4, User: "李雷 ", Conversation: events.ConversationID{Kind: events.C2C, ID: "a\nb"}, Unread: 18446744073709551615},
		{Line: 7, User: "z", Conversation: events.ConversationID{Kind: events.C2C, ID: "y"}, Unread: 1},
	}
}

// TestForms: CSV and JSON lines say the same.
func TestForms(t *testing.T) {
	const table = "user,conversation,unread,mentions,read_at,last_id,last_from,last_at,muted,labels\r\n" +
		"alice,c2c_bob,3,1,2026-11-23T18:00:00Z,m9,bob,1795456800123,true,pinned|work\r\n" +
		"alice,\"group_team, red\",0,,,,,,f,\n" +
		"李雷 ,\"c2c_a\nb\",18446744073709551615,,,,,,,\n" +
		"\n" +
		"z,c2c_y,1,,,,,,,"
	const objects = `{"user":"alice","conversation":"c2c_bob","unread":3,"mentions":1,"read_at":"2026-11-23T19:00:00+01:00","last_id":"m9","last_from":"bob","last_at":1795456800123,"muted":true,"labels":["pinned","work"]}
{"user":"alice","conversation":"group_team, red","unread":"0","mentions":null,"muted":false,"labels":null}
` + ` {"unread":18446744073709551615,"user":"李雷 ","last_id":"","conversation":"c2c_a\nb"}
{"user":"z","conversation":"c2c_y","unread":1}`
	want := someRows()
	for name, text := range map[string]string{"CSV": table, "marked CSV": "\ufeff" + table, "JSON lines": objects, "JSON behind blanks": "\n \n" + objects} {
		got, bad, err := all(t, strings.NewReader(text))
		testkit.OK(t, err)
		if len(bad) > 0 {
			t.Errorf("%s: %q", name, bad)
		}
		if !strings.Contains(name, "CSV") {
			for i := range got {
				got[i].Line = want[i].Line
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

// TestColumns: they may be in any order, and some may be left out.
func TestColumns(t *testing.T) {
	got, bad, err := all(t, strings.NewReader("unread,user,labels,conversation\n7,alice,a,c2c_bob\n"))
	testkit.OK(t, err)
	want := []counts.Row{{Line: 2, User: "alice", Conversation: events.ConversationID{Kind: events.C2C, ID: "bob"}, Unread: 7, Labels: []string{"a"}, HasLabels: true}}
	if diff := cmp.Diff(want, got); diff != "" || bad != nil {
		t.Errorf("%q (-want +got):\n%s", bad, diff)
	}
}

// TestBadRows: each is named by its line, and those behind it are read.
func TestBadRows(t *testing.T) {
	const head = "user,conversation,unread,mentions,read_at,last_id,last_from,last_at,muted,labels\n"
	for row, want := range map[string]string{
		",c2c_bob,3,,,,,,,":                            "user is missing",
		"alice,,3,,,,,,,":                              "conversation is missing",
		"alice,c2c_bob,,,,,,,,":                        "unread is missing",
		"alice,bob,3,,,,,,,":                           `conversation "bob": `,
		"alice,c2c_bob,-3,,,,,,,":                      "unread -3 is negative",
		"alice,c2c_bob,-x,,,,,,,":                      `unread "-x" is not a whole number`,
		"alice,c2c_bob,3.5,,,,,,,":                     `unread "3.5" is not a whole number`,
		"alice,c2c_bob,3,many,,,,,,":                   `mentions "many" is not a whole number`,
		"alice,c2c_bob,99999999999999999999,,,,,,,":    "unread 99999999999999999999 is too large",
		"alice,c2c_bob,3,,yesterday,,,,,":              `read_at "yesterday": use Unix milliseconds`,
		"alice,c2c_bob,3,,-5,,,,,":                     "read_at -5: use a time from 1970 on",
		"alice,c2c_bob,3,,1795456800,,,,,":             "is this one in seconds?",
		"alice,c2c_bob,3,,,m1,,5,,":                    "last_from is missing: last_id, last_from and last_at go together",
		"alice,c2c_bob,3,,,,,,maybe,":                  `muted "maybe": use true or false`,
		"alice,c2c_bob,3,,,,,,":                        "it has 9 cells, and there are 10 columns",
		`alice,c2c_"bob",3,,,,,,,`:                     `put the cell in quotes`,
		strings.Repeat("u", 257) + ",c2c_bob,3,,,,,,,": "user is longer than 256 bytes",
	} {
		got, bad, err := all(t, strings.NewReader(head+row+"\nalice,c2c_bob,3,,,,,,,\n"))
		if err != nil || len(got) != 1 || len(bad) != 1 || !strings.HasPrefix(bad[0], "line 2: ") || !strings.Contains(bad[0], want) {
			t.Errorf("%s: rows %v, bad %q, %v; want %q", row, got, bad, err, want)
		}
	}
	for row, want := range map[string]string{
		`{"user":"alice","conversation":"c2c_bob"}`:                          "unread is missing",
		`{"user":"alice","conversation":"c2c_bob","unred":3}`:                `unknown field "unred"`,
		`{"user":"alice","user":"bob","conversation":"c2c_bob","unread":3}`:  "duplicate",
		`{"user":"alice","conversation":"c2c_bob","unread":-3}`:              "unread -3 is negative",
		`{"user":"alice","conversation":"c2c_bob","unread":[3]}`:             "unread holds more than one value",
		`{"user":"alice","conversation":"c2c_bob","unread":3} x`:             "behind the object",
		`{"user":"alice","conversation":"c2c_bob","unread":3,"labels":"a"}`:  "labels: use an array",
		`{"user":"alice","conversation":"c2c_bob","unread":3,"labels":[1]}`:  "labels: one of them is no string",
		`{"user":"alice","conversation":"c2c_bob","unread":3,`:               "unexpected EOF",
		"{\"user\":\"al\xffice\",\"conversation\":\"c2c_bob\",\"unread\":3}": "invalid UTF-8",
		`["alice","c2c_bob",3]`: "it is no JSON object",
		`x`:                     "invalid character",
	} {
		text := `{"user":"bob","conversation":"c2c_alice","unread":1}` + "\n" + row + "\n" + `{"user":"bob","conversation":"c2c_carol","unread":1}`
		got, bad, err := all(t, strings.NewReader(text))
		if err != nil || len(got) != 2 || len(bad) != 1 || !strings.HasPrefix(bad[0], "line 2: ") || !strings.Contains(bad[0], want) {
			t.Errorf("%s: rows %v, bad %q, %v; want %q", row, got, bad, err, want)
		}
	}
}

// TestBadFiles are not read at all, or not any further.
func TestBadFiles(t *testing.T) {
	failed := errors.New("failed")
	endless := strings.NewReader("user,conversation,unread\nalice,c2c_bob,1\n\"alice" + strings.Repeat("\n", 3<<20))
	for name, c := range map[string]struct {
		text io.Reader
		want string
	}{
		"empty":      {strings.NewReader(""), "it is empty"},
		"no head":    {strings.NewReader("alice,c2c_bob,3\n"), `line 1: unknown field "alice": this line names the columns`},
		"twice":      {strings.NewReader("user,conversation,unread,unread\n"), "the column unread is there twice"},
		"too few":    {strings.NewReader("user,unread\n"), "the column conversation is missing"},
		"open quote": {endless, "line 3 is longer than 1048576 bytes: is a quote not closed?"},
		"long line":  {strings.NewReader(`{"user":"` + strings.Repeat("x", 1<<21)), "line 1 is longer than"},
		"unreadable": {io.MultiReader(strings.NewReader("user,conversation,unread\n"+strings.Repeat("alice,c2c_bob,1\n", 1000)), &failing{failed}), "line 1002 failed"},
	} {
		if _, _, err := all(t, c.text); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}

// failing is a reader that fails.
type failing struct{ err error }

func (f *failing) Read([]byte) (int, error) { return 0, f.err }

// TestManyRows reads a file of more than its buffers.
func TestManyRows(t *testing.T) {
	var b strings.Builder
	b.WriteString("user,conversation,unread\n")
	const n = 100_000
	for i := range n {
		fmt.Fprintf(&b, "user%d,c2c_peer%d,%d\n", i/10, i%10, i)
	}
	got, bad, err := all(t, strings.NewReader(b.String()))
	testkit.OK(t, err)
	if len(got) != n || len(bad) > 0 || got[n-1].Unread != n-1 || got[n-1].Line != n+1 {
		t.Errorf("%d rows, the last one %+v, bad %q", len(got), got[n-1], bad)
	}
}
