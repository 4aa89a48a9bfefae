package docs

import (
	"bytes"
	_ "embed"
	"fmt"
	"html/template"
	"strings"

	"github.com/yuin/goldmark/ast"
)

//go:embed static/docs.css
var style string

//go:embed static/page.html
var frameText string

var frame = template.Must(template.New("page").Parse(frameText))

// Files are all pages as HTML, and what they look like, by their names below /docs/.
func Files() map[string]string {
	files, err := render()
	if err != nil {
		panic(err) // they are embedded
	}
	return files
}

func render() (map[string]string, error) {
	files := map[string]string{"docs.css": style}
	for _, l := range []Lang{English, Chinese} {
		names, err := Names(l)
		if err != nil {
			return nil, err
		}
		for _, name := range append(names, "") {
			text, err := html(l, name)
			if err != nil {
				return nil, fmt.Errorf("page %q in %s: %w", name, l, err)
			}
			file := strings.TrimPrefix(at(l, name), "./")
			if name == "" {
				file += "index.html"
			}
			files[file] = text
		}
	}
	return files, nil
}

// link is one of a list of links.
type link struct {
	Href, Text string
	Here       bool
}

// section is a list of links with its heading.
type section struct {
	Title string
	Links []link
}

// html is a page as a browser is given it.
func html(l Lang, name string) (string, error) {
	p, err := Find(l, name)
	if err != nil {
		return "", err
	}
	groups, err := Contents(l)
	if err != nil {
		return "", err
	}
	v := struct {
		Lang, Title, Root, Home, Command string
		Labels                           labels
		Other                            *link // the same in the other language
		OtherLang                        string
		Index                            bool
		Pages                            []section
		Here                             []link // headings of the page
		Body                             template.HTML
	}{Lang: l.String(), Title: p.Title, Root: "", Home: p.local(l, ""), Command: command(l, name), Labels: words[l], Index: name == ""}
	if l != English {
		v.Root = "../"
	}
	for _, g := range groups {
		s := section{Title: g.Title}
		for _, t := range g.Topics {
			s.Links = append(s.Links, link{Href: p.local(l, t.Name), Text: t.Title, Here: t.Name == name})
		}
		v.Pages = append(v.Pages, s)
	}
	other := English
	if l == English {
		other = Chinese
	}
	if _, err := Find(other, name); err == nil {
		v.Other, v.OtherLang = &link{Href: p.local(other, name), Text: words[other].Language}, other.String()
	}
	for n := p.root.FirstChild(); n != nil; n = n.NextSibling() {
		if h, ok := n.(*ast.Heading); ok && h.Level == 2 && name != "" {
			id, _ := h.AttributeString("id")
			v.Here = append(v.Here, link{Href: "#" + string(id.([]byte)), Text: p.words(h)})
		}
	}
	body, err := p.body()
	if err != nil {
		return "", err
	}
	v.Body = template.HTML(body) // of Markdown that the program holds
	var out bytes.Buffer
	if err := frame.Execute(&out, v); err != nil {
		return "", err
	}
	return out.String(), nil
}

// local is a link to another page.
func (p *Page) local(l Lang, name string) string {
	href, _ := p.href(target{page: true, lang: l, name: name})
	return href
}

// body is the page's own text. Links in it lead to where a server has what they name;
// pictures, which it has not, are left out.
func (p *Page) body() (string, error) {
	var links []*ast.Link
	var pictures []ast.Node // their paragraphs
	err := ast.Walk(p.root, func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		if l, ok := n.(*ast.Link); ok && entering {
			links = append(links, l)
		}
		if _, ok := n.(*ast.Image); ok && entering {
			pictures = append(pictures, n.Parent())
		}
		return ast.WalkContinue, nil
	})
	if err != nil {
		return "", err
	}
	for _, n := range pictures {
		n.Parent().RemoveChild(n.Parent(), n)
	}
	for _, l := range links {
		href, ok := p.href(p.target(l))
		if ok {
			l.Destination, l.Title = []byte(href), nil
			continue
		}
		for c := l.FirstChild(); c != nil; c = l.FirstChild() { // leaves l
			l.Parent().InsertBefore(l.Parent(), l, c)
		}
		l.Parent().RemoveChild(l.Parent(), l)
	}
	var out bytes.Buffer
	if err := markdown.Renderer().Render(&out, p.source, p.root); err != nil {
		return "", err
	}
	// What is too wide is scrolled, with the keyboard too.
	return strings.NewReplacer(
		"<pre>", `<pre tabindex="0">`,
		"<table>", `<div class="wide" tabindex="0"><table>`, "</table>", "</table></div>",
		"<th></th>", "<td></td>", // a column that needs no name
	).Replace(out.String()), nil
}

// labels are the words around a page.
type labels struct {
	Language, Docs, Pages, Here, Skip, Shell string
}

var words = map[Lang]labels{
	English: {"English", "reddot documentation", "Pages", "On this page", "To the text", "In a terminal"},
	Chinese: {"简体中文", "reddot 文档", "所有页面", "本页内容", "跳到正文", "在终端中查看"},
}
