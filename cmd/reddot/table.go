package main

import (
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/rivo/uniseg"

	"reddot/events"
)

// table is text in columns, each as wide as its widest cell on a terminal.
type table struct {
	gap   int    // blanks between columns
	right []bool // columns that are aligned right: numbers
	rows  [][]string
}

// newTable returns a table with a head line. A column whose head begins with
// '>' is aligned right.
func newTable(head ...string) *table {
	t := &table{gap: 3, right: make([]bool, len(head))}
	row := make([]string, len(head))
	for i, h := range head {
		row[i], t.right[i] = strings.CutPrefix(h, ">")
	}
	t.rows = append(t.rows, row)
	return t
}

// newList returns a table of names and values without a head line.
func newList() *table { return &table{gap: 2, right: make([]bool, 2)} }

func (t *table) add(cells ...string) { t.rows = append(t.rows, cells) }

// String returns the lines, without blanks at their ends.
func (t *table) String() string {
	width := make([]int, len(t.right))
	for _, row := range t.rows {
		for i, cell := range row {
			width[i] = max(width[i], uniseg.StringWidth(cell))
		}
	}
	var b strings.Builder
	for _, row := range t.rows {
		var line strings.Builder
		for i, cell := range row {
			if i > 0 {
				line.WriteString(strings.Repeat(" ", t.gap))
			}
			fill := strings.Repeat(" ", width[i]-uniseg.StringWidth(cell))
			if t.right[i] {
				line.WriteString(fill + cell)
			} else {
				line.WriteString(cell + fill)
			}
		}
		b.WriteString(strings.TrimRight(line.String(), " ") + "\n")
	}
	return b.String()
}

// number shows a count or a sequence.
func number[N ~uint64](n N) string { return strconv.FormatUint(uint64(n), 10) }

// several counts things: "1 command", "2 commands".
func several[N ~int64 | ~uint64](n N, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return fmt.Sprintf("%d %ss", n, thing)
}

// singular is a unit of one, as "command folded" of "commands folded".
func singular(unit string) string {
	word, rest, _ := strings.Cut(unit, " ")
	return strings.TrimSpace(strings.TrimSuffix(word, "s") + " " + rest)
}

// yes shows a flag that is set.
func yes(set bool) string {
	if set {
		return "yes"
	}
	return ""
}

// clock shows a time to the millisecond, or nothing for none.
func clock(t events.Time, zone *time.Location) string {
	if t == 0 {
		return ""
	}
	return time.UnixMilli(int64(t)).In(zone).Format("2006-01-02T15:04:05.000Z07:00")
}

// printable shows an id. Ids may hold anything but NUL, so one that could
// move the cursor or pass for another column is quoted.
func printable(id string) string {
	for _, r := range id {
		if !unicode.IsPrint(r) {
			return strconv.QuoteToGraphic(id)
		}
	}
	if strings.TrimSpace(id) != id || strings.Contains(id, "  ") {
		return strconv.Quote(id)
	}
	return id
}
