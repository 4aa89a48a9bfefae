package lines_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"reddot/cmd/reddot/lines"
	"reddot/projector/testkit"
)

func TestMain(m *testing.M) { testkit.Main(m) }

// numbered is so many lines.
func numbered(n int) string {
	var b strings.Builder
	for i := 1; i <= n; i++ {
		fmt.Fprintf(&b, "{\"line\":%d}\n", i)
	}
	return b.String()
}

// create writes a file, compressed if its name says so, and returns its path.
func create(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	f := testkit.Must(lines.Create(path, nil))(t)
	_, err := io.WriteString(f, text)
	testkit.OK(t, f.Close(err))
	return path
}

func open(t *testing.T, path string) *lines.Source {
	t.Helper()
	s, closeFile, err := lines.Open(path, nil)
	testkit.OK(t, err)
	t.Cleanup(func() { testkit.OK(t, closeFile()) })
	return s
}

// TestRoundTrip reads what was written, with the numbers of the lines.
func TestRoundTrip(t *testing.T) {
	for _, name := range []string{"plain.jsonl", "zipped.jsonl.gz"} {
		path := create(t, name, "\n"+numbered(3)+"  \n last, without a break ")
		r := testkit.Must(open(t, path).Reader(testkit.Context(t)))(t)
		var got []string
		for {
			line, err := r.Next()
			if errors.Is(err, io.EOF) {
				break
			}
			testkit.OK(t, err)
			got = append(got, fmt.Sprintf("%d %s", r.Number(), line))
		}
		if want := `2 {"line":1}|3 {"line":2}|4 {"line":3}|6 last, without a break`; strings.Join(got, "|") != want {
			t.Errorf("%s: %q", name, got)
		}
		stored := testkit.Must(os.ReadFile(path))(t)
		if zipped := strings.HasPrefix(string(stored), "\x1f\x8b"); zipped != strings.HasSuffix(name, ".gz") {
			t.Errorf("%s is compressed: %v", name, zipped)
		}
	}
}

// TestFileIsWholeOrNotThere: after an error the file before it is still there.
func TestFileIsWholeOrNotThere(t *testing.T) {
	path := create(t, "c.jsonl", numbered(1))
	f := testkit.Must(lines.Create(path, nil))(t)
	testkit.Must(io.WriteString(f, "half"))(t)
	failed := errors.New("failed")
	if err := f.Close(failed); !errors.Is(err, failed) {
		t.Errorf("it is closed with %v", err)
	}
	if got := string(testkit.Must(os.ReadFile(path))(t)); got != numbered(1) {
		t.Errorf("the file is now %q", got)
	}
	if left := testkit.Must(os.ReadDir(filepath.Dir(path)))(t); len(left) != 1 {
		t.Errorf("left beside it: %v", left)
	}
}

// TestStandardOutput is written to, and not closed.
func TestStandardOutput(t *testing.T) {
	var out strings.Builder
	f := testkit.Must(lines.Create("-", &out))(t)
	testkit.Must(io.WriteString(f, "text"))(t)
	testkit.OK(t, f.Close(nil))
	if out.String() != "text" {
		t.Errorf("%q came out", out.String())
	}
}

// TestCount counts while lines are published, compressed or not, from where the
// input stands on.
func TestCount(t *testing.T) {
	broken := create(t, "broken.gz", numbered(10))
	testkit.OK(t, os.Truncate(broken, 30))
	for name, c := range map[string]struct {
		path string
		from int
		want int64
	}{
		"plain":      {create(t, "c.jsonl", numbered(10)), 1, 10},
		"compressed": {create(t, "c.gz", numbered(10)+"\n\n"+numbered(5)), 1, 15},
		"from":       {create(t, "c.jsonl", numbered(3)+"\n"+numbered(2)), 3, 3},
		"broken":     {broken, 1, -1},
	} {
		if got := open(t, c.path).Count(t.Context(), c.from); got != c.want {
			t.Errorf("%s: %d lines, want %d", name, got, c.want)
		}
	}
	f := testkit.Must(os.Open(create(t, "c.jsonl", numbered(10))))(t)
	defer f.Close()
	testkit.Must(f.Seek(int64(len(numbered(4))), io.SeekStart))(t)
	s, _, err := lines.Open("-", f)
	testkit.OK(t, err)
	if got := s.Count(t.Context(), 1); got != 6 {
		t.Errorf("the rest of a file has %d lines, want 6", got)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if got := s.Count(ended, 1); got != -1 {
		t.Errorf("counting goes on after the end: %d", got)
	}
	pipe, _, err := lines.Open("-", strings.NewReader("x"))
	testkit.OK(t, err)
	if got := pipe.Count(t.Context(), 1); got != -1 {
		t.Errorf("a pipe is read twice: %d", got)
	}
}

// TestIdleInput: who waits for a line of a pipe goes on when ctx ends.
func TestIdleInput(t *testing.T) {
	in, out := io.Pipe()
	defer out.Close()
	s, _, err := lines.Open("-", in)
	testkit.OK(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	read := make(chan error)
	go func() {
		r, err := s.Reader(ctx)
		if err == nil {
			_, err = r.Next()
		}
		read <- err
	}()
	testkit.Must(io.WriteString(out, "begun "))(t)
	cancel()
	if err := testkit.Receive(t, "the reading has not ended", (<-chan error)(read)); !errors.Is(err, context.Canceled) {
		t.Errorf("it ends with %v", err)
	}
}

// TestLongLine is refused by its length.
func TestLongLine(t *testing.T) {
	for length, fits := range map[int]bool{lines.MaxLine - 1: true, lines.MaxLine + 1: false} {
		path := create(t, "c.jsonl", strings.Repeat("x", length)+"\n")
		r := testkit.Must(open(t, path).Reader(testkit.Context(t)))(t)
		if line, err := r.Next(); (err == nil) != fits || fits && len(line) != length {
			t.Errorf("a line of %d bytes: %d, %v", length, len(line), err)
		}
	}
}
