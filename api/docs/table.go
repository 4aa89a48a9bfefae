package docs

import (
	"slices"
	"strings"

	"github.com/yuin/goldmark/ast"
)

const (
	gap       = "   " // between columns
	narrowest = 30    // a column that is wrapped has at least so much
)

// table shows a table in columns where they fit, the widest one wrapped if that is enough;
// else its rows one below the other, the first cell in front.
func (p *Page) table(n ast.Node, width int) []string {
	var rows [][]string
	for row := n.FirstChild(); row != nil; row = row.NextSibling() {
		var cells []string
		for cell := row.FirstChild(); cell != nil; cell = cell.NextSibling() {
			cells = append(cells, p.inline(cell))
		}
		rows = append(rows, cells)
	}
	widths := make([]int, len(rows[0]))
	sum := len(gap) * (len(widths) - 1)
	for i := range widths {
		for _, row := range rows {
			widths[i] = max(widths[i], widest(row[i:i+1]))
		}
		sum += widths[i]
	}
	if sum > width {
		at := slices.Index(widths, slices.Max(widths))
		if widths[at] -= sum - width; widths[at] < narrowest {
			return stacked(rows, width)
		}
	}
	return columns(rows, widths)
}

// columns are rows whose cells have these widths.
func columns(rows [][]string, widths []int) (lines []string) {
	for i, row := range rows {
		if i == 0 && strings.Join(row, "") == "" {
			continue // the columns have no names
		}
		cells := make([][]string, len(row))
		high := 0
		for j, cell := range row {
			cells[j] = wrap(cell, widths[j])
			high = max(high, len(cells[j]))
		}
		for k := range high {
			line := make([]string, len(row))
			for j := range row {
				text := ""
				if k < len(cells[j]) {
					text = cells[j][k]
				}
				line[j] = padded(text, widths[j])
			}
			lines = append(lines, strings.TrimRight(strings.Join(line, gap), " "))
		}
		if i == 0 {
			for j, w := range widths {
				row[j] = strings.Repeat("-", w)
			}
			lines = append(lines, strings.Join(row, gap))
		}
	}
	return lines
}

// stacked are rows whose cells don't fit beside each other.
func stacked(rows [][]string, width int) (lines []string) {
	head := rows[0]
	for i, row := range rows[1:] {
		if i > 0 {
			lines = append(lines, "")
		}
		lines = append(lines, wrap(row[0], width)...)
		for j, cell := range row[1:] {
			if name := head[j+1]; name != "" && cell != "" && len(head) > 2 {
				cell = name + ": " + cell
			}
			if cell != "" {
				lines = append(lines, indented(wrap(cell, width-4), "    ", "    ")...)
			}
		}
	}
	return lines
}
