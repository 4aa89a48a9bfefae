package docs

import (
	"embed"
	"fmt"
	"io/fs"
	"path"
	"strings"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	"github.com/yuin/goldmark/parser"
	"github.com/yuin/goldmark/text"
	"github.com/yuin/goldmark/util"
)

//go:embed *.md zh/*.md
var sources embed.FS

// index is the file of a language that lists its pages.
const index = "README"

// Lang is a language of pages: English, or the name of its folder.
type Lang string

// The languages.
const (
	English Lang = ""
	Chinese Lang = "zh"
)

// String is the language as HTML names it.
func (l Lang) String() string {
	if l == English {
		return "en"
	}
	return string(l)
}

// ParseLang reads what String writes.
func ParseLang(name string) (Lang, error) {
	for _, l := range []Lang{English, Chinese} {
		if l.String() == name {
			return l, nil
		}
	}
	return "", fmt.Errorf("no pages in %q: use en or zh", name)
}

// Page is one page, read.
type Page struct {
	Lang  Lang
	Name  string // "" is the index
	Title string

	source []byte
	root   ast.Node
}

// markdown reads pages and renders them as HTML.
var markdown = goldmark.New(
	goldmark.WithExtensions(extension.Table, extension.NewCJK(extension.WithEastAsianLineBreaks())),
	goldmark.WithParserOptions(parser.WithAutoHeadingID()),
)

// Find reads the page of a name; the index is the one of none.
func Find(l Lang, name string) (*Page, error) {
	file := name
	if name == "" {
		file = index
	}
	if name == index || strings.ContainsAny(name, "/\\") {
		return nil, fs.ErrNotExist
	}
	source, err := sources.ReadFile(path.Join(string(l), file+".md"))
	if err != nil {
		return nil, err
	}
	if source, err = withExamples(source); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	p := &Page{Lang: l, Name: name, source: source}
	ids := parser.WithContext(parser.NewContext(parser.WithIDs(&anchors{seen: map[string]int{}})))
	p.root = markdown.Parser().Parse(text.NewReader(source), ids)
	if h, ok := p.root.FirstChild().(*ast.Heading); ok && h.Level == 1 {
		p.Title = p.words(h)
	}
	return p, nil
}

// Topic is a line of the index: a page, and what it is about.
type Topic struct {
	Name, Title string
}

// Group is a list of the index, with its heading.
type Group struct {
	Title  string
	Topics []Topic
}

// Contents are the lists of a language's index.
func Contents(l Lang) ([]Group, error) {
	p, err := Find(l, "")
	if err != nil {
		return nil, err
	}
	var all []Group
	err = ast.Walk(p.root, func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		switch n := n.(type) {
		case *ast.Heading:
			if entering && n.Level == 2 {
				all = append(all, Group{Title: p.words(n)})
			}
			return ast.WalkSkipChildren, nil
		case *ast.ListItem:
			link, ok := n.FirstChild().FirstChild().(*ast.Link)
			if to := p.target(link); entering && ok && to.page && to.lang == l && len(all) > 0 {
				g := &all[len(all)-1]
				g.Topics = append(g.Topics, Topic{Name: to.name, Title: p.words(link)})
			}
			return ast.WalkSkipChildren, nil
		}
		return ast.WalkContinue, nil
	})
	return all, err
}

// Names are those of a language's pages, in the index's order.
func Names(l Lang) (names []string, err error) {
	groups, err := Contents(l)
	for _, g := range groups {
		for _, t := range g.Topics {
			names = append(names, t.Name)
		}
	}
	return names, err
}

// words are those below a node, without what they look like.
func (p *Page) words(n ast.Node) string {
	var b strings.Builder
	for c := n.FirstChild(); c != nil; c = c.NextSibling() {
		switch c := c.(type) {
		case *ast.Text:
			b.Write(c.Value(p.source))
		case *ast.String:
			b.Write(c.Value)
		default:
			b.WriteString(p.words(c))
		}
	}
	return b.String()
}

// anchors names headings as GitHub does, so that a link to one holds in both places.
type anchors struct{ seen map[string]int }

// Generate names a heading.
func (a *anchors) Generate(value []byte, _ ast.NodeKind) []byte {
	var b strings.Builder
	for _, r := range strings.ToLower(string(util.TrimRightSpace(value))) {
		switch {
		case r == ' ':
			b.WriteByte('-')
		case isLetter(r):
			b.WriteRune(r)
		}
	}
	name := b.String()
	n := a.seen[name]
	a.seen[name]++
	if n > 0 {
		name = fmt.Sprintf("%s-%d", name, n)
	}
	return []byte(name)
}

// Put is told of names that are given otherwise, which no page does.
func (a *anchors) Put([]byte) {}
