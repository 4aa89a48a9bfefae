package console_test

import (
	"bytes"
	"compress/gzip"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"

	"reddot/api/console"
	"reddot/projector/testkit"
)

func TestMain(m *testing.M) { testkit.Main(m) }

// firstView is how many bytes the first page may take, compressed as it is sent.
const firstView = 100 << 10

var (
	inHTML   = regexp.MustCompile(`(?:src|href)="([^"#:]+)"`)
	imports  = regexp.MustCompile(`(?m)(?:^import|^export) .*? from "\./([^"]+)"|^import "\./([^"]+)"`)
	inPages  = regexp.MustCompile(`(?m)^  (\w+): \{ title: `)
	inSheets = regexp.MustCompile(`(?:@import |url\()"([^"]+)"`)
)

// read returns a file of the console.
func read(tb testing.TB, name string) string {
	tb.Helper()
	content, err := fs.ReadFile(console.Static, "static/"+name)
	if err != nil {
		tb.Fatal(err)
	}
	return string(content)
}

// leads are the files that one loads.
func leads(name, content string) (all []string) {
	from := map[string]*regexp.Regexp{".html": inHTML, ".js": imports, ".css": inSheets}[path.Ext(name)]
	if from == nil {
		return nil
	}
	for _, m := range from.FindAllStringSubmatch(content, -1) {
		if at := strings.Join(m[1:], ""); !strings.HasPrefix(at, "/") { // those are the server's
			all = append(all, at)
		}
	}
	return all
}

// view is what a browser loads with the frame and some pages.
func view(tb testing.TB, pages ...string) map[string]string {
	tb.Helper()
	files := map[string]string{}
	var load func(string)
	load = func(name string) {
		if _, known := files[name]; known || strings.HasPrefix(name, "../") {
			return
		}
		files[name] = read(tb, name)
		for _, next := range leads(name, files[name]) {
			load(next)
		}
	}
	load("index.html")
	for _, page := range pages {
		load(page + ".js")
	}
	return files
}

// pages are those of the navigation.
func pages(tb testing.TB) (all []string) {
	tb.Helper()
	for _, m := range inPages.FindAllStringSubmatch(read(tb, "main.js"), -1) {
		all = append(all, m[1])
	}
	if len(all) < 6 {
		tb.Fatalf("main.js has the pages %v", all)
	}
	return all
}

// TestReachable: what a file loads is there, and nothing is held that no page loads.
func TestReachable(t *testing.T) {
	loaded := view(t, pages(t)...)
	err := fs.WalkDir(console.Static, "static", func(name string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			if _, known := loaded[strings.TrimPrefix(name, "static/")]; !known {
				t.Errorf("no page loads %s", name)
			}
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

// TestFirstView: the first page is small, whoever looks from wherever.
func TestFirstView(t *testing.T) {
	files, total := view(t, pages(t)[0]), 0
	for _, content := range files {
		var sent bytes.Buffer
		w := gzip.NewWriter(&sent)
		w.Write([]byte(content))
		w.Close()
		total += sent.Len()
	}
	if total > firstView {
		t.Errorf("the first page takes %d bytes, %d at most", total, firstView)
	}
	t.Logf("%d files, %d bytes", len(files), total)
}

// TestPolicy: nothing is in the pages that their policy forbids, as a script or a style in
// the HTML, and no text becomes HTML.
func TestPolicy(t *testing.T) {
	forbidden := []string{"innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "new Function", "javascript:", `"style"`, " style=", "<style", "onclick=\"", "http://", "https://"}
	allowed := []string{"http://www.w3.org/2000/svg", "https://push.example"} // a name, and an example
	for name, content := range view(t, pages(t)...) {
		for _, a := range allowed {
			content = strings.ReplaceAll(content, a, "")
		}
		if i := slices.IndexFunc(forbidden, func(f string) bool { return strings.Contains(content, f) }); i >= 0 {
			t.Errorf("%s holds %s", name, forbidden[i])
		}
	}
}
