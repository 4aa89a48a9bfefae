package demo

import (
	"fmt"
	"slices"
	"strings"
)

const (
	minWidth = 80 // columns that a frame is made for; a narrower screen shows its left part
	gutter   = 3  // columns between two lists: a bar and blanks

	// What a frame has besides the conversations, in lines: the title and a
	// blank; of each list the user, the totals and a rule; at the end the last
	// receipt, a rule and what happened.
	headLines = 5
	footLines = 3
	rowLines  = 2
)

// frame is what a screen of width columns and height lines shows: at most
// that many lines, none wider.
func (p picture) frame(width, height int, color bool) []line {
	full := max(width, minWidth)
	lines := []line{between(line{{" reddot ", redBadge}, {" exact unread counts, live", plain}}, line{{p.title + " ", faint}}, full), nil}
	lines = append(lines, p.body(full, max(1, (height-headLines-footLines)/rowLines), color)...)
	lines = append(lines, line{{strings.Repeat("─", full), faint}})
	free := max(0, height-len(lines)-1) // as much of the story as there is room for
	for _, words := range p.before[max(0, len(p.before)-free):] {
		lines = append(lines, line{{" " + words, faint}})
	}
	lines = append(lines, line{{" " + p.words, bold}})
	if len(lines) > height { // the last line says most
		lines = append(lines[:max(0, height-1)], lines[len(lines)-1])
	}
	for i, l := range lines {
		lines[i] = l.fit(width).trim()
	}
	return lines
}

// rendered is a frame as it is written.
func (p picture) rendered(width, height int, color bool) (rows []string) {
	for _, l := range p.frame(width, height, color) {
		rows = append(rows, l.render(color))
	}
	return rows
}

// body is the lists side by side, with room for some conversations in each.
func (p picture) body(width, room int, color bool) []line {
	each := (width - gutter*(len(p.lists)-1)) / len(p.lists)
	var blocks [][]line
	tallest := 0
	for i := range p.lists {
		l := &p.lists[i]
		blocks = append(blocks, l.lines(each, room, color))
		tallest = max(tallest, len(blocks[i]))
	}
	var lines []line
	for y := range tallest + 1 {
		var whole line
		for i, block := range blocks {
			var here line
			switch {
			case y == tallest:
				here = p.lists[i].foot(each)
			case y < len(block):
				here = block[y]
			}
			if i > 0 {
				whole = append(whole, span{" │ ", faint})
			}
			whole = slices.Concat(whole, here.fit(each))
		}
		lines = append(lines, whole)
	}
	return lines
}

// lines is one list: its head and the conversations.
func (l *list) lines(width, room int, color bool) []line {
	t := l.totals
	user := line{{" " + l.user, bold}}
	if !l.live {
		user = append(user, span{" (not current)", faint})
	}
	where := fmt.Sprintf("in %d chats", t.Conversations)
	switch t.Conversations {
	case 0:
		where = "all read"
	case 1:
		where = "in 1 chat"
	}
	sums := fmt.Sprintf(" c2c %d · groups %d · @%d · muted %d", t.C2C, t.Group, t.Mentions, t.Muted)
	lines := []line{
		between(user, line{{where, faint}, {" ", plain}, badge(t.Unread, redBadge, color)}, width),
		{{sums, faint}},
		{{strings.Repeat("─", width), faint}},
	}
	for i := range l.rows {
		if i == room-1 && len(l.rows) > room {
			return append(lines, line{{fmt.Sprintf(" … and %d more", len(l.rows)-i), faint}})
		}
		lines = append(lines, l.rows[i].lines(width, color)...)
	}
	return lines
}

// foot is the last receipt.
func (l *list) foot(width int) line {
	if l.receipt == "" {
		return nil
	}
	return between(line{{" ✓✓ ", ticked}, {l.receipt, faint}}, line{{l.receiptAt, faint}}, width)
}

// lines is one conversation: its name and badge, and what was said last.
func (r *row) lines(width int, color bool) []line {
	var right line
	if r.mentions > 0 {
		right = append(right, span{fmt.Sprintf("@%d", r.mentions), named}, span{" ", plain})
	}
	name := line{{" " + r.name, bold}}
	shade := redBadge
	if r.muted {
		name = append(name, span{" muted", faint})
		shade = dimBadge
	}
	switch {
	case r.unread > 0:
		right = append(right, badge(r.unread, shade, color))
	case r.marked:
		right = append(right, mark(shade, color))
	}
	return []line{between(name, right, width), r.last()}
}

// last is what was said last, and whether the peer has read it.
func (r *row) last() line {
	l := line{{"   ", plain}}
	switch r.tick {
	case sent:
		l = append(l, span{"✓ ", faint})
	case read:
		l = append(l, span{"✓✓ ", ticked})
	}
	if r.from != "" {
		l = append(l, span{r.from + ": ", faint})
	}
	return append(l, span{r.text, faint})
}

// badge is a count, or nothing for none.
func badge(n uint64, shade style, color bool) span {
	switch {
	case n == 0:
		return span{}
	case color:
		return span{fmt.Sprintf(" %d ", n), shade}
	}
	return span{fmt.Sprintf("(%d)", n), plain}
}

// mark is the badge of a conversation that is only marked as unread.
func mark(shade style, color bool) span {
	if color {
		return span{" • ", shade}
	}
	return span{"(•)", plain}
}
