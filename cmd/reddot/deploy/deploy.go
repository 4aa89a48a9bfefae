// Package deploy holds the files with which reddot is deployed: an image, services, proxies,
// a board and alerts, for whoever has only the program.
package deploy

import (
	"embed"
	"io/fs"
	"os"
	"path"
	"path/filepath"
)

//go:embed files
var embedded embed.FS

// files are those of the folder of that name.
func files() fs.FS {
	sub, err := fs.Sub(embedded, "files")
	if err != nil {
		panic(err) // the folder is embedded
	}
	return sub
}

// Item is something that can be deployed: a file, or a folder of files.
type Item struct {
	Name   string
	About  string
	Folder bool
}

// Items are all, by name.
func Items() []Item {
	return []Item{
		{Name: "Caddyfile", About: "Caddy in front, with certificates by itself"},
		{Name: "Dockerfile", About: "an image with nothing but the program in it"},
		{Name: "alerts.yaml", About: "alerts for Prometheus"},
		{Name: "alerts_test.yaml", About: "their tests, for promtool"},
		{Name: "compose.yaml", About: "two reddots on three NATS servers, Caddy, Prometheus, Grafana"},
		{Name: "grafana.json", About: "a board for Grafana"},
		{Name: "kubernetes", About: "a kustomize base: StatefulSet, probes, policies, monitor", Folder: true},
		{Name: "nginx.conf", About: "nginx in front"},
		{Name: "reddot.service", About: "a hardened systemd unit"},
	}
}

// Read returns a file, by its name or, of a folder's, its path.
func Read(name string) ([]byte, error) { return fs.ReadFile(files(), path.Clean(name)) }

// Write writes a file, or all of a folder, into a folder, which is made if it is not there,
// and returns what was written. What is there already stays: it is an error.
func Write(to, name string) (written []string, err error) {
	err = fs.WalkDir(files(), path.Clean(name), func(at string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := Read(at)
		if err != nil {
			return err
		}
		file := filepath.Join(to, filepath.FromSlash(at))
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			return err
		}
		f, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
		if err != nil {
			return err
		}
		written = append(written, file)
		if _, err = f.Write(content); err != nil {
			f.Close()
			return err
		}
		return f.Close()
	})
	return written, err
}
