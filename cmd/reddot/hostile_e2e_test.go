package main_test

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats.go"
	"github.com/vmihailenco/msgpack/v5"

	"reddot/events"
	"reddot/projector/testkit"
	"reddot/projector/twin"
)

// The memory that a server under attack is told to keep to, what it may never
// take, and what the system lets it have, in bytes. A single hostile length
// believed would be above that, and so is the sum of what is sent.
const (
	memoryGoal  = "GOMEMLIMIT=128MiB"
	memoryBound = 256 << 20
	memoryLimit = 512 << 20
)

// hostilePayloads are refused whatever the verb.
func hostilePayloads() map[string]string {
	return map[string]string{
		"array of 4 G":                 "\xdd\xff\xff\xff\xff",
		"map of 4 G":                   "\xdf\xff\xff\xff\xff",
		"array of 4 G in a list":       "\x81\xa5users\xdd\xff\xff\xff\xff",
		"array of 4 G in mentions":     "\x81\xa8mentions\xdd\xff\xff\xff\xff",
		"map of 4 G in an unknown":     "\x81\xa1x\xdf\xff\xff\xff\xff\x01",
		"string of 4 G":                "\x81\xa2id\xdb\xff\xff\xff\xff",
		"bin of 4 G":                   "\x81\xa1x\xc6\xff\xff\xff\xff",
		"extension of 4 G":             "\x81\xa1x\xc9\xff\xff\xff\xff\x05",
		"200 KiB of nesting":           "\x81\xa1x" + strings.Repeat("\x91", 200<<10),
		"200 KiB of nested maps":       strings.Repeat("\x81\xa1x", 66<<10),
		"200 KiB of nested keys":       strings.Repeat("\x81", 200<<10),
		"1 MiB of nesting":             strings.Repeat("\x91", 1<<20),
		"1 MiB of nested maps":         strings.Repeat("\x81\xa1x", 349_525),
		"1 MiB of JSON lists":          `{"x":` + strings.Repeat("[", 1<<20-5),
		"truncated map":                "\x83\xa2id\xa2m1",
		"truncated string":             "\x81\xa2id\xa5ab",
		"truncated number":             "\x81\xa2at\xcf\x00",
		"trailing bytes":               "\x80\x80",
		"nil":                          "\xc0",
		"the unused code":              "\x81\xa1x\xc1",
		"at is NaN":                    "\x81\xa2at\xcb\x7f\xf8\x00\x00\x00\x00\x00\x01",
		"at is NaN, short":             "\x81\xa2at\xca\x7f\xc0\x00\x00",
		"at is infinite":               "\x81\xa2at\xcb\x7f\xf0\x00\x00\x00\x00\x00\x00",
		"at wraps":                     "\x81\xa2at\xcf\xff\xff\xff\xff\xff\xff\xff\xff",
		"name is not UTF-8":            "\x81\xa1\xff\x01",
		"name is a bin":                "\x81\xc4\x02id\xa1x",
		"1 MiB":                        strings.Repeat("\x80", 1<<20),
		"1 MiB of a list":              "\x81\xa5users\xdd\x00\x10\x00\x00" + strings.Repeat("\xc0", 1<<20-16),
		"300 KiB of JSON":              `{"x":"` + strings.Repeat("a", 300<<10) + `"}`,
		"300 KiB of JSON numbers":      `{"x":[` + strings.Repeat("1,", 150<<10) + `1]}`,
		"200 KiB of open JSON lists":   `{"x":` + strings.Repeat("[", 200<<10),
		"200 KiB of JSON lists":        `{"x":` + strings.Repeat("[", 100<<10) + strings.Repeat("]", 100<<10) + `}`,
		"200 KiB of open JSON objects": strings.Repeat(`{"x":`, 40<<10),
		"JSON cut off":                 `{"id":"m`,
		"JSON with NaN":                `{"at":NaN}`,
		"JSON with a large number":     `{"at":1e999,"after_seq":1e999}`,
		"JSON that is not UTF-8":       "{\"x\":\"\xff\xfe\"}",
		"JSON with half a surrogate":   `{"x":"\ud800"}`,
		"JSON with a name twice":       `{"at":1,"at":2}`,
		"JSON list":                    `[]`,
		"text":                         "hello",
		"NUL":                          "\x00",
	}
}

