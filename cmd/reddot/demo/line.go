package demo

import (
	"strings"

	"github.com/rivo/uniseg"
)

// style is the parameters of a terminal's "select graphic rendition".
type style string

const (
	plain    style = ""
	bold     style = "1"
	faint    style = "2"
	redBadge style = "1;97;41"
	dimBadge style = "97;100"
	ticked   style = "1;36"
	named    style = "1;33"
)

// span is text in one style. It holds no control characters.
type span struct {
	text  string
	style style
}

// line is a line on the screen.
type line []span

func (l line) width() int {
	w := 0
	for _, s := range l {
		w += uniseg.StringWidth(s.text)
	}
	return w
}

// fit cuts a line to a width in columns, or fills it up.
func (l line) fit(width int) line {
	if width <= 0 {
		return nil
	}
	have := l.width()
	if have <= width {
		return append(l[:len(l):len(l)], span{text: strings.Repeat(" ", width-have)})
	}
	var out line
	left := width - 1 // one is for the sign that something is missing
	for _, s := range l {
		if w := uniseg.StringWidth(s.text); w <= left {
			out = append(out, s)
			left -= w
			continue
		}
		out = append(out, span{head(s.text, left) + "…", s.style})
		break
	}
	return out.fit(width)
}

// between is two lines at the ends of a width, a blank or more between them;
// the left one gives way.
func between(left, right line, width int) line {
	if len(right) == 0 {
		return left.fit(width)
	}
	return append(append(left.fit(max(1, width-right.width()-1)), span{text: " "}), right...)
}

// head is the beginning of a text, at most width columns wide.
func head(text string, width int) string {
	rest, state := text, -1
	for end := 0; rest != ""; {
		var cluster string
		var w int
		cluster, rest, w, state = uniseg.FirstGraphemeClusterInString(rest, state)
		if w > width {
			return text[:end]
		}
		width -= w
		end += len(cluster)
	}
	return text
}

// trim drops the blanks at a line's end, unless they are seen.
func (l line) trim() line {
	for len(l) > 0 {
		last := l[len(l)-1]
		if last.style == redBadge || last.style == dimBadge {
			return l
		}
		last.text = strings.TrimRight(last.text, " ")
		l = l[: len(l)-1 : len(l)-1]
		if last.text != "" {
			return append(l, last)
		}
	}
	return nil
}

// render is a line as it is written to a terminal.
func (l line) render(color bool) string {
	var b strings.Builder
	for _, s := range l {
		if color && s.style != plain && s.text != "" {
			b.WriteString("\x1b[" + string(s.style) + "m" + s.text + "\x1b[0m")
		} else {
			b.WriteString(s.text)
		}
	}
	return b.String()
}
