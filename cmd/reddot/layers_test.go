package main

import (
	"bytes"
	"cmp"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// forbidden says what the non-test files below a folder must not import, by
// the beginning of the import path.
var forbidden = map[string][]string{
	"events":                     {"reddot/", "github.com/nats-io/", "github.com/cockroachdb/"},
	"projector":                  {"reddot/api", "reddot/snapshot", "reddot/cmd"},
	"projector/disk":             {"reddot/", "github.com/nats-io/"},
	"projector/dirty":            {"reddot/projector/store", "reddot/projector/emit", "github.com/nats-io/", "github.com/cockroachdb/", "os", "time"},
	"projector/emit/journal":     {"reddot/projector/store", "reddot/projector/fold", "reddot/projector/view", "reddot/projector/dirty", "github.com/cockroachdb/"},
	"projector/fold":             {"reddot/projector", "github.com/nats-io/", "github.com/cockroachdb/", "time", "math/rand", "os"},
	"projector/loop":             {"reddot/projector/log", "reddot/projector/emit", "reddot/projector/view", "github.com/nats-io/", "github.com/cockroachdb/", "os", "time"},
	"projector/log":              {"reddot/projector/emit", "reddot/projector/loop", "reddot/projector/store/generation", "github.com/cockroachdb/"},
	"projector/view":             {"reddot/projector/store", "reddot/projector/emit", "github.com/nats-io/", "github.com/cockroachdb/", "time"},
	"projector/store":            {"reddot/projector/view", "reddot/projector/emit", "github.com/nats-io/"},
	"projector/store/row":        {"reddot/projector/store", "github.com/cockroachdb/", "os", "time"},
	"projector/store/cache":      {"reddot/projector/store", "reddot/projector/fold"},
	"projector/store/generation": {"reddot/projector/fold", "reddot/events"},
	"projector/twin":             {"reddot/projector", "reddot/snapshot", "reddot/api", "github.com/"},
	"projector/peers":            {"reddot/projector", "github.com/cockroachdb/"},
	"api":                        {"reddot/projector", "reddot/snapshot", "reddot/cmd", "github.com/cockroachdb/"},
	"api/gate":                   {"reddot/api", "github.com/nats-io/nats.go/micro"},
	"api/gate/bucket":            {"reddot/", "github.com/"},
	"api/stream":                 {"reddot/api/rest", "reddot/api/gate", "reddot/api/client"},
	"api/rest":                   {"reddot/api/client", "github.com/nats-io/"},
	"api/openapi":                {"reddot/"},
	"api/demo":                   {"reddot/", "github.com/", "net/http"},
	"api/js":                     {"reddot/"},
	"api/identity":               {"reddot/api", "net/http", "github.com/nats-io/"},
	"projector/testkit":          {"reddot/"},
	"cmd/reddot/lines":           {"reddot/api", "reddot/snapshot", "reddot/projector/emit", "github.com/nats-io/", "github.com/spf13/"},
	"cmd/reddot/counts":          {"reddot/api", "reddot/snapshot", "reddot/projector", "github.com/nats-io/", "github.com/spf13/"},
	"cmd/reddot/bench":           {"reddot/snapshot", "reddot/projector/emit", "reddot/projector/view", "reddot/cmd/reddot/server", "github.com/spf13/"},
	"cmd/reddot/demo":            {"reddot/projector", "reddot/snapshot", "reddot/cmd/reddot/server", "reddot/cmd/reddot/natsserver", "reddot/cmd/reddot/datadir", "github.com/spf13/"},
	"cmd/reddot/failover":        {"reddot/projector", "reddot/snapshot", "reddot/cmd/reddot/server", "github.com/spf13/"},
	"cmd/reddot/cluster":         {"reddot/"},
	"cmd/reddot/process":         {"reddot/", "github.com/"},
	"cmd/reddot/natsconn":        {"reddot/"},
	"cmd/reddot/term":            {"reddot/projector", "reddot/snapshot", "reddot/api", "github.com/nats-io/"},
	"snapshot":                   {"reddot/projector", "reddot/api", "reddot/cmd", "github.com/nats-io/nats-server"},
	"snapshot/storage":           {"reddot/snapshot", "reddot/events"},
	"cmd/reddot/datadir":         {"reddot/projector", "reddot/snapshot", "reddot/api", "reddot/cmd", "github.com/nats-io/nats.go", "github.com/nats-io/nats-server"},
	"cmd/reddot/server":          {"reddot/api/client", "reddot/projector/fold", "reddot/projector/view", "github.com/spf13/"},
	"cmd/reddot/natsserver":      {"reddot/projector", "reddot/snapshot", "reddot/api", "reddot/events", "github.com/spf13/"},
	"cmd/reddot/repository":      {"reddot/api", "reddot/projector/emit", "reddot/projector/view", "github.com/nats-io/nats-server"},
	"cmd/reddot/asof":            {"reddot/api", "reddot/cmd/reddot/server", "reddot/projector/emit", "github.com/nats-io/", "github.com/spf13/"},
}

// leaf is what everything that writes files may import, whatever is forbidden
// to it: it knows nothing of reddot.
const leaf = "reddot/projector/disk"

// testkits are the folders of packages that only tests import.
var testkits = []string{"reddot/projector/testkit", "reddot/projector/storetest", "reddot/projector/sim", "reddot/projector/twin"}

// TestLayers checks that packages know only those below them.
func TestLayers(t *testing.T) {
	root := filepath.Join("..", "..")
	checked := map[string]int{}
	err := filepath.WalkDir(root, func(file string, d fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(file, ".go") || strings.HasSuffix(file, "_test.go") {
			return err
		}
		rel, err := filepath.Rel(root, file)
		if err != nil {
			return err
		}
		f, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		for _, spec := range f.Imports {
			checkTestkit(t, filepath.ToSlash(rel), spec.Path.Value)
		}
		for folder := path.Dir(filepath.ToSlash(rel)); folder != "."; folder = path.Dir(folder) {
			for _, spec := range f.Imports {
				checkImport(t, rel, folder, spec.Path.Value)
				checked[folder]++
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for folder := range forbidden {
		if checked[folder] == 0 {
			t.Errorf("%s has no imports to check: is the folder still there?", folder)
		}
	}
}

func checkImport(t *testing.T, file, folder, quoted string) {
	imported, err := strconv.Unquote(quoted)
	if err != nil {
		t.Fatal(err)
	}
	if imported == leaf {
		return
	}
	for _, prefix := range forbidden[folder] {
		// A folder's own packages may know each other, but for those that it names.
		own := strings.HasPrefix(imported+"/", "reddot/"+folder+"/") && !strings.HasPrefix(prefix+"/", "reddot/"+folder+"/")
		if !own && (imported == prefix || strings.HasPrefix(imported, strings.TrimSuffix(prefix, "/")+"/")) {
			t.Errorf("%s imports %s: a file in %s must not", file, imported, folder)
		}
	}
}

func checkTestkit(t *testing.T, file, quoted string) {
	for _, kit := range testkits { // which may import each other
		if strings.HasPrefix("reddot/"+file, kit+"/") {
			return
		}
	}
	for _, kit := range testkits {
		if strings.HasPrefix(strings.Trim(quoted, `"`)+"/", kit+"/") {
			t.Errorf("%s imports %s, which is for tests", file, quoted)
		}
	}
}

// TestKitEverywhere: the tests of every package take the kit's flags, so that
// "go test ./... -effort 5" runs them all, and leave no goroutine behind.
func TestKitEverywhere(t *testing.T) {
	runs := map[string]bool{}
	err := filepath.WalkDir(filepath.Join("..", ".."), func(file string, d fs.DirEntry, err error) error {
		if err != nil || d.Name() == "testdata" {
			return cmp.Or(err, filepath.SkipDir)
		}
		if _, err := os.Stat(filepath.Join(file, "go.mod")); err == nil && file != filepath.Join("..", "..") { // a module of its own
			return filepath.SkipDir
		}
		if strings.HasSuffix(file, "_test.go") {
			text, err := os.ReadFile(file)
			if err != nil {
				return err
			}
			runs[filepath.Dir(file)] = runs[filepath.Dir(file)] || bytes.Contains(text, []byte("Main(m)"))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for folder, does := range runs {
		if !does {
			t.Errorf("%s has tests and no TestMain of testkit", folder)
		}
	}
}
