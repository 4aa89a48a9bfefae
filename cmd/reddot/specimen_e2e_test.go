package main_test

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/nats-io/nats.go"

	"reddot/events"
	"reddot/projector/testkit"
	"reddot/projector/testkit/natstest"
)

// specimen is the data folder of a server that has ended, of which copies are
// damaged, and what the server has answered.
type specimen struct {
	program program
	dir     string
	rng     *rand.Rand // of the test that damages it
	users   []string
	want    []events.ConversationsReply // by user
	status  events.Status
}

// largePayload is the size in bytes of a specimen's large messages, which are
// counted all.
const largePayload = 250_000

// newSpecimen has a server apply random commands and take two snapshots. The
// log is in two files then, of which the first has all but a few commands.
func newSpecimen(t *testing.T, p program) *specimen {
	t.Helper()
	const parts, lines = 2, 1_000
	s := &specimen{program: p, dir: t.TempDir()}
	c := p.serve(t, s.dir)
	d := newDrill(t, p, c.nats, lines)
	text, err := os.ReadFile(d.file)
	if err != nil {
		t.Fatal(err)
	}
	all := slices.Collect(strings.Lines(string(text)))
	for part := range slices.Chunk(all, lines/parts) {
		p.run(t, strings.NewReader(strings.Join(part, "")), "publish", "--server", c.nats, "--wait").stored(t)
		p.run(t, nil, "snapshot", "create", "--server", c.nats).done(t)
	}
	const fileSize = 8 << 20
	padding := strings.Repeat("x", largePayload)
	for n := range fileSize/largePayload + 1 {
		publish(t, d.nc, "unread.cmd.user.a.message", fmt.Sprintf(`{"id":"large%d","from":"b","padding":%q}`, n, padding))
	}
	for n := range 10 {
		s.status = settled(t, d.nc, publish(t, d.nc, "unread.cmd.user.a.message", fmt.Sprintf(`{"id":"last%d","from":"b"}`, n)))
	}
	h := replay(t, d.nc)
	s.users = h.model.Users()
	h.compare(t, d.nc)
	s.want = lists(t, d.nc, s.users, false)
	d.nc.Close()
	c.terminate(t)
	return s
}

