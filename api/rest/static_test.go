package rest_test

import (
	"strings"
	"testing"
	"testing/fstest"

	"reddot/api/rest"
)

// TestFolder: files of a folder are served below a path, asked for anew, and may load
// nothing from elsewhere; what is no file of it is not found.
func TestFolder(t *testing.T) {
	files := fstest.MapFS{
		"static/index.html": {Data: []byte("<title>here</title>")},
		"static/a/main.js":  {Data: []byte("export const here = 1;")},
	}
	w := newWorld(t, options{rest: func(c *rest.Config) { c.Routes = rest.Pages("/page/", files) }})
	for at, media := range map[string]string{"/page/": "text/html", "/page/a/main.js": "text/javascript"} {
		got := w.want(200, w.get(at))
		h := got.header
		if !strings.HasPrefix(h.Get("Content-Type"), media+";") || !strings.Contains(h.Get("Content-Security-Policy"), "default-src 'self'") ||
			strings.Contains(h.Get("Content-Security-Policy"), "unsafe") || h.Get("X-Content-Type-Options") != "nosniff" || h.Get("Referrer-Policy") != "no-referrer" {
			t.Errorf("%s: %v", at, h)
		}
		if again := w.want(304, w.get(at, "If-None-Match: "+h.Get("ETag"))); again.body != "" {
			t.Errorf("%s: %q", at, again.body)
		}
	}
	if got := w.want(200, w.get("/page")); got.body != "<title>here</title>" { // it is led there
		t.Errorf("%q", got.body)
	}
	for _, none := range []string{"/page/index.html", "/page/a/", "/page/a/../index.html", "/page//a/main.js", "/page/a%2Fmain.js/x"} {
		w.want(404, w.get(none))
	}
	w.want(405, w.post("/page/", "{}"))
}
