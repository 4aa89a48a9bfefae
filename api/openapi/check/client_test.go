package check

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	_ "github.com/oapi-codegen/runtime" // generated clients need it
)

// run runs a program in a folder, and returns what it printed.
func run(t *testing.T, dir, name string, args ...string) string {
	t.Helper()
	cmd := exec.Command(name, args...)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
	return string(out)
}

const quickstart = "alice has 2 unread, 1 after reading m1; m2 is the first\n"

// TestGoClient: a client that oapi-codegen makes from the contract compiles, and talks to a
// server.
func TestGoClient(t *testing.T) {
	t.Parallel()
	dir := must(os.MkdirTemp(".", "generated-"))(t)
	t.Cleanup(func() { os.RemoveAll(dir) })
	run(t, ".", "go", "tool", "oapi-codegen", "-generate", "types,client,skip-prune", // else what webhooks alone name is left out
		"-package", "main", "-o", filepath.Join(dir, "client.go"), jsonFile)
	ok(t, os.WriteFile(filepath.Join(dir, "main.go"), must(os.ReadFile("testdata/quickstart.go.txt"))(t), 0o644))
	if got := run(t, ".", "go", "run", "./"+dir, serve(t)); got != quickstart {
		t.Errorf("the Go client says %q", got)
	}
}

// TestTypeScript: with the types that openapi-typescript makes from the contract a program
// compiles, and talks to a server.
func TestTypeScript(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, name := range []string{"package.json", "package-lock.json", "tsconfig.json", "quickstart.ts"} {
		ok(t, os.WriteFile(filepath.Join(dir, name), must(os.ReadFile(filepath.Join("testdata", "typescript", name)))(t), 0o644))
	}
	contract := must(filepath.Abs(specFile))(t)
	run(t, dir, "npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts")
	run(t, dir, "npx", "openapi-typescript", contract, "-o", "schema.d.ts")
	run(t, dir, "npx", "tsc")
	if got := run(t, dir, "node", "quickstart.js", serve(t)); got != quickstart {
		t.Errorf("the TypeScript client says %q", got)
	}
}