// hostileSubjects are refused whatever the payload.
func hostileSubjects() []string {
	long := strings.Repeat("u", events.MaxID+1)
	return []string{
		"unread.cmd.x", "unread.cmd.user", "unread.cmd.user.alice", "unread.cmd.group.g",
		"unread.cmd.user.alice.frobnicate", "unread.cmd.group.g.read", "unread.cmd.user.alice.join", "unread.cmd.robot.r.message",
		"unread.cmd.user.alice.message.more", "unread.cmd.policy.more", "unread.cmd.user.alice.Message",
		"unread.cmd.user.%.message", "unread.cmd.user.%zz.message", "unread.cmd.user.%2e.message", "unread.cmd.user.a%41.message",
		"unread.cmd.user.%00.message", "unread.cmd.user.%FF.message", "unread.cmd.user.\xff\xfe.message", "unread.cmd.user.\xed\xa0\x80.message",
		"unread.cmd.user.*.message", "unread.cmd.user.>", "unread.cmd.>",
		"unread.cmd.user.a*b.message", "unread.cmd.user.a>b.message", "unread.cmd.user.a\x7fb.message", "unread.cmd.user.a\x01b.message",
		"unread.cmd.user." + long + ".message", "unread.cmd.group." + strings.Repeat("%2E", events.MaxID+1) + ".dismiss",
		"unread.cmd." + strings.Repeat("a.", 1000) + "z",
	}
}

// hostileRounds is how often everything hostile is sent.
const hostileRounds = 3

// testHostile stores what no decoder likes and asks what no service likes. The
// server refuses each, says so, answers on within its memory, and comes to the
// same state again from the log alone.
func testHostile(t *testing.T, p program) {
	dir := t.TempDir()
	c := p.limited("-d", memoryLimit>>10).start(t, dir, []string{memoryGoal}, "--snapshots", "off")
	c.ready(t)
	nc := connect(t, c.nats)
	heard := listen(t, nc)
	rng := testkit.Rand(t)

	var refused []events.Seq
	var peaks []int
	for range hostileRounds {
		refused = append(refused, c.attack(t, nc)...)
		c.attackQueries(t, nc, rng)
		settled(t, nc, 0)
		peaks = append(peaks, c.peak(t))
	}
	last := publish(t, nc, "unread.cmd.user.alice.message", goodMessage(t))
	status := settled(t, nc, last)
	if status.Refused != uint64(len(refused)) || status.State != "live" || status.Rebuild != nil {
		t.Errorf("status %+v, want %d refused", status, len(refused))
	}
	if diff := cmp.Diff(refused, heard.take(t, nil).refused); diff != "" {
		t.Errorf("told as refused (-want +got):\n%s", diff)
	}
	good := uint64(len(hostilePayloads()) + 1)
	if got := told[events.TotalsReply](t, nc, "unread.api.alice.totals", request{}); got.Totals.Unread != good {
		t.Errorf("totals %+v, want %d unread", got, good)
	}
	last = c.mutate(t, nc, rng)
	status = settled(t, nc, last)
	peaks = append(peaks, c.peak(t))
	checkMemory(t, peaks)
	c.terminate(t)
	again := p.rebuild(t, dir, status)
	h := replay(t, again)
	storedMail(t, again, 1).compare(t, h, h.compare(t, again))
}

// attack stores everything hostile, and returns the seqs of what is to be
// refused.
func (c *child) attack(t *testing.T, nc *nats.Conn) (refused []events.Seq) {
	t.Helper()
	for name, payload := range hostilePayloads() {
		for _, subject := range []string{"unread.cmd.user.alice.message", "unread.cmd.group.g.join", "unread.cmd.policy"} {
			refused = append(refused, store(t, nc, name, subject, payload))
		}
		publish(t, nc, "unread.cmd.user.alice.message", fmt.Sprintf(`{"id":%q,"from":"bob"}`, name)) // a good one between them
	}
	for _, subject := range hostileSubjects() {
		refused = append(refused, store(t, nc, subject, subject, `{"id":"m1","from":"bob"}`))
	}
	return append(refused, store(t, nc, "too many users", "unread.cmd.group.g.join", users(t, 0, events.MaxUsers+1)),
		store(t, nc, "too many mentions", "unread.cmd.group.g.message",
			`{"id":"m","from":"bob","mentions":["a"`+strings.Repeat(`,"a"`, events.MaxMentions)+`]}`))
}

// store stores a command that is to be refused.
func store(t *testing.T, nc *nats.Conn, name, subject, payload string) events.Seq {
	t.Helper()
	ack, err := jetStream(t, nc).Publish(t.Context(), subject, []byte(payload))
	if err != nil {
		t.Fatalf("store %q: %v", name, err)
	}
	return events.Seq(ack.Sequence)
}

// goodMessage has odd values where they are allowed.
func goodMessage(t *testing.T) string {
	t.Helper()
	payload, err := msgpack.Marshal(map[string]any{"id": "good", "from": "bob", "x": []any{1.5, nil, map[string]any{"y": "\xff"}}})
	if err != nil {
		t.Fatal(err)
	}
	return string(payload)
}

// queries are the subjects of everything that can be asked of a user.
func queries(user string) []string {
	var all []string
	for _, name := range []string{"totals", "conversations", "conversation", "explain", "receipt", "watch"} {
		all = append(all, "unread.api."+user+"."+name)
	}
	return all
}

