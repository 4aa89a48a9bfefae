package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// result is what a run left behind.
type result struct {
	code           int
	stdout, stderr string
}

// reddot runs a command line.
func reddot(t *testing.T, stdin io.Reader, args ...string) result {
	t.Helper()
	return reddotContext(t.Context(), stdin, args...)
}

func reddotContext(ctx context.Context, stdin io.Reader, args ...string) result {
	var stdout, stderr bytes.Buffer
	code := run(ctx, args, stdin, &stdout, &stderr)
	return result{code, stdout.String(), stderr.String()}
}

// failed checks the exit code, and that stderr is one line that begins with
// the program's name and holds the words.
func (r result) failed(t *testing.T, code int, words ...string) {
	t.Helper()
	if r.code != code {
		t.Errorf("exit code %d, want %d", r.code, code)
	}
	if !strings.HasPrefix(r.stderr, "reddot: ") || strings.Count(r.stderr, "\n") != 1 || !strings.HasSuffix(r.stderr, "\n") {
		t.Errorf("stderr is not one line of reddot's: %q", r.stderr)
	}
	for _, w := range words {
		if !strings.Contains(r.stderr, w) {
			t.Errorf("stderr lacks %q: %s", w, r.stderr)
		}
	}
	if r.stdout != "" {
		t.Errorf("stdout is not empty: %q", r.stdout)
	}
}

// done checks that the run succeeded and returns its standard output.
func (r result) done(t *testing.T) string {
	t.Helper()
	if r.code != exitDone {
		t.Fatalf("exit code %d: %s", r.code, r.stderr)
	}
	return r.stdout
}

func writeFile(path string, content []byte) error {
	return errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, content, 0o644))
}

func TestWrongUsage(t *testing.T) {
	for line, words := range map[string]string{
		"frobnicate":                                      `unknown command "frobnicate"`,
		"pubish":                                          `did you mean publish?`,
		"--bogus":                                         "unknown flag: --bogus",
		"help frobnicate":                                 `no command and no topic "frobnicate": the topics are quick-start, `,
		"help --lang zh frobnicate":                       "the topics are quick-start, tencent-im",
		"help --lang fr":                                  `no pages in "fr": use en or zh`,
		"completion frobnicate":                           `unknown command "frobnicate"`,
		"show":                                            "show takes USER [CONVERSATION], and none is given",
		"show a b c":                                      "and 3 are given",
		"show alice bob":                                  "use c2c_PEER or group_GROUP",
		"show alice c2c_":                                 "is empty",
		"show alice c2c_bob --unread":                     "--unread is for the list",
		"show alice c2c_bob --limit 3":                    "--limit is for the list",
		"show alice --limit 0":                            "--limit 0",
		"show alice --limit x":                            `--limit "x": use a whole number`,
		"show alice --kind room":                          `--kind "room": use c2c or group`,
		"show alice --after-seq -1":                       `--after-seq "-1": use a whole number`,
		"show " + strings.Repeat("u", 257):                "longer than 256 bytes",
		"show alice --prefix a.b":                         "--prefix",
		"show alice --timeout 0s":                         "--timeout",
		"show alice --server nats://h:port":               "no URL",
		"show alice --filters --all":                      "--all is for the list: leave it out, or leave out --filters",
		"show alice c2c_bob --filters":                    "--filters are the user's",
		"show alice --label " + strings.Repeat("l", 65):   "is longer than 64 bytes",
		"show alice --without=":                           "it is empty",
		"threads":                                         "threads takes USER [CONVERSATION], and none is given",
		"threads alice bob":                               "use c2c_PEER or group_GROUP",
		"threads alice --limit 0":                         "--limit 0",
		"readers alice team":                              "readers takes USER GROUP MESSAGE, and 2 are given",
		"readers alice team t7 --limit 0":                 "--limit 0",
		"receipts alice team":                             "receipts takes USER GROUP MESSAGE..., and 2 are given",
		"receipts alice team" + strings.Repeat(" t", 31):  "ids: want 1 to 30, got 31",
		"explain alice":                                   "explain takes USER CONVERSATION, and one is given",
		"explain alice x":                                 "use c2c_PEER or group_GROUP",
		"explain alice c2c_bob --limit 201":               "use 1 to 200",
		"explain alice c2c_bob --limit 0":                 "use 1 to 200",
		"status now":                                      `"now" is too much: status takes no arguments`,
		"publish a b":                                     "publish takes ",
		"publish --rate -1":                               "--rate -1",
		"publish --from-line 0":                           "--from-line 0",
		"publish --prefix=":                               "--prefix",
		"serve now":                                       "serve takes no arguments",
		"serve --sync never":                              "use always, or 100ms to 1m0s",
		"serve --sync 5ms":                                "use always, or 100ms to 1m0s",
		"serve --sync 10":                                 `--sync "10": 10 has no unit: use always, or 100ms to 1m0s, as 10s`,
		"serve --snapshot-interval 10":                    `--snapshot-interval "10" has no unit: use 10s, 10m or 10h`,
		"show alice --timeout soon":                       `--timeout "soon": use a time with its unit`,
		"serve --log-level trace":                         `--log-level "trace": use debug, info, warn or error`,
		"serve --events-max-bytes 1GX":                    `--events-max-bytes "1GX": use a number of bytes, or one with a unit, as 512MB or 1GiB`,
		"serve --events-max-bytes -1GB":                   "as 512MB or 1GiB",
		"serve --events-max-bytes 10EiB":                  "as 512MB or 1GiB",
		"serve --events-max-bytes 512KiB":                 "--events-max-bytes 512KiB: use 1MiB or more",
		"serve --trim=perhaps":                            `--trim "perhaps": use true or false`,
		"serve --listen 0.0.0.0:4222":                     "--insecure-open",
		"serve --listen :0":                               "--insecure-open",
		"serve --listen [::]:0":                           "--insecure-open",
		"serve --listen example.com:4222":                 "--insecure-open",
		"serve --http 0.0.0.0:8480":                       "--insecure-open",
		"serve --http 10.0.0.1:8480":                      "--insecure-open",
		"serve --http :0":                                 "--auth",
		"serve --auth auth.json --insecure-open":          "leave one out",
		"serve --auth-callout seed":                       "name it with --nats",
		"serve --nats nats://h --auth-callout seed":       "say it with --auth",
		"serve --nats nats://h --websocket":               "--websocket is for the embedded NATS server",
		"serve --http= --websocket":                       "give one",
		"serve --listen 4222":                             "--listen",
		"serve --listen 127.0.0.1:99999":                  "port from 0 to 65535",
		"serve --http nowhere":                            "--http",
		"serve --prefix a.b":                              "--prefix",
		"serve --fanout-limit -1":                         "--fanout-limit",
		"serve --event-encoding xml":                      "use msgpack or json",
		"serve --creds f":                                 "name it with --nats",
		"version now":                                     `"now" is too much: version takes no arguments`,
		"serve --nats nats://h:4222 --listen 127.0.0.1:1": "leave out --nats",
		"serve --nats nats://h:4222 --sync always":        "leave out --nats",
		"serve --nats nats://h:port":                      "--nats",
		"serve --data=":                                   "--data",
	} {
		t.Run(line, func(t *testing.T) {
			r := reddot(t, strings.NewReader(""), strings.Fields(line)...)
			r.failed(t, exitUsage, words, `--help"`)
		})
	}
	t.Run("an empty argument", func(t *testing.T) {
		reddot(t, nil, "show", "").failed(t, exitUsage, "user is empty")
		reddot(t, nil, "show", "alice", "").failed(t, exitUsage, "c2c_PEER")
		reddot(t, nil, "explain", "alice", "").failed(t, exitUsage, "c2c_PEER")
	})
}

