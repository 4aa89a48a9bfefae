package term

import (
	"strings"

	"github.com/rivo/uniseg"
)

// Table is text in columns, each as wide as its widest cell on a terminal.
type Table struct {
	gap   int    // blanks between columns
	right []bool // columns that are aligned right: numbers
	rows  [][]string
}

// NewTable returns a table with a head line. A column whose head begins with
// '>' is aligned right.
func NewTable(head ...string) *Table {
	t := &Table{gap: 3, right: make([]bool, len(head))}
	row := make([]string, len(head))
	for i, h := range head {
		row[i], t.right[i] = strings.CutPrefix(h, ">")
	}
	t.rows = append(t.rows, row)
	return t
}

// NewList returns a table of names and values without a head line.
func NewList() *Table { return &Table{gap: 2, right: make([]bool, 2)} }

// NewSum returns a table of a sum's lines: a sign, a number, what is counted.
func NewSum() *Table { return &Table{gap: 1, right: []bool{false, true, false}} }

// Add appends a row, which has a cell for every column.
func (t *Table) Add(cells ...string) { t.rows = append(t.rows, cells) }

// String returns the lines, without blanks at their ends.
func (t *Table) String() string {
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