// attackQueries sends the same bytes as requests, and random changes of good
// requests. Each is answered.
func (c *child) attackQueries(t *testing.T, nc *nats.Conn, rng *rand.Rand) {
	t.Helper()
	tasks := []string{"unread.api.status", "unread.api.rebuild", "unread.api.snapshot"}
	for name, payload := range hostilePayloads() {
		for _, subject := range append(queries("alice"), tasks...) {
			m, err := nc.Request(subject, []byte(payload), waitTimeout)
			if err != nil {
				t.Fatalf("%s to %s: %v", name, subject, err)
			}
			if code := m.Header.Get("Nats-Service-Error-Code"); code != "400" {
				t.Errorf("%s to %s is answered %q %s", name, subject, code, m.Data)
			}
		}
	}
	const good = `{"conversation":"c2c_bob","peer":"bob","limit":5,"after":"x","after_seq":1,"timeout_ms":1,"kind":"c2c","unread_only":true}`
	for range 200 {
		payload := mutated(rng, []byte(good))
		for _, subject := range append(queries("alice"), "unread.api.status") {
			if _, err := nc.Request(subject, payload, waitTimeout); err != nil {
				t.Fatalf("%q to %s: %v", payload, subject, err)
			}
		}
	}
	for _, user := range []string{"%", "%zz", "\xff", strings.Repeat("u", events.MaxID+1), "a%41"} {
		for _, subject := range queries(user) {
			m, err := nc.Request(subject, nil, waitTimeout)
			if err != nil || m.Header.Get("Nats-Service-Error-Code") != "400" {
				t.Errorf("%q: %v, %+v", subject, err, m)
			}
		}
	}
	for _, subject := range []string{"unread.api.alice.nothing", "unread.api.alice", "unread.api.a.b.totals"} {
		if _, err := nc.Request(subject, nil, waitTimeout); !errors.Is(err, nats.ErrNoResponders) {
			t.Errorf("%s: %v", subject, err)
		}
	}
}

// mutated changes bytes of a payload: some are flipped, doubled, cut out or
// made the head of something large.
func mutated(rng *rand.Rand, payload []byte) []byte {
	heads := []string{"\xdd\xff\xff\xff\xff", "\xdf\xff\xff\xff\xff", "\xdb\x7f\xff\xff\xff", "\xcf\xff\xff\xff\xff\xff\xff\xff\xff", "\xc1", "\xff\xfe", "[[[[", `"`, "\x00"}
	for range 1 + rng.IntN(3) {
		if len(payload) == 0 {
			break
		}
		at := rng.IntN(len(payload))
		end := min(len(payload), at+1+rng.IntN(8))
		switch rng.IntN(4) {
		case 0:
			payload = slices.Clone(payload)
			payload[at] ^= 1 << rng.IntN(8)
		case 1:
			payload = slices.Concat(payload[:end], payload[at:])
		case 2:
			payload = slices.Concat(payload[:at], payload[end:])
		case 3:
			payload = slices.Concat(payload[:at], []byte(heads[rng.IntN(len(heads))]), payload[end:])
		}
	}
	return payload
}

// mutate stores random changes of good commands, good ones between them, and
// returns the last seq.
func (c *child) mutate(t *testing.T, nc *nats.Conn, rng *rand.Rand) (last events.Seq) {
	t.Helper()
	const commands = 3_000
	g, s := twin.NewGenerator(rng.Uint64(), twin.Config{}), subjects(t)
	var command events.Command
	for n := range commands {
		g.Next(&command)
		encode := events.EncodeJSON
		if n%2 == 0 {
			encode = events.Encode
		}
		payload, err := encode(&command)
		if err != nil {
			t.Fatal(err)
		}
		if n%3 > 0 {
			payload = mutated(rng, payload)
		}
		last = store(t, nc, "a changed command", s.Command(events.Target{Verb: command.Verb, Inbox: command.Inbox}), string(payload))
	}
	return last
}

// peak is the most memory that the process ever had, in bytes; 0 where the
// system does not tell.
func (c *child) peak(t *testing.T) int {
	t.Helper()
	status, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(c.cmd.Process.Pid), "status"))
	if errors.Is(err, fs.ErrNotExist) {
		return 0
	}
	if err != nil {
		t.Fatal(err)
	}
	peak := regexp.MustCompile(`VmHWM:\s+(\d+) kB`).FindSubmatch(status)
	if peak == nil {
		t.Fatalf("no peak of memory in %s", bytes.TrimSpace(status))
	}
	kib, err := strconv.Atoi(string(peak[1]))
	if err != nil {
		t.Fatal(err)
	}
	return kib << 10
}

// checkMemory checks that what was hostile took little memory, however much of
// it there was.
func checkMemory(t *testing.T, peaks []int) {
	t.Helper()
	t.Logf("at most %d bytes of memory", peaks)
	if last := peaks[len(peaks)-1]; last > memoryBound {
		t.Errorf("the server took %d bytes of memory, more than %d", last, memoryBound)
	}
}