func TestHelp(t *testing.T) {
	for _, args := range [][]string{nil, {"--help"}, {"help"}} {
		out := reddot(t, nil, args...).done(t)
		for _, want := range []string{"Usage:", "Examples:", "Server:", "serve", "Client:", "publish", "show", "explain", "status"} {
			if !strings.Contains(out, want) {
				t.Errorf("%v: help lacks %q:\n%s", args, want, out)
			}
		}
	}
	for _, command := range []string{"serve", "publish", "show", "explain", "status"} {
		out := reddot(t, nil, command, "--help").done(t)
		for _, want := range []string{"Usage:\n  reddot " + command, "Examples:", "--prefix"} {
			if !strings.Contains(out, want) {
				t.Errorf("help of %s lacks %q:\n%s", command, want, out)
			}
		}
	}
}

// TestHelpPages: a page is shown by its name, in each language; what is a command's name shows
// how that is used.
func TestHelpPages(t *testing.T) {
	for line, want := range map[string]string{
		"help topics":                "reddot documentation\n====",
		"help quick-start":           "Quick start\n====",
		"help quick start":           "Quick start\n====",
		"help --lang zh":             "reddot 文档\n====",
		"help --lang zh quick-start": "快速开始\n====",
		"help serve":                 "Start",
		"help restore":               "Backup and restore\n----",
		"help memory":                "Sizing: memory and disk\n----",
		"help phone":                 "A phone, a back end, an operator\n----",
		"help push badge":            "Push a badge\n----",
		"help why count":             "Why is this count what it is?\n----",
	} {
		if out := reddot(t, nil, strings.Fields(line)...).done(t); !strings.HasPrefix(out, want) {
			t.Errorf("%s prints %.80q", line, out)
		}
	}
	if out := reddot(t, nil, "__complete", "help", "").stdout; !strings.Contains(out, "\nquick-start\tQuick start\n") || !strings.Contains(out, "\ntopics\n") {
		t.Error(out)
	}
}

