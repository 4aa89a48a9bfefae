package rest

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"path"
	"strconv"
	"strings"
	"sync"
)

// static answers with a file that the program holds. Its ETag is of what it holds, so it
// is asked for anew and sent only when another program has another one.
func static(media, content string) func(*Exchange) error {
	sum := sha256.Sum256([]byte(content))
	tag := `"` + hex.EncodeToString(sum[:16]) + `"`
	return func(x *Exchange) error {
		h := x.Writer.Header()
		h.Set("ETag", tag)
		h.Set("Cache-Control", "no-cache")
		if (etags{match: x.Request.Header.Get("If-None-Match")}).matches(tag) {
			x.Writer.WriteHeader(http.StatusNotModified)
			return nil
		}
		h.Set("Content-Type", media)
		h.Set("Content-Length", strconv.Itoa(len(content)))
		io.WriteString(x.Writer, content) // an asker that has gone away is no error
		return nil
	}
}

// mediaTypes are those of files of pages, by the end of their names.
var mediaTypes = map[string]string{
	".html": "text/html; charset=utf-8",
	".css":  "text/css; charset=utf-8",
	".js":   "text/javascript; charset=utf-8",
	".json": "application/json; charset=utf-8",
	".svg":  "image/svg+xml",
}

// pagePolicy lets a page load what is served beside it, and nothing else.
const pagePolicy = "default-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"

// pagesFolder is where a package that holds pages has them.
const pagesFolder = "static"

// Pages are the routes of the files in the folder static of what a package embeds, below a path
// that ends in /; index.html is at the path itself. Without its / the path leads there.
func Pages(at string, of fs.FS) []Route {
	return Files(at, func() map[string]string {
		files := map[string]string{}
		err := fs.WalkDir(of, pagesFolder, func(name string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			content, err := fs.ReadFile(of, name)
			files[strings.TrimPrefix(name, pagesFolder+"/")] = string(content)
			return err
		})
		if err != nil {
			panic(fmt.Errorf("pages of %s: %w", at, err)) // they are embedded
		}
		return files
	})
}

// Files are the routes of files by their names, as Pages has them of a folder. They are made
// when the first of them is asked for: a server that starts need not wait for them.
func Files(at string, contents func() map[string]string) []Route {
	made := sync.OnceValue(func() map[string]func(*Exchange) error {
		files := map[string]func(*Exchange) error{}
		for name, content := range contents() {
			media, known := mediaTypes[path.Ext(name)]
			if !known {
				panic(fmt.Errorf("pages of %s: %s is a file of no known kind", at, name)) // the program made it
			}
			files[at+strings.TrimSuffix(name, "index.html")] = static(media, content)
		}
		return files
	})
	serve := func(x *Exchange) error {
		file := made()[x.Request.URL.Path]
		if file == nil {
			return Fail(NotFound, "there is no such file")
		}
		h := x.Writer.Header()
		h.Set("Content-Security-Policy", pagePolicy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		return file(x)
	}
	return []Route{{Method: http.MethodGet, Path: at, Serve: serve}, Lead(strings.TrimSuffix(at, "/"), at)}
}

// Lead is the route of a path that leads to pages, at a path of one name.
func Lead(from, pages string) Route {
	return Route{Method: http.MethodGet, Path: from, Serve: func(x *Exchange) error {
		x.Writer.Header().Set("Location", path.Base(pages)+"/") // relative: a proxy may have it below a path
		x.Writer.WriteHeader(http.StatusTemporaryRedirect)      // which no browser remembers
		return nil
	}}
}
