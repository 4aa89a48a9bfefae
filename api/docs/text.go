package docs

import (
	"fmt"
	"strings"

	"github.com/rivo/uniseg"
	"github.com/yuin/goldmark/ast"
	extast "github.com/yuin/goldmark/extension/ast"
)

// Text is the page as a terminal of a width shows it. Code stays as wide as it is.
func (p *Page) Text(width int) string {
	return strings.Join(p.blocks(p.root, width, true), "\n") + "\n"
}

// blocks are the lines of what is below a node, with empty ones between if it is loose.
func (p *Page) blocks(parent ast.Node, width int, loose bool) (lines []string) {
	for n := parent.FirstChild(); n != nil; n = n.NextSibling() {
		block := p.block(n, width)
		if loose && len(lines) > 0 && len(block) > 0 {
			lines = append(lines, "")
		}
		lines = append(lines, block...)
	}
	return lines
}

// block is one of them.
func (p *Page) block(n ast.Node, width int) []string {
	switch n := n.(type) {
	case *ast.Heading:
		return p.heading(n, width)
	case *ast.List:
		return p.list(n, width)
	case *ast.FencedCodeBlock, *ast.CodeBlock:
		return indented(strings.Split(strings.TrimRight(string(n.Lines().Value(p.source)), "\n"), "\n"), "    ", "    ")
	case *ast.Blockquote:
		return indented(p.blocks(n, width-2, true), "| ", "| ")
	case *extast.Table:
		return p.table(n, width)
	case *ast.HTMLBlock:
		return nil
	}
	text := p.inline(n)
	if text == "" {
		return nil // a picture
	}
	return wrap(text, width)
}

// heading underlines those of pages and of their parts.
func (p *Page) heading(n *ast.Heading, width int) []string {
	lines := wrap(p.inline(n), width)
	if n.Level > 2 {
		return lines
	}
	return append(lines, strings.Repeat([]string{"=", "-"}[n.Level-1], widest(lines)))
}

func (p *Page) list(n *ast.List, width int) (lines []string) {
	i := n.Start
	for item := n.FirstChild(); item != nil; item = item.NextSibling() {
		mark := "- "
		if n.IsOrdered() {
			mark = fmt.Sprintf("%d. ", i)
			i++
		}
		if !n.IsTight && len(lines) > 0 {
			lines = append(lines, "")
		}
		lines = append(lines, indented(p.blocks(item, width-len(mark), !n.IsTight), mark, strings.Repeat(" ", len(mark)))...)
	}
	return lines
}

// indented puts something before the first line, and before the others.
func indented(lines []string, first, other string) []string {
	out := make([]string, len(lines))
	for i, line := range lines {
		if out[i] = other + line; i == 0 {
			out[i] = first + line
		}
		out[i] = strings.TrimRight(out[i], " ")
	}
	return out
}

// inline is the text below a node: without marks, with where its links lead.
func (p *Page) inline(n ast.Node) string {
	var b strings.Builder
	for c := n.FirstChild(); c != nil; c = c.NextSibling() {
		switch c := c.(type) {
		case *ast.Text:
			b.Write(c.Value(p.source))
			switch {
			case c.HardLineBreak():
				b.WriteByte('\n')
			case c.SoftLineBreak():
				b.WriteString(p.between(c))
			}
		case *ast.String:
			b.Write(c.Value)
		case *ast.AutoLink:
			b.Write(c.URL(p.source))
		case *ast.Link:
			b.WriteString(p.linked(c))
		case *ast.Image, *ast.RawHTML:
		default:
			b.WriteString(p.inline(c))
		}
	}
	return b.String()
}

// between is what a break of a line in the source stands for: nothing in Chinese.
func (p *Page) between(c *ast.Text) string {
	before := c.Value(p.source)
	if next, ok := c.NextSibling().(*ast.Text); ok && len(before) > 0 {
		last, first := []rune(string(before)), []rune(string(next.Value(p.source)))
		if len(first) > 0 && isWide(last[len(last)-1]) && isWide(first[0]) {
			return ""
		}
	}
	return " "
}

// linked is a link: its text, and what shows what it leads to.
func (p *Page) linked(l *ast.Link) string {
	text, to := p.inline(l), p.target(l)
	switch {
	case to.page && to.lang == p.Lang && to.name == p.Name:
		return text
	case to.page:
		return text + " (" + command(to.lang, to.name) + ")"
	case to.url == "" || text == to.url:
		return text
	case to.file != "":
		return text + " (/" + to.url + " of the server)"
	}
	return text + " (" + to.url + ")"
}

// padded is a text in a column.
func padded(text string, width int) string {
	return text + strings.Repeat(" ", max(0, width-uniseg.StringWidth(text)))
}
