package demo

import (
	"fmt"
	"strings"
	"testing"

	"github.com/rivo/uniseg"

	"reddot/events"
)

func somePicture() picture {
	return picture{title: "seed 1 · speed 1 · Ctrl-C ends", words: `bob → alice: "shall we?"`, before: someStory(), lists: []list{
		{user: "alice", live: true, totals: events.Totals{Unread: 1_234_570, C2C: 3, Group: 1_234_567, Mentions: 12, Conversations: 2, Muted: 7},
			receipt: `bob read up to "a message that is far too long for this line"`, receiptAt: "12:00:01", rows: []row{
				{name: "bob", unread: 3, mentions: 1, text: "@alice shall we?"},
				{name: "#team", unread: 1_234_567, mentions: 11, from: "carol", text: "stand-up in five minutes, everybody"},
				{name: "carol", text: "on it", tick: read},
				{name: "dave", text: "did you get the tickets?", tick: sent, marked: true},
				{name: "#family", unread: 7, muted: true, from: "dave", text: "thank you! 🐈"},
				{name: "#李雷和韩梅梅的一个名字非常非常非常非常长的群组", unread: 9, mentions: 2, muted: true, from: "李雷", text: "消息消息消息消息消息消息消息消息消息消息"},
				{name: "#empty", marked: true, muted: true},
			}},
		{user: "bob", totals: events.Totals{}, rows: []row{{name: "alice", text: "shall we?", tick: read}}},
	}}
}

// someStory is more than any frame has room for.
func someStory() (words []string) {
	for i := range 60 {
		words = append(words, fmt.Sprintf("carol → #team: \"%d\"", i))
	}
	return words
}

func drawn(p picture, width, height int, color bool) string {
	var b strings.Builder
	for _, l := range p.frame(width, height, color) {
		b.WriteString(l.render(color) + "\n")
	}
	return b.String()
}

func TestFrame(t *testing.T) {
	p := somePicture()
	golden(t, "demo-frame.txt", drawn(p, 80, 24, false))
	golden(t, "demo-frame-wide.txt", drawn(p, 120, 40, false))
	golden(t, "demo-frame-narrow.txt", drawn(p, 45, 24, false))
	golden(t, "demo-frame-low.txt", drawn(p, 80, 14, false))
	golden(t, "demo-frame-color.txt", strings.ReplaceAll(drawn(p, 80, 24, true), "\x1b", "␛"))
	p.lists = p.lists[1:]
	p.lists[0].live, p.lists[0].rows = true, nil
	p.lists[0].totals.Unread, p.lists[0].totals.Conversations = 1, 1
	golden(t, "demo-frame-empty.txt", drawn(p, 80, 24, false))
}

// TestStoryFillsTheScreen: whatever the lists leave is the story's, the newest
// last.
func TestStoryFillsTheScreen(t *testing.T) {
	p := somePicture()
	for height := 24; height <= 40; height++ {
		lines := strings.Split(strings.TrimSuffix(drawn(p, 80, height, false), "\n"), "\n")
		if len(lines) != height || lines[height-1] != ` bob → alice: "shall we?"` || lines[height-2] != ` carol → #team: "59"` {
			t.Errorf("a screen of %d lines:\n%s", height, strings.Join(lines, "\n"))
		}
	}
	b := newBoard([]string{"alice"}, nil, nil)
	for i := range 3 * maxEarlier {
		b.happens(&act{words: fmt.Sprint(i)})
	}
	if got := b.picture(); len(got.before) != maxEarlier || got.words != fmt.Sprint(3*maxEarlier-1) || got.before[maxEarlier-1] != fmt.Sprint(3*maxEarlier-2) {
		t.Errorf("%d are kept, the last %q before %q", len(got.before), got.before[len(got.before)-1], got.words)
	}
}

// TestFrameFits: no frame has more lines or wider ones than there is room for.
func TestFrameFits(t *testing.T) {
	p := somePicture()
	for width := 1; width <= 130; width++ {
		for height := 1; height <= 30; height++ {
			frame := p.frame(width, height, true)
			if len(frame) > height {
				t.Fatalf("%d lines in %d", len(frame), height)
			}
			for y, l := range frame {
				if got := uniseg.StringWidth(l.render(false)); got > width || got != l.width() {
					t.Fatalf("%d×%d: line %d is %d (%d) wide", width, height, y, got, l.width())
				}
			}
		}
	}
}

func TestLineFit(t *testing.T) {
	for _, c := range []struct {
		text  string
		width int
		want  string
	}{
		{"abc", 5, "abc  "}, {"abc", 3, "abc"}, {"abcd", 3, "ab…"}, {"abc", 1, "…"}, {"abc", 0, ""}, {"", 2, "  "},
		{"李雷李", 5, "李雷…"}, {"李雷李", 4, "李… "}, {"🐈🐈", 3, "🐈…"}, {"e\u0301e\u0301e\u0301", 2, "e\u0301…"},
	} {
		if got := (line{{c.text, bold}}).fit(c.width).render(false); got != c.want {
			t.Errorf("%q in %d: %q, want %q", c.text, c.width, got, c.want)
		}
	}
	if got := (line{{"a ", plain}, {" b ", plain}, {"  ", plain}}).trim().render(false); got != "a  b" {
		t.Errorf("trimmed: %q", got)
	}
	if got := fmt.Sprint((line{{"  ", plain}}).trim().width()); got != "0" {
		t.Errorf("blanks trimmed: %s", got)
	}
}