// copy returns a copy of the folder, without some of what is in it.
func (s *specimen) copy(t *testing.T, without ...string) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(s.dir)); err != nil {
		t.Fatal(err)
	}
	for _, name := range without {
		if err := os.RemoveAll(filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// answersRight checks that a server answers what the first one did, for every
// user: at once, or after it has said that it can't.
func (s *specimen) answersRight(t *testing.T, c *child) {
	t.Helper()
	nc := connect(t, c.nats)
	defer nc.Close()
	for i, user := range s.users {
		var got events.ConversationsReply
		testkit.Eventually(t, fmt.Sprintf("%q is answered", user), func() bool {
			var err error
			got, err = list(t.Context(), nc, subjects(t).Query(user, events.QueryConversations), false)
			if err != nil && !noAnswer(err) {
				t.Fatal(err)
			}
			return err == nil
		})
		if diff := cmp.Diff(s.want[i], got, cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("user %q (-undamaged +damaged):\n%s", user, diff)
		}
	}
	if got := settled(t, nc, s.status.Last); got.Digest != s.status.Digest || got.Applied != s.status.Applied {
		t.Errorf("status %+v, undamaged %+v", got, s.status)
	}
}

// stops waits until a server's projector has stopped, or it has ended, and
// checks that it says why everywhere and answers no user.
func (c *child) stops(t *testing.T, users []string, words ...string) {
	t.Helper()
	nc := connect(t, c.nats, nats.RetryOnFailedConnect(true))
	defer nc.Close()
	lacks := func(text string) []string {
		return slices.DeleteFunc(slices.Clone(words), func(word string) bool { return strings.Contains(text, word) })
	}
	// Each on its own: it tries again now and then, and for a moment it is catching up.
	testkit.Eventually(t, "the server stops", func() bool {
		status, err := askSoon[events.Status](nc, subjects(t).Status(), request{})
		if err == nil && status.State == "stopped" && len(lacks(status.Error)) > 0 {
			t.Fatalf("status lacks %q: %s", lacks(status.Error), status.Error)
		}
		return err == nil && status.State == "stopped" || c.over()
	})
	if c.over() {
		c.result().failedAtEnd(t, words...)
		return
	}
	testkit.Eventually(t, "/readyz says why", func() bool {
		code, ready := c.get(t, "/readyz")
		if code != http.StatusServiceUnavailable {
			t.Fatalf("/readyz answers %d", code)
		}
		return len(lacks(ready)) == 0
	})
	testkit.Eventually(t, "the log says why", func() bool {
		_, stopped, ok := strings.Cut(c.stderr.String(), "the projector has stopped; ")
		return ok && len(lacks(stopped)) == 0
	})
	for _, user := range users {
		_, err := ask[events.TotalsReply](t.Context(), nc, subjects(t).Query(user, events.QueryTotals), request{})
		if !noAnswer(err) {
			t.Fatalf("user %q is answered %v", user, err)
		}
	}
}

// noAnswer reports whether an error is one of a reddot that takes no queries, or
// took this one before it knew.
func noAnswer(err error) bool {
	return errors.Is(err, nats.ErrNoResponders) || errors.Is(err, errorReply{"503", "unavailable"})
}

// over reports whether the process has ended.
func (c *child) over() bool {
	select {
	case <-c.exited:
		return true
	default:
		return false
	}
}

// result is what a server that has ended left behind.
func (c *child) result() result {
	return result{c.cmd.ProcessState.ExitCode(), c.stdout.String(), c.stderr.String()}
}

// startAt starts a server whose addresses are known before it is ready.
func (p program) startAt(t *testing.T, dir string, args ...string) *child {
	t.Helper()
	listen, http := natstest.Address(t), natstest.Address(t)
	c := p.start(t, dir, nil, append([]string{"--listen", listen, "--http", http}, args...)...)
	c.nats, c.http = "nats://"+listen, http
	return c
}

// flip flips one bit of a file.
func flip(t *testing.T, path string, bit int64) {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	content[bit/8] ^= 1 << (bit % 8)
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
}

// flipAny flips a random bit of a file.
func (s *specimen) flipAny(t *testing.T, path string) {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	bit := s.rng.Int64N(8 * info.Size())
	t.Logf("bit %d of byte %d of %d of %s", bit%8, bit/8, info.Size(), filepath.Base(path))
	flip(t, path, bit)
}

// record is a message in a file of the command stream.
type record struct {
	file          string
	offset        int64 // of its first byte
	size, subject int   // in bytes
	seq           uint64
}

// recordHead is what a record begins with: its size, seq and time and the
// length of the subject, which follows; the payload and a checksum of 8 bytes
// end it.
const recordHead = 22

// records lists the command stream's messages as they are stored, by file.
func records(t *testing.T, dir string) (files [][]record) {
	t.Helper()
	folder := filepath.Join(dir, "nats", "jetstream", "$G", "streams", "UNREAD_COMMANDS", "msgs")
	for no := 1; ; no++ {
		file := filepath.Join(folder, strconv.Itoa(no)+".blk")
		content, err := os.ReadFile(file)
		if errors.Is(err, fs.ErrNotExist) {
			return files
		}
		if err != nil {
			t.Fatal(err)
		}
		var all []record
		for at := 0; at < len(content); {
			r := record{file: file, offset: int64(at), size: int(binary.LittleEndian.Uint32(content[at:])),
				seq: binary.LittleEndian.Uint64(content[at+4:]), subject: int(binary.LittleEndian.Uint16(content[at+20:]))}
			if r.size < recordHead || at+r.size > len(content) {
				t.Fatalf("%s is not a file of messages as this test knows them", file)
			}
			all = append(all, r)
			at += r.size
		}
		files = append(files, all)
	}
}

// bits of a record's fields, to flip.
func (r record) bits() map[string][2]int {
	return map[string][2]int{
		"size":           {22, 31}, // smaller ones may lead to what looks like a far seq
		"has a head":     {31, 32},
		"seq":            {32, 42},
		"far seq":        {32 + 23, 32 + 62},
		"time":           {96, 160},
		"subject length": {160, 163},
		"subject":        {8 * recordHead, 8 * (recordHead + r.subject)},
		"payload":        {8 * (recordHead + r.subject), 8 * (r.size - 8)},
		"checksum":       {8 * (r.size - 8), 8 * r.size},
	}
}

// flipIn flips a random bit of a record's field, in another copy of the file.
func (s *specimen) flipIn(t *testing.T, dir string, r record, field string) {
	t.Helper()
	between := r.bits()[field]
	bit := between[0] + s.rng.IntN(between[1]-between[0])
	file, err := filepath.Rel(s.dir, r.file)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("seq %d: bit %d (%s)", r.seq, bit, field)
	flip(t, filepath.Join(dir, file), 8*r.offset+int64(bit))
}
