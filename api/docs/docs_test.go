package docs

import (
	"io/fs"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/rivo/uniseg"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/parser"
	"github.com/yuin/goldmark/text"

	"reddot/projector/testkit"
)

func TestMain(m *testing.M) { testkit.Main(m) }

const root = "../.."

// TestIndex: the index of a language lists each of its pages once.
func TestIndex(t *testing.T) {
	for _, l := range []Lang{English, Chinese} {
		names := testkit.Must(Names(l))(t)
		files := testkit.Must(fs.Glob(sources, path.Join(string(l), "*.md")))(t)
		for i, file := range files {
			files[i] = strings.TrimSuffix(path.Base(file), ".md")
		}
		if slices.Sort(names); !slices.Equal(append([]string{index}, names...), files) {
			t.Errorf("the index of %s lists %q, there are %q", l, names, files)
		}
	}
}

// every calls a function with each page.
func every(t *testing.T, each func(p *Page)) {
	for _, l := range []Lang{English, Chinese} {
		for _, name := range append(testkit.Must(Names(l))(t), "") {
			each(testkit.Must(Find(l, name))(t))
		}
	}
}

// TestLinks: every link of the pages and of the README leads to a page and a heading of it,
// or to a file that is there.
func TestLinks(t *testing.T) {
	every(t, func(p *Page) { links(t, p) })
	readme := testkit.Must(os.ReadFile(filepath.Join(root, "README.md")))(t)
	moved := strings.NewReplacer("](api/docs/", "](", "](api/", "](../", "](.github/", "](../../.github/").Replace(string(readme))
	links(t, read("the README", moved))
}

// read is a text as a page.
func read(name, source string) *Page {
	ids := parser.WithContext(parser.NewContext(parser.WithIDs(&anchors{seen: map[string]int{}})))
	return &Page{Name: name, source: []byte(source), root: markdown.Parser().Parse(text.NewReader([]byte(source)), ids)}
}

