package check

import (
	"bufio"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"sync"
	"syscall"
	"testing"
)

const root = "../../.."

// program builds reddot once.
var program = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "reddot-check-")
	if err != nil {
		return "", err
	}
	bin := filepath.Join(dir, "reddot")
	build := exec.Command("go", "build", "-o", bin, "./cmd/reddot")
	build.Dir = root
	build.Stdout, build.Stderr = os.Stderr, os.Stderr
	return bin, build.Run()
})

// TestMain removes what was built.
func TestMain(m *testing.M) {
	code := m.Run()
	if bin, err := program(); err == nil {
		os.RemoveAll(filepath.Dir(bin))
	}
	os.Exit(code)
}

var readyLine = regexp.MustCompile(`^ready .*http=(\S+)`)

// serve starts a reddot of its own, which ends with the test, and returns its URL.
func serve(t *testing.T, args ...string) string {
	t.Helper()
	bin := must(program())(t)
	told := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) }))
	t.Cleanup(told.Close)
	hooks := filepath.Join(t.TempDir(), "hooks.json")
	ok(t, os.WriteFile(hooks, fmt.Appendf(nil, `[{"name":"push","url":%q,"secrets":["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"]}]`, told.URL), 0o600))
	cmd := exec.Command(bin, append([]string{"serve", "--webhooks", hooks, "--data", t.TempDir(), "--listen", "127.0.0.1:0", "--http", "127.0.0.1:0", "--log-level", "warn"}, args...)...)
	cmd.Stderr = os.Stderr
	out := must(cmd.StdoutPipe())(t)
	ok(t, cmd.Start())
	t.Cleanup(func() {
		cmd.Process.Signal(syscall.SIGTERM)
		cmd.Wait()
	})
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if found := readyLine.FindStringSubmatch(lines.Text()); found != nil {
			return "http://" + found[1]
		}
	}
	t.Fatal("reddot serve did not become ready")
	return ""
}
