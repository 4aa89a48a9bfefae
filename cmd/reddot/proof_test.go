package main

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"reddot/cmd/reddot/term"
	"reddot/events"
	"reddot/projector/testkit"
	"reddot/snapshot"
)

// TestProofHelp: what the commands of proof and repair say of themselves.
func TestProofHelp(t *testing.T) {
	t.Setenv("NATS_URL", "")
	for _, line := range []string{
		"verify", "rebuild", "trim", "export", "snapshot", "snapshot create", "snapshot list", "snapshot verify",
		"snapshot restore", "snapshot prune", "snapshot remove",
	} {
		goldenHelp(t, line)
	}
}

// goldenHelp compares a command's help with what is kept of it.
func goldenHelp(t *testing.T, line string) {
	t.Helper()
	out := reddot(t, nil, append(strings.Fields(line), "--help")...).done(t)
	about, _, _ := strings.Cut(out, "Usage:")
	for l := range strings.Lines(about) {
		if len(l) > 81 {
			t.Errorf("%s: a line is longer than 80: %s", line, l)
		}
	}
	golden(t, "help-"+strings.ReplaceAll(line, " ", "-")+".txt", out)
}

func TestProofWrongUsage(t *testing.T) {
	for line, words := range map[string]string{
		"verify now":                              "verify takes no arguments",
		"verify --snapshots off":                  "--snapshots off: name a directory or bucket:NAME",
		"verify --data=":                          "--data is empty: name a directory",
		"verify --snapshots bucket:":              "name the bucket",
		"verify --snapshots bucket:a.b":           "name the bucket",
		"trim --snapshots off":                    "--snapshots off: name a directory or bucket:NAME",
		"trim --upto x":                           `--upto "x": use a whole number`,
		"trim --timeout 0s":                       "--timeout",
		"rebuild now":                             "rebuild takes no arguments",
		"rebuild --prefix a.b":                    "--prefix",
		"export a b":                              "export takes [FILE|-], and 2 are given",
		"export --from 0":                         "--from 0: seqs begin at 1",
		"export --from 2 --to 1":                  "name the first, then the last",
		"snapshot take":                           "unknown command",
		"snapshot list --snapshots off":           "--snapshots off: name a directory or bucket:NAME",
		"snapshot prune --keep 1":                 "--keep 1: use 2 or more",
		"snapshot restore 1 2":                    "restore takes [SEQ|ID], and 2 are given",
		"snapshot remove":                         "remove takes SEQ|ID ..., and none is given",
		"show alice --at soon":                    `--at "soon": use a seq, or a time`,
		"show alice --at 2262-01-01":              "use a time from 1970 to 2261",
		"show alice --at 5 --after-seq 5":         "leave out --at",
		"explain alice c2c_b --at 5 --data=":      "--data is empty",
		"explain alice c2c_b --at x":              `--at "x"`,
		"serve --trim --snapshots off":            "--trim needs snapshots",
		"serve --snapshots bucket:":               "name the bucket",
		"serve --snapshot-keep 1":                 "use 2 or more",
		"serve --snapshot-interval 1ms":           "use 1s or more, or 0",
		"serve --snapshot-every -1":               "use a whole number",
		"serve --accept-truncation=perhaps":       `--accept-truncation "perhaps": use true or false, or the number of missing commands`,
		"serve --accept-truncation=-1":            "use true or false, or the number of missing commands",
		"snapshot verify --data= --snapshots off": "--snapshots off",
	} {
		reddot(t, nil, strings.Fields(line)...).failed(t, exitUsage, words, `--help"`)
	}
}

// TestProofWithoutServer: a command that needs a server says which it looked for.
func TestProofWithoutServer(t *testing.T) {
	for _, line := range []string{
		"verify", "verify --against 5", "rebuild", "trim", "export", "snapshot create", "snapshot list --snapshots bucket:kept",
		"show alice --at 5", "explain alice c2c_bob --at 5",
	} {
		r := reddot(t, nil, append(strings.Fields(line), "--server", "nats://127.0.0.1:1")...)
		r.failed(t, exitFailed, `no NATS server at nats://127.0.0.1:1: start one with "reddot serve"`)
	}
	s, _ := testServer(t)
	for line, words := range map[string]string{
		"export --prefix other":               "there is no stream OTHER_COMMANDS at " + s.URL(),
		"verify --prefix other":               "there is no stream OTHER_COMMANDS",
		"trim --prefix other":                 "there is no stream OTHER_COMMANDS",
		"show alice --at 5 --prefix other":    "there is no stream OTHER_COMMANDS",
		"rebuild":                             "no reddot serves the prefix unread",
		"snapshot create":                     "no reddot serves the prefix unread",
		"export --timeout 1s":                 "deny_delete must be true", // not a log as serve makes one
		"snapshot list --snapshots bucket:no": "there is no bucket no",
	} {
		reddot(t, nil, append(strings.Fields(line), "--server", s.URL())...).failed(t, exitFailed, words)
	}
}