func links(t *testing.T, p *Page) {
	err := ast.Walk(p.root, func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		dead := func(to string) { t.Errorf("%s/%s: %s leads nowhere", p.Lang, p.Name, to) }
		switch n := n.(type) {
		case *ast.Image:
			if _, err := os.Stat(filepath.Join(root, home, string(p.Lang), string(n.Destination))); err != nil && entering {
				dead(string(n.Destination))
			}
		case *ast.Link:
			to := p.target(n)
			switch {
			case !entering:
			case to.page:
				if there, err := Find(to.lang, to.name); err != nil && to.name != p.Name || err == nil && !hasAnchor(there, to.anchor) {
					dead(string(n.Destination))
				}
			case to.file != "":
				if _, err := os.Stat(filepath.Join(root, to.file)); err != nil {
					dead(string(n.Destination))
				}
			case !strings.HasPrefix(to.url, "https://"):
				dead(string(n.Destination))
			}
		}
		return ast.WalkContinue, nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func hasAnchor(p *Page, anchor string) bool {
	for n := p.root.FirstChild(); n != nil; n = n.NextSibling() {
		if h, ok := n.(*ast.Heading); ok {
			if id, _ := h.AttributeString("id"); "#"+string(id.([]byte)) == anchor {
				return true
			}
		}
	}
	return anchor == ""
}

// TestChinese: a Chinese page has the commands of its English one, and the same code of every
// language.
func TestChinese(t *testing.T) {
	blocks := regexp.MustCompile("(?ms)^```.*?^```$")
	for _, name := range testkit.Must(Names(Chinese))(t) {
		english, chinese := testkit.Must(Find(English, name))(t), testkit.Must(Find(Chinese, name))(t)
		want, got := blocks.FindAllString(string(english.source), -1), blocks.FindAllString(string(chinese.source), -1)
		if !slices.Equal(want, got) {
			t.Errorf("%s has other blocks of code in Chinese:\n%q\nwant\n%q", name, got, want)
		}
	}
}

// TestPush: what the page shows of a sender of push notifications is what runs.
func TestPush(t *testing.T) {
	sender := string(testkit.Must(os.ReadFile("../js/examples/push.js"))(t))
	page := testkit.Must(Find(English, "webhooks"))(t)
	shown := regexp.MustCompile("(?ms)^```javascript\n(.*?)^```$").FindAllStringSubmatch(string(page.source), -1)
	if len(shown) == 0 {
		t.Error("the page shows no code")
	}
	for _, block := range shown {
		if !strings.Contains(sender, block[1]) {
			t.Errorf("push.js has no\n%s", block[1])
		}
	}
}

// TestHTML: a page's links within the pages lead to files and headings that there are, its
// headings have names of their own, and nothing in it comes from elsewhere or is a script.
func TestHTML(t *testing.T) {
	files := Files()
	ids, hrefs := regexp.MustCompile(` id="([^"]*)"`), regexp.MustCompile(`(?:href|src)="([^"]*)"`)
	for name, page := range files {
		if path.Ext(name) != ".html" {
			continue
		}
		seen := map[string]bool{}
		for _, id := range ids.FindAllStringSubmatch(page, -1) {
			if seen[id[1]] || id[1] == "" {
				t.Errorf("%s: two are %q", name, id[1])
			}
			seen[id[1]] = true
		}
		for _, h := range hrefs.FindAllStringSubmatch(page, -1) {
			file, anchor, _ := strings.Cut(testkit.Must(url.PathUnescape(h[1]))(t), "#")
			to := path.Join(path.Dir(name), file)
			switch {
			case strings.HasPrefix(file, "https://"), slices.Contains([]string{"../console/icon.svg", "../openapi.yaml", "../openapi.json", "../reddot.js", "../reddot.d.ts"}, to):
				continue
			case file == "":
				to = name
			case strings.HasSuffix(file, "/"):
				to = path.Join(to, "index.html")
			}
			if there, ok := files[to]; !ok || anchor != "" && !strings.Contains(there, ` id="`+anchor+`"`) {
				t.Errorf("%s: %s leads nowhere", name, h[1])
			}
		}
		if strings.Contains(page, "<script") || strings.Contains(page, " style=") || strings.Contains(page, "<img") {
			t.Errorf("%s has what the policy of pages or the server has not", name)
		}
	}
}

// TestExample: a story is shown as it lies in its file.
func TestExample(t *testing.T) {
	got := string(testkit.Must(withExamples([]byte("[once](../../testdata/scenarios/once.txt \"first 1 block\")\n")))(t))
	story := string(testkit.Must(os.ReadFile(filepath.Join(root, "testdata/scenarios/once.txt")))(t))
	block, _, _ := strings.Cut(story, "\n\n")
	if !strings.Contains(got, "\n```\n"+block+"\n```\n") {
		t.Error(got)
	}
	for _, wrong := range []string{"[x](../../testdata/scenarios/none.txt \"first 1 block\")", "[x](../../testdata/scenarios/once.txt \"first 99 blocks\")"} {
		if _, err := withExamples([]byte(wrong)); err == nil {
			t.Errorf("%s is shown", wrong)
		}
	}
}

// TestText: what is written in Markdown, in a terminal of forty places.
func TestText(t *testing.T) {
	p := read("", `# Title

Some `+"`code`"+` and a [page](faq.md), wrapped at `+"`--a-long-flag`"+` and not within it.

- one
- two
  of them

1. first

   more

| a | b |
|---|---|
| x | y |

| a | b | c |
|---|---|---|
| a cell that is long | another one of it | and a third one |

中文的段落在每个字之后都可以换行，
但是标点不会出现在一行的开头。
`)
	const want = `Title
=====

Some code and a page (reddot help faq),
wrapped at --a-long-flag and not within
it.

- one
- two of them

1. first

   more

a   b
-   -
x   y

a cell that is long
    b: another one of it
    c: and a third one

中文的段落在每个字之后都可以换行，但是标
点不会出现在一行的开头。
`
	if got := p.Text(40); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// TestWidth: no page is wider than asked for, but for its code and words without a space.
func TestWidth(t *testing.T) {
	every(t, func(p *Page) {
		for _, line := range strings.Split(p.Text(80), "\n") {
			if uniseg.StringWidth(line) > 80 && !strings.HasPrefix(line, "    ") && strings.Contains(strings.TrimLeft(line, " -"), " ") {
				t.Errorf("%s: %s", p.Name, line)
			}
		}
	})
}
