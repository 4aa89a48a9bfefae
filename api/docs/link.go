package docs

import (
	"path"
	"strings"
	"unicode"

	"github.com/yuin/goldmark/ast"
)

// home is the folder of the pages, where links begin.
const home = "api/docs"

// served are the files of the repository that a server has, and where.
var served = map[string]string{
	"api/openapi/openapi.yaml": "openapi.yaml",
	"api/openapi/openapi.json": "openapi.json",
	"api/js/reddot.js":         "reddot.js",
	"api/js/reddot.d.ts":       "reddot.d.ts",
}

// target is where a link leads: to a page, to another place, or, if it is neither, to a file
// of the repository that is only there.
type target struct {
	page   bool
	lang   Lang
	name   string // of a page
	anchor string // in it, with its #
	file   string // of the repository, "" of another place
	url    string // of another place; of a file that a server has, from its root
}

// target reads a link; nil leads nowhere.
func (p *Page) target(link *ast.Link) target {
	if link == nil {
		return target{}
	}
	to := string(link.Destination)
	if strings.Contains(to, "://") {
		return target{url: to}
	}
	name, anchor, _ := strings.Cut(to, "#")
	if anchor != "" {
		anchor = "#" + anchor
	}
	if name == "" {
		return target{page: true, lang: p.Lang, name: p.Name, anchor: anchor}
	}
	file := path.Join(home, string(p.Lang), name)
	for _, l := range []Lang{English, Chinese} {
		if path.Dir(file) == path.Join(home, string(l)) && path.Ext(file) == ".md" {
			page := strings.TrimSuffix(path.Base(file), ".md")
			if page == index {
				page = ""
			}
			return target{page: true, lang: l, name: page, anchor: anchor}
		}
	}
	return target{file: file, url: served[file]}
}

// href is a target as a page has it; ok is false if a server does not have it.
func (p *Page) href(to target) (href string, ok bool) {
	up := ""
	if p.Lang != English {
		up = "../"
	}
	switch {
	case to.page && to.lang == p.Lang && to.name == p.Name && to.anchor != "":
		return to.anchor, true
	case to.page:
		return up + at(to.lang, to.name) + to.anchor, true
	case to.file == "":
		return to.url, true
	case to.url != "":
		return up + "../" + to.url, true
	}
	return "", false
}

// at is where a page is below /docs/.
func at(l Lang, name string) string {
	folder := "./"
	if l != English {
		folder = string(l) + "/"
	}
	if name == "" {
		return folder
	}
	return strings.TrimPrefix(folder, "./") + name + ".html"
}

// command is what shows a page in a terminal.
func command(l Lang, name string) string {
	words := []string{"reddot", "help"}
	if l != English {
		words = append(words, "--lang", l.String())
	}
	if name == "" {
		name = "topics"
	}
	return strings.Join(append(words, name), " ")
}

// isLetter reports whether a rune stands in the name of a heading.
func isLetter(r rune) bool {
	return unicode.IsLetter(r) || unicode.IsDigit(r) || r == '-' || r == '_'
}