func TestRenderSnapshots(t *testing.T) {
	taken := time.UnixMilli(int64(noon)).UTC()
	stream := events.StreamID{Name: "UNREAD_COMMANDS", Created: taken}
	entries := []snapshot.Entry{
		{ID: "00000000000000375910-00c0ffee00c0ffee", Seq: 375_910, Manifest: &snapshot.Manifest{
			Stream: stream, Seq: 375_910, Taken: taken, Bytes: 12_345_678, Digest: 0xc0ffee00c0ffee,
		}},
		{ID: "00000000000000003000-00c0ffee00c0ffee", Seq: 3000, Err: errors.New("read the manifest: damaged\nits last line is cut")},
		{ID: "00000000000000000012-00c0ffee00c0ffee", Seq: 12, Manifest: &snapshot.Manifest{
			Stream: stream, Seq: 12, Taken: taken.Add(-time.Hour), Bytes: 4045, Digest: 1,
		}},
	}
	golden(t, "snapshot-list.txt", renderSnapshots(entries, testZone()))
	golden(t, "snapshot-list-empty.txt", renderSnapshots(nil, testZone()))
	var out bytes.Buffer
	if err := (&app{stdout: &out}).printSnapshots(entries); err != nil {
		t.Fatal(err)
	}
	golden(t, "snapshot-list-json.txt", out.String())
}

// TestOneLine: errors that are joined are told once each, on one line.
func TestOneLine(t *testing.T) {
	one, other := errors.New("one"), errors.New("another")
	if got := term.OneLine(errors.Join(one, other, one)); got != "one; another" {
		t.Errorf("got %q", got)
	}
}

// TestExportRange: what is asked for, of what the log holds.
func TestExportRange(t *testing.T) {
	for _, c := range []struct {
		from, to    uint64
		first, last events.Seq
		want        [2]events.Seq
		words       string // of the error; none if empty
	}{
		{0, 0, 1, 9, [2]events.Seq{1, 9}, ""},
		{0, 0, 5, 9, [2]events.Seq{5, 9}, ""},
		{6, 0, 5, 9, [2]events.Seq{6, 9}, ""},
		{0, 6, 5, 9, [2]events.Seq{5, 6}, ""},
		{9, 9, 5, 9, [2]events.Seq{9, 9}, ""},
		{0, 0, 1, 0, [2]events.Seq{1, 0}, ""},
		{0, 0, 10, 9, [2]events.Seq{10, 9}, ""},
		{1, 0, 1, 0, [2]events.Seq{}, "the log holds no commands"},
		{9, 0, 10, 9, [2]events.Seq{}, "the log holds no commands"},
		{4, 0, 5, 9, [2]events.Seq{}, "the log holds commands 5 to 9"},
		{0, 4, 5, 9, [2]events.Seq{}, "the log holds commands 5 to 9"},
		{10, 0, 5, 9, [2]events.Seq{}, "the log holds commands 5 to 9"},
		{0, 10, 5, 9, [2]events.Seq{}, "the log holds commands 5 to 9"},
	} {
		cfg := exportConfig{from: c.from, to: c.to}
		from, to, err := cfg.within(c.first, c.last)
		if c.words != "" && (err == nil || !strings.Contains(err.Error(), c.words)) || c.words == "" && (err != nil || from != c.want[0] || to != c.want[1]) {
			t.Errorf("%+v: %d to %d, %v", c, from, to, err)
		}
	}
}

// TestPages: the tests that the README and the pages name are there, and one page knows the
// flags of serve.
func TestPages(t *testing.T) {
	pages := testkit.Must(filepath.Glob(filepath.Join("..", "..", "api", "docs", "*.md")))(t)
	text := ""
	for _, file := range append(pages, filepath.Join("..", "..", "README.md")) {
		text += string(testkit.Must(os.ReadFile(file))(t))
	}
	tests := ""
	err := filepath.WalkDir(filepath.Join("..", ".."), func(file string, _ fs.DirEntry, err error) error {
		if err == nil && strings.HasSuffix(file, "_test.go") {
			tests += string(testkit.Must(os.ReadFile(file))(t))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range regexp.MustCompile("`(Test[A-Za-z]+)`").FindAllStringSubmatch(text, -1) {
		if !strings.Contains(tests, "func "+name[1]+"(t *testing.T)") {
			t.Errorf("there is no %s", name[1])
		}
	}
	for _, name := range regexp.MustCompile("`EndToEnd/([a-z ]+)`").FindAllStringSubmatch(text, -1) {
		if !strings.Contains(tests, "{\""+name[1]+"\", test") {
			t.Errorf("there is no EndToEnd/%s", name[1])
		}
	}
	text = string(testkit.Must(os.ReadFile(filepath.Join("..", "..", "api", "docs", "configuration.md")))(t))
	for _, flag := range regexp.MustCompile(" (--[a-z0-9-]+)").FindAllStringSubmatch((&app{}).serveCommand().Flags().FlagUsages(), -1) {
		if !strings.Contains(text, "`"+flag[1]+"`") && flag[1] != "--help" {
			t.Errorf("%s is not in it", flag[1])
		}
	}
}
