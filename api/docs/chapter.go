package docs

import (
	"io/fs"
	"slices"
	"strings"

	"github.com/yuin/goldmark/ast"
)

// FindChapter is a part of a page as a page of its own, that of the first heading in the index's
// order which has all words of a name, as "restore" or "push-badge".
func FindChapter(l Lang, name string) (*Page, error) {
	names, err := Names(l)
	if err != nil {
		return nil, err
	}
	for _, page := range names {
		p, err := Find(l, page)
		if err != nil {
			return nil, err
		}
		for n := p.root.FirstChild(); n != nil; n = n.NextSibling() {
			if h, ok := n.(*ast.Heading); ok && h.Level > 1 && hasWords(p.words(h), name) {
				p.root, p.Title = chapter(h), p.words(h)
				return p, nil
			}
		}
	}
	return nil, fs.ErrNotExist
}

// hasWords reports whether a title has all words of a name.
func hasWords(title, name string) bool {
	words := strings.FieldsFunc(strings.ToLower(title), func(r rune) bool { return strings.ContainsRune(" ,.:?", r) })
	for word := range strings.SplitSeq(strings.ToLower(name), "-") {
		if !slices.Contains(words, word) {
			return false
		}
	}
	return true
}

// chapter takes a heading and what is below it out of its page.
func chapter(h *ast.Heading) ast.Node {
	doc := ast.NewDocument()
	for n := ast.Node(h); n != nil; {
		next := n.NextSibling()
		doc.AppendChild(doc, n)
		if other, ok := next.(*ast.Heading); ok && other.Level <= h.Level {
			break
		}
		n = next
	}
	return doc
}
