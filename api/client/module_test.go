package client_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// brings says which modules a package of reddot's may have in its import graph,
// whatever these need themselves, for those who use it from a module of their own.
var brings = map[string][]string{
	"reddot/events":     {"github.com/vmihailenco/msgpack/v5"},
	"reddot/api/client": {"github.com/vmihailenco/msgpack/v5", "github.com/nats-io/nats.go"},
}

// TestLight: a client needs the standard library, nats.go and msgpack, no server.
func TestLight(t *testing.T) {
	graph := map[string]listed{}
	out := json.NewDecoder(strings.NewReader(goTool(t, ".", "off", "list", "-deps", "-json=ImportPath,Standard,Imports", "reddot/events", "reddot/api/client")))
	for {
		var p listed
		if err := out.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		graph[p.ImportPath] = p
	}
	for root, modules := range brings {
		if len(graph[root].Imports) == 0 {
			t.Errorf("%s is not there", root)
		}
		for _, chain := range heavy(graph, root, modules) {
			t.Errorf("%s: may import the standard library and %s", chain, strings.Join(modules, ", "))
		}
	}
}

// TestLightSeesChains: what is too much is named with the way to it.
func TestLightSeesChains(t *testing.T) {
	graph := map[string]listed{
		"reddot/api/client":                {Imports: []string{"time", "reddot/events", "github.com/nats-io/nats.go/micro", "reddot/api"}},
		"reddot/events":                    {Imports: []string{"github.com/tidwall/gjson"}},
		"reddot/api":                       {Imports: []string{"net/http"}},
		"time":                             {Standard: true, Imports: []string{"internal/x"}},
		"github.com/nats-io/nats.go/micro": {Imports: []string{"github.com/nats-io/nuid"}},
	}
	want := []string{
		"reddot/api/client > reddot/api",
		"reddot/api/client > reddot/events > github.com/tidwall/gjson",
	}
	if got := heavy(graph, "reddot/api/client", brings["reddot/api/client"]); !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// listed is what go list says of a package.
type listed struct {
	ImportPath string
	Standard   bool
	Imports    []string
}

// heavy returns each import that a package should not have in its graph, with
// the chain of packages that leads there.
func heavy(graph map[string]listed, root string, modules []string) []string {
	var found []string
	chains := map[string]string{root: root}
	for queue := []string{root}; len(queue) > 0; queue = queue[1:] {
		for _, path := range graph[queue[0]].Imports {
			if chains[path] != "" {
				continue
			}
			chains[path] = chains[queue[0]] + " > " + path
			switch {
			case brings[path] != nil:
				queue = append(queue, path)
			case !graph[path].Standard && !slices.ContainsFunc(modules, func(m string) bool { return path == m || strings.HasPrefix(path, m+"/") }):
				found = append(found, chains[path])
			}
		}
	}
	return found
}

// example is a module that uses the client from outside of this one.
const example = "testdata/example"

// TestExample builds the example as its go.mod has it, with what it downloads
// named by its own go.sum, and runs it against a reddot.
func TestExample(t *testing.T) {
	program := filepath.Join(t.TempDir(), "badge")
	goTool(t, example, "off", "build", "-o", program, ".")
	h := start(t)
	out, err := exec.CommandContext(t.Context(), program, h.URL()).CombinedOutput()
	const want = `stored 1 user.message
stored 2 user.message
stored 3 group.join
stored 4 group.message
badge 3
badge 1
badge 0
`
	if err != nil || string(out) != want {
		t.Errorf("%v, output\n%swant\n%s", err, out, want)
	}
}

// TestExampleWorkspace builds the example as api/docs/go.md says for a go.work.
func TestExampleWorkspace(t *testing.T) {
	reddot, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	badge := filepath.Join(dir, "badge")
	if err := os.CopyFS(badge, os.DirFS(example)); err != nil {
		t.Fatal(err)
	}
	goTool(t, badge, "off", "mod", "edit", "-dropreplace=reddot", "-droprequire=reddot")
	workspace := filepath.Join(dir, "go.work")
	goTool(t, dir, workspace, "work", "init", "./badge", reddot)
	goTool(t, badge, workspace, "build", "-o", os.DevNull, ".")
}

// goTool runs a go command in a folder and a workspace ("off" for none), as on a
// machine without a network, and returns what it prints.
func goTool(t *testing.T, dir, workspace string, args ...string) string {
	t.Helper()
	command := exec.CommandContext(t.Context(), "go", args...)
	command.Dir = dir
	command.Env = append(os.Environ(), "GOFLAGS=-buildvcs=false", "GOPROXY=off", "GOTOOLCHAIN=local", "GOWORK="+workspace)
	var stderr bytes.Buffer
	command.Stderr = &stderr
	out, err := command.Output()
	if err != nil {
		t.Fatalf("go %s in %s: %v\n%s", strings.Join(args, " "), dir, err, &stderr)
	}
	return string(out)
}