func TestVersion(t *testing.T) {
	out := reddot(t, nil, "--version").done(t)
	if !strings.HasPrefix(out, "reddot ") || !strings.Contains(out, " go1.") {
		t.Errorf("got %q", out)
	}
	if other := reddot(t, nil, "version").done(t); other != out {
		t.Errorf("version prints %q, --version %q", other, out)
	}
	var b build
	if err := json.Unmarshal([]byte(reddot(t, nil, "version", "--json").done(t)), &b); err != nil || b != thisBuild() || b.Go == "" || b.Version == "" {
		t.Errorf("%+v, %v", b, err)
	}
	b = build{Version: "v1.2.3", Commit: "abc", Modified: true, Go: "go1.26", Platform: "linux/amd64"}
	if got := b.String(); got != "v1.2.3 abc+modified go1.26 linux/amd64" {
		t.Errorf("%s", got)
	}
}

// TestEnvironment: every flag is an environment variable, too, and goes before
// it.
func TestEnvironment(t *testing.T) {
	t.Setenv("NATS_URL", "nats://127.0.0.1:1")
	t.Setenv("REDDOT_TIMEOUT", "10")
	reddot(t, nil, "status").failed(t, exitUsage, `REDDOT_TIMEOUT "10" has no unit: use 10s, 10m or 10h`)
	reddot(t, nil, "status", "--timeout", "1s").failed(t, exitFailed, "no NATS server at nats://127.0.0.1:1")
	t.Setenv("REDDOT_TIMEOUT", "")
	reddot(t, nil, "status").failed(t, exitFailed, "no NATS server at nats://127.0.0.1:1")
	t.Setenv("REDDOT_SERVER", "nats://127.0.0.1:2")
	reddot(t, nil, "status").failed(t, exitFailed, "no NATS server at nats://127.0.0.1:2")
	reddot(t, nil, "status", "--server", "nats://127.0.0.1:3").failed(t, exitFailed, "no NATS server at nats://127.0.0.1:3")
	t.Setenv("REDDOT_EVENTS_MAX_BYTES", "1KB")
	reddot(t, nil, "serve").failed(t, exitUsage, "--events-max-bytes 1000B: use 1MiB or more")
	t.Setenv("REDDOT_EVENTS_MAX_BYTES", "")
	t.Setenv("REDDOT_HTTP", "0.0.0.0:0")
	reddot(t, nil, "serve").failed(t, exitUsage, "--http 0.0.0.0:0", "--insecure-open")
}

// TestFormerName: a flag is taken by its former name too, and by that of the environment
// variable; the help and the completion have the name that it has now.
func TestFormerName(t *testing.T) {
	const wrong = `"perhaps": use true or false, or the number of missing commands`
	fails := func(names string, args ...string) {
		t.Helper()
		reddot(t, nil, append([]string{"serve", "--data", t.TempDir()}, args...)...).failed(t, exitUsage, names+" "+wrong)
	}
	fails("--accept-truncation", "--accept-cut=perhaps")
	fails("--accept-truncation", "--accept-truncation=perhaps")
	t.Setenv("REDDOT_ACCEPT_CUT", "perhaps")
	fails("REDDOT_ACCEPT_CUT")
	for _, flag := range []string{"--accept-cut", "--accept-truncation=7"} { // a flag wins
		reddot(t, nil, "serve", flag, "--data=").failed(t, exitUsage, "--data is empty")
	}
	t.Setenv("REDDOT_ACCEPT_TRUNCATION", "false")
	reddot(t, nil, "serve", "--data=").failed(t, exitUsage, "--data is empty")
	t.Setenv("REDDOT_ACCEPT_CUT", "")
	reddot(t, nil, "show", "alice", "--accept-cut").failed(t, exitUsage, "unknown flag: --accept-cut")
	for _, args := range [][]string{{"serve", "--help"}, {"__complete", "serve", "--acc"}} {
		if out := reddot(t, nil, args...).done(t); !strings.Contains(out, "--accept-truncation") || strings.Contains(out, "--accept-cut") {
			t.Errorf("%q prints %s", args, out)
		}
	}
}

// TestHelpKeepsThePassword: NATS_URL may hold one.
func TestHelpKeepsThePassword(t *testing.T) {
	t.Setenv("NATS_URL", "nats://me:secret@127.0.0.1:1")
	if out := reddot(t, nil, "show", "--help").done(t); strings.Contains(out, "secret") {
		t.Error(out)
	}
	r := reddot(t, nil, "status")
	r.failed(t, exitFailed, "no NATS server at nats://me:xxxxx@127.0.0.1:1: start one with \"reddot serve\"")
}

type brokenWriter struct{}

func (brokenWriter) Write([]byte) (int, error) { return 0, errors.New("disk full") }

func TestOutputThatIsNotWritten(t *testing.T) {
	a := &app{stdout: brokenWriter{}}
	if err := a.print("x"); err == nil || !strings.Contains(err.Error(), "disk full") {
		t.Errorf("got %v", err)
	}
	if err := (&app{}).printRaw([]byte("{")); err == nil {
		t.Error("half a reply is printed")
	}
}
