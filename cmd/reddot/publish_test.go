package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	goclient "reddot/api/client"
	"reddot/cmd/reddot/lines"
	"reddot/cmd/reddot/term"
	"reddot/projector/testkit"
	"reddot/projector/testkit/natstest"
)

// messageLine is the n-th line of a test file.
func messageLine(n int) string {
	return fmt.Sprintf(`{"subject":"unread.cmd.user.u%d.message","payload":{"id":"m%d","from":"bob"}}`, n%100, n)
}

func messageLines(n int) string {
	var b strings.Builder
	for i := 1; i <= n; i++ {
		b.WriteString(messageLine(i) + "\n")
	}
	return b.String()
}

func zipped(t *testing.T, text string) []byte {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	if _, err := io.WriteString(z, text); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// file writes a file for publish and returns its path.
func file(t *testing.T, name string, content []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := writeFile(path, content); err != nil {
		t.Fatal(err)
	}
	return path
}

// inOrder checks that the stream holds the messages first to last, in order.
func inOrder(t *testing.T, stream jetstream.Stream, first, last int) {
	t.Helper()
	if got, want := lastSeq(t, stream), uint64(last-first+1); got != want {
		t.Fatalf("the stream ends at %d, want %d", got, want)
	}
	consumer, err := stream.OrderedConsumer(t.Context(), jetstream.OrderedConsumerConfig{})
	if err != nil {
		t.Fatal(err)
	}
	messages, err := consumer.Messages()
	if err != nil {
		t.Fatal(err)
	}
	defer messages.Stop()
	for n := first; n <= last; n++ {
		m, err := messages.Next(jetstream.NextMaxWait(10 * time.Second))
		if err != nil {
			t.Fatal(err)
		}
		if want := fmt.Sprintf(`{"id":"m%d","from":"bob"}`, n); string(m.Data()) != want || m.Subject() != fmt.Sprintf("unread.cmd.user.u%d.message", n%100) {
			t.Fatalf("message %d is %s %s, want %s", n-first+1, m.Subject(), m.Data(), want)
		}
	}
}

func TestPublishKeepsTheOrder(t *testing.T) {
	s, stream := testServer(t)
	const n = 20_000
	r := reddot(t, nil, "publish", "--server", s.URL(), file(t, "c.jsonl", []byte(messageLines(n))))
	if out := r.done(t); out != "published 20000 commands, last seq 20000\n" {
		t.Errorf("stdout %q", out)
	}
	if !strings.HasPrefix(r.stderr, "20,000 commands in ") || strings.Count(r.stderr, "\n") != 1 {
		t.Errorf("stderr %q", r.stderr)
	}
	inOrder(t, stream, 1, n)
}

func TestPublishReads(t *testing.T) {
	text := messageLines(10)
	loose := "\n  \r\n" + strings.ReplaceAll(strings.TrimSuffix(text, "\n"), "\n", "  \r\n\n") // blank lines, no line break at the end
	two := append(zipped(t, messageLines(4)), zipped(t, text[len(messageLines(4)):])...)
	for name, c := range map[string]struct {
		stdin []byte
		args  []string
	}{
		"a file":                   {nil, []string{file(t, "c.jsonl", []byte(text))}},
		"gzip":                     {nil, []string{file(t, "c.jsonl.gz", zipped(t, text))}},
		"gzip by content":          {nil, []string{file(t, "c.jsonl", zipped(t, text))}},
		"gzip in two parts":        {nil, []string{file(t, "c.gz", two)}},
		"plain in spite of .gz":    {nil, []string{file(t, "c.gz", []byte(text))}},
		"standard input":           {[]byte(text), nil},
		"standard input, named":    {[]byte(text), []string{"-"}},
		"gzip from standard input": {zipped(t, text), []string{"-"}},
		"blank lines":              {[]byte(loose), nil},
		"a rate":                   {[]byte(text), []string{"--rate", "5000"}},
	} {
		t.Run(name, func(t *testing.T) {
			s, stream := testServer(t)
			t.Setenv("NATS_URL", s.URL())
			r := reddot(t, bytes.NewReader(c.stdin), append([]string{"publish", "--json"}, c.args...)...)
			if out := r.done(t); out != `{"published":10,"last_seq":10}`+"\n" {
				t.Errorf("stdout %q", out)
			}
			inOrder(t, stream, 1, 10)
		})
	}
}

func TestPublishNothing(t *testing.T) {
	s, _ := testServer(t)
	r := reddot(t, strings.NewReader("\n\n"), "publish", "--wait", "--server", s.URL())
	if out := r.done(t); out != "published 0 commands, last seq 0\n" {
		t.Errorf("stdout %q", out)
	}
}

func TestPublishLongLines(t *testing.T) {
	s, stream := testServer(t)
	long := strings.Replace(messageLine(1), "{", "{"+strings.Repeat(" ", lines.MaxLine-len(messageLine(1))-1), 1)
	r := reddot(t, strings.NewReader(long+"\n"+messageLine(2)), "publish", "--server", s.URL())
	r.done(t)
	inOrder(t, stream, 1, 2)
	r = reddot(t, strings.NewReader(messageLine(3)+"\n "+long+"\n"+messageLine(4)), "publish", "--server", s.URL())
	r.failed(t, exitFailed, "standard input: line 2: is longer than 1048576 bytes", "the command before it is stored, seq 3")
	inOrder(t, stream, 1, 3)
}

func TestPublishStopsAtABadLine(t *testing.T) {
	for bad, reason := range map[string]string{
		`{"subject":`: "JSON",
		`{"subject":"unread.cmd.user.a.dance","payload":{}}`:                                   "unknown verb",
		`{"subject":"unread.cmd.user.a.mesage","payload":{}}`:                                  "unknown verb: did you mean message?",
		`{"subject":"unread.cmd.user.a.read","payload":{"conversation":"c2c_b","up_to":"m1"}}`: `unknown field "up_to": did you mean upto?`,
		`{"subject":"unread.cmd.user.a.message","payload":{"id":"m1","form":"b"}}`:             `from is missing: is it misspelt as "form"?`,
		`{"subject":"elsewhere.cmd.user.a.erase","payload":{}}`:                                "not a command's",
		`{"subject":"unread.cmd.user.a.message","payload":{"id":"","from":"bob"}}`:             "id is empty",
		`{"subject":"unread.cmd.user.a.message","payload":{"id":"m1"}}`:                        "from",
		`{"subject":"unread.cmd.user.a b.message","payload":{"id":"1","from":"b"}}`:            "%XX",
	} {
		t.Run(bad, func(t *testing.T) {
			s, stream := testServer(t)
			text := messageLines(300) + "\n" + bad + "\n" + messageLines(5000)
			r := reddot(t, strings.NewReader(text), "publish", "--server", s.URL())
			r.failed(t, exitFailed, "standard input: line 302: ", reason, "the 300 commands before it are stored, last seq 300", "go on with --from-line 302")
			inOrder(t, stream, 1, 300)
		})
	}
}

func TestPublishGoesOn(t *testing.T) {
	s, stream := testServer(t)
	good := messageLines(30)
	bad := strings.Replace(good, "m11", "\n", 1)
	reddot(t, strings.NewReader(bad), "publish", "--server", s.URL()).failed(t, exitFailed, "--from-line 11")
	r := reddot(t, strings.NewReader(good), "publish", "--server", s.URL(), "--from-line", "11")
	if out := r.done(t); out != "published 20 commands, last seq 30\n" {
		t.Errorf("stdout %q", out)
	}
	inOrder(t, stream, 1, 30)
}

// TestPublishBeginsBehindTheEnd: nothing is left to publish right after the last
// line, but a number behind that is a mistake.
func TestPublishBeginsBehindTheEnd(t *testing.T) {
	s, _ := testServer(t)
	r := reddot(t, strings.NewReader(messageLines(2)), "publish", "--server", s.URL(), "--from-line", "3")
	if out := r.done(t); out != "published 0 commands, last seq 0\n" {
		t.Errorf("stdout %q", out)
	}
	r = reddot(t, strings.NewReader(messageLines(2)), "publish", "--server", s.URL(), "--from-line", "5")
	r.failed(t, exitFailed, "standard input: it has 2 lines, and --from-line is 5: there is nothing to publish")
}

// TestPublishTimesInSeconds: they are taken, as they may be meant, and pointed out.
func TestPublishTimesInSeconds(t *testing.T) {
	s, _ := testServer(t)
	early := strings.Replace(messageLine(1), `"from"`, `"at":1000,"from"`, 1) // somebody's own clock
	lines := early + "\n" + strings.Replace(messageLine(2), `"from"`, `"at":1764201600,"from"`, 1) + "\n" + messageLine(3)
	r := reddot(t, strings.NewReader(lines), "publish", "--server", s.URL())
	r.done(t)
	want := "standard input: line 2: at 1764201600 is in the year 1970: times are in milliseconds, are these in seconds?\n"
	if !strings.HasSuffix(r.stderr, want) || strings.Count(r.stderr, "\n") != 2 {
		t.Errorf("stderr %q", r.stderr)
	}
}

// TestPublishAnotherPrefix: an export is published under another prefix only if
// that is wanted.
func TestPublishAnotherPrefix(t *testing.T) {
	s, stream := testServer(t)
	line := strings.Replace(messageLine(1), "unread", "chat-1", 1)
	r := reddot(t, strings.NewReader(line), "publish", "--server", s.URL())
	r.failed(t, exitFailed, "line 1: ", "has the prefix chat-1, not unread", "--rewrite-prefix", "--prefix chat-1")
	out := reddot(t, strings.NewReader(line+"\n"+messageLine(2)), "publish", "--server", s.URL(), "--rewrite-prefix").done(t)
	if out != "published 2 commands, last seq 2\n" {
		t.Errorf("stdout %q", out)
	}
	inOrder(t, stream, 1, 2)
}

func TestPublishBrokenInput(t *testing.T) {
	s, stream := testServer(t)
	z := zipped(t, messageLines(10))
	for name, c := range map[string]struct {
		content []byte
		words   string
	}{
		"cut off":  {z[:len(z)-6], "unexpected EOF"},
		"no gzip":  {[]byte{0x1f, 0x8b, 0, 0, 0, 0, 0, 0, 0, 0, 0}, "gzip"},
		"a header": {z[:4], "gzip"},
	} {
		t.Run(name, func(t *testing.T) {
			reddot(t, nil, "publish", "--server", s.URL(), file(t, "c.gz", c.content)).failed(t, exitFailed, "c.gz: ", c.words)
		})
	}
	if got := lastSeq(t, stream); got != 10 {
		t.Errorf("last seq %d, want 10: what came before the cut is stored", got)
	}
	reddot(t, nil, "publish", "--server", s.URL(), filepath.Join(t.TempDir(), "none")).failed(t, exitFailed, "no such file")
	reddot(t, nil, "publish", "--server", s.URL(), t.TempDir()).failed(t, exitFailed, "is a directory")
}

func TestPublishWithoutAServer(t *testing.T) {
	s := natstest.Start(t)
	url := s.URL()
	s.Stop()
	r := reddot(t, strings.NewReader(messageLine(1)), "publish", "--server", url)
	r.failed(t, exitFailed, "no NATS server at "+url+`: start one with "reddot serve", or name yours with --server or NATS_URL`)
}

func TestPublishWithoutAStream(t *testing.T) {
	s := natstest.Start(t)
	r := reddot(t, strings.NewReader(messageLines(3)), "publish", "--server", s.URL())
	r.failed(t, exitFailed, "line 1: no stream at ", `start "reddot serve" there`, "nothing is known to be stored")
}

func TestPublishIntoAnotherStream(t *testing.T) {
	s, _ := testServer(t)
	js, err := jetstream.New(connect(t, s.URL()))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := js.CreateStream(t.Context(), jetstream.StreamConfig{Name: "OTHER", Subjects: []string{"mine.>"}}); err != nil {
		t.Fatal(err)
	}
	line := strings.Replace(messageLine(1), "unread", "mine", 1)
	r := reddot(t, strings.NewReader(line), "publish", "--prefix", "mine", "--server", s.URL())
	r.failed(t, exitFailed, "stored in the stream OTHER, reddot reads MINE_COMMANDS")
}

func TestPublishThatTheStreamRefuses(t *testing.T) {
	s, stream := testServer(t)
	js, err := jetstream.New(connect(t, s.URL()))
	if err != nil {
		t.Fatal(err)
	}
	cfg := stream.CachedInfo().Config
	cfg.MaxMsgs, cfg.Discard = 50, jetstream.DiscardNew
	if _, err := js.UpdateStream(t.Context(), cfg); err != nil {
		t.Fatal(err)
	}
	r := reddot(t, strings.NewReader(messageLines(10_000)), "publish", "--server", s.URL())
	r.failed(t, exitFailed, "line 51: the NATS server refuses it: ", "maximum messages exceeded", "the 50 commands before it are stored, last seq 50", "--from-line 51")
	inOrder(t, stream, 1, 50)
}

// endless writes lines until a limit and then blocks like an idle pipe; full
// is closed when it does.
func endless(t *testing.T, lines int) (r io.Reader, full <-chan struct{}) {
	t.Helper()
	pr, pw := io.Pipe()
	t.Cleanup(func() { pr.Close() })
	done := make(chan struct{})
	go func() {
		for i := 1; i <= lines; i++ {
			if _, err := io.WriteString(pw, messageLine(i)+"\n"); err != nil {
				return
			}
		}
		close(done)
	}()
	return pr, done
}

func TestPublishInterrupted(t *testing.T) {
	s, stream := testServer(t)
	ctx, cancel := context.WithCancel(t.Context())
	stdin, full := endless(t, 100)
	go func() {
		<-full
		cancel()
	}()
	r := reddotContext(ctx, stdin, "publish", "--server", s.URL())
	r.failed(t, exitFailed, "interrupted", "--from-line ")
	last := int(lastSeq(t, stream))
	if last > 0 && !strings.Contains(r.stderr, fmt.Sprintf("the %d commands before it are stored, last seq %d", last, last)) {
		t.Errorf("%d are stored: %s", last, r.stderr)
	}
	inOrder(t, stream, 1, last)

	reddotContext(ctx, stdin, "publish", "--server", s.URL()).failed(t, exitFailed, "interrupted")
}

// generator is message lines without end.
type generator struct {
	n    int
	rest string
}

func (g *generator) Read(p []byte) (int, error) {
	if g.rest == "" {
		g.n++
		g.rest = messageLine(g.n) + "\n"
	}
	n := copy(p, g.rest)
	g.rest = g.rest[n:]
	return n, nil
}

// TestPublishLosesTheServer: what it says is stored is stored, and going on
// at the line that it names leaves no gap.
func TestPublishLosesTheServer(t *testing.T) {
	s, stream := testServer(t)
	lost := make(chan result)
	go func() { lost <- reddotContext(t.Context(), &generator{}, "publish", "--server", s.URL()) }()
	for lastSeq(t, stream) < 10_000 { // it is in the middle of it
	}
	s.Stop()
	r := <-lost
	r.failed(t, exitFailed, "standard input: line ", "go on with --from-line ")
	words := regexp.MustCompile(`the (\d+) commands before it are stored, last seq (\d+): go on with --from-line (\d+)`).FindStringSubmatch(r.stderr)
	if words == nil {
		t.Fatalf("stderr %q", r.stderr)
	}
	count, seq, from := atoi(t, words[1]), atoi(t, words[2]), atoi(t, words[3])
	if seq != count || from != count+1 {
		t.Errorf("count %d, seq %d, next line %d", count, seq, from)
	}

	s.Restart()
	stream = testkit.Must(s.JetStream().Stream(t.Context(), defaultSubjects(t).CommandStream()))(t)
	stored := int(lastSeq(t, stream))
	if stored < count || stored > count+goclient.DefaultMaxPending+2 {
		t.Fatalf("%d commands are stored, %d were acknowledged", stored, count)
	}
	inOrder(t, stream, 1, stored)

	const last = 30_000
	rest := reddot(t, strings.NewReader(messageLines(last)), "publish", "--json", "--server", s.URL(), "--from-line", words[3])
	want := fmt.Sprintf(`{"published":%d,"last_seq":%d}`+"\n", last-count, stored+last-count)
	if out := rest.done(t); out != want {
		t.Errorf("stdout %q, want %q", out, want)
	}
}

func TestPublishLosesAnIdleServer(t *testing.T) {
	s, stream := testServer(t)
	stdin, _ := endless(t, 100)
	lost := make(chan result)
	go func() { lost <- reddotContext(t.Context(), stdin, "publish", "--server", s.URL()) }()
	for lastSeq(t, stream) < 100 {
	}
	s.Stop()
	(<-lost).failed(t, exitFailed, "lost the connection to the NATS server at "+s.URL())
}

func atoi(t *testing.T, s string) int {
	t.Helper()
	n, err := strconv.Atoi(s)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestProgressSummary(t *testing.T) {
	for n, want := range map[int64]string{0: "0", 999: "999", 1000: "1,000", 123456: "123,456", 1234567: "1,234,567"} {
		if got := term.Grouped(n); got != want {
			t.Errorf("%d is written %s, want %s", n, got, want)
		}
	}
}
