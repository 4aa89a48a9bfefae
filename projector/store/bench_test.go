package store_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"reddot/events"
	"reddot/projector/fold"
	"reddot/projector/store"
)

// workload draws the traffic of a chat: 60 % C2C messages, 25 % group
// messages, 13 % reads, 1.5 % read-all, 0.5 % revokes, by users and in groups
// (of 3 to 2,000 members) whose activity falls off as in Zipf's law.
type workload struct {
	rng    *rand.Rand
	users  *rand.Zipf
	groups *rand.Zipf
	sizes  []int
	ids    int
}

const benchUsers, benchGroups = 100_000, 5_000

func newWorkload(seed uint64) *workload {
	rng := rand.New(rand.NewPCG(seed, 2))
	w := &workload{rng: rng, users: rand.NewZipf(rng, 1.05, 50, benchUsers-1), groups: rand.NewZipf(rng, 1.05, 20, benchGroups-1)}
	for g := range benchGroups {
		w.sizes = append(w.sizes, 3+int(1997/math.Pow(float64(g+1), 0.7)))
	}
	return w
}

func user(n uint64) string     { return pad("user000000", n*7919%benchUsers) }
func group(n int) string       { return pad("group00000", uint64(n)) }
func (w *workload) id() string { w.ids++; return pad("m000000000", uint64(w.ids)) }

// pad writes a number over the end of a word: drawing commands should cost
// little beside folding them.
func pad(word string, n uint64) string {
	b := []byte(word)
	for i := len(b) - 1; n > 0; i-- {
		b[i] += byte(n % 10)
		n /= 10
	}
	return string(b)
}

// member is the i-th member of a group.
func (w *workload) member(g, i int) string { return user(uint64(g*37 + i*i*11 + i)) }

func (w *workload) join(g int) events.Command {
	c := events.Command{Verb: events.GroupJoin, Inbox: group(g)}
	for i := range w.sizes[g] {
		c.Users = append(c.Users, w.member(g, i))
	}
	return c
}

func (w *workload) next() events.Command {
	me := user(w.users.Uint64())
	peer := user(w.users.Uint64())
	g := int(w.groups.Uint64())
	switch n := w.rng.IntN(1000); {
	case n < 600:
		return events.Command{Verb: events.UserMessage, Inbox: me, From: peer, ID: w.id()}
	case n < 850:
		return events.Command{Verb: events.GroupMessage, Inbox: group(g), From: w.member(g, w.rng.IntN(w.sizes[g])), ID: w.id()}
	case n < 915:
		return events.Command{Verb: events.UserRead, Inbox: me, Conversation: events.ConversationID{Kind: events.C2C, ID: peer}}
	case n < 980:
		return events.Command{
			Verb: events.UserRead, Inbox: w.member(g, w.rng.IntN(w.sizes[g])),
			Conversation: events.ConversationID{Kind: events.Group, ID: group(g)},
		}
	case n < 995:
		return events.Command{Verb: events.UserReadAll, Inbox: me}
	default:
		return events.Command{Verb: events.GroupRevoke, Inbox: group(g), ID: pad("m000000000", uint64(max(1, w.ids-w.rng.IntN(1000))))}
	}
}

// BenchmarkFold folds the workload and commits after each batch: small ones, as
// of a fold that keeps up with much traffic, and those of one that is behind.
// Beside the time it reports what does not depend on what else the machine
// does: the time of all CPUs (Pebble's background work included), rows written,
// and the bytes on disk once all is compacted, per command.
func BenchmarkFold(b *testing.B) {
	for _, batch := range []events.Seq{1024, 4096, 16_384} {
		b.Run(fmt.Sprint("batch=", batch), func(b *testing.B) { benchmarkFold(b, batch) })
	}
}

func benchmarkFold(b *testing.B, batch events.Seq) {
	s, err := store.Open(store.Config{Dir: b.TempDir() + "/store", Identity: identity})
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	w := newWorkload(1)
	seq, rows := events.Seq(0), 0
	var fx fold.Effects
	apply := func(c events.Command) {
		seq++
		e := store.Entry{Seq: seq, Time: events.Time(1700000000000 + seq), Command: c}
		if err := s.Apply(&e, &fx); err != nil {
			b.Fatal(err)
		}
		if seq%batch == 0 {
			n, err := s.Commit()
			if err != nil {
				b.Fatal(err)
			}
			rows += n
		}
	}
	for g := range benchGroups {
		apply(w.join(g))
	}
	rows = 0
	b.ReportAllocs()
	cpu := cpuTime(b)
	for b.Loop() {
		apply(w.next())
	}
	b.ReportMetric(float64(cpuTime(b)-cpu)/float64(b.N), "cpu-ns/op")
	b.ReportMetric(float64(rows)/float64(b.N), "rows/op")
	if err := s.Compact(b.Context()); err != nil {
		b.Fatal(err)
	}
	m, err := s.Metrics()
	if err != nil {
		b.Fatal(err)
	}
	total := m.Total()
	b.ReportMetric(float64(total.TablesSize)/float64(b.N), "disk-B/op")
}

// BenchmarkShards folds the workload in batches of a fold that is behind, by one shard and
// by more. What it takes to draw the commands is not counted.
func BenchmarkShards(b *testing.B) {
	for _, shards := range []int{1, 2, 4} {
		b.Run(fmt.Sprint("shards=", shards), func(b *testing.B) {
			s, err := store.Open(store.Config{Dir: b.TempDir() + "/store", Identity: identity, Shards: shards})
			if err != nil {
				b.Fatal(err)
			}
			defer s.Close()
			w, seq, cpu := newWorkload(1), events.Seq(0), time.Duration(0)
			var fx fold.Effects
			step := func(n int, next func(int) events.Command) {
				batch := make([]store.Entry, n)
				for i := range batch {
					seq++
					batch[i] = store.Entry{Seq: seq, Time: events.Time(1700000000000 + seq), Command: next(i)}
				}
				before := cpuTime(b)
				b.StartTimer()
				defer func() {
					b.StopTimer()
					cpu += cpuTime(b) - before
				}()
				if err := s.ApplyAll(batch, &fx, func(*store.Entry, *fold.Effects) {}); err != nil {
					b.Fatal(err)
				}
				if _, err := s.Commit(); err != nil {
					b.Fatal(err)
				}
			}
			b.StopTimer()
			step(benchGroups, w.join)
			b.ResetTimer()
			cpu = 0
			for left := b.N; left > 0; left -= 16_384 {
				step(min(left, 16_384), func(int) events.Command { return w.next() })
			}
			b.ReportMetric(float64(cpu)/float64(b.N), "cpu-ns/op")
		})
	}
}

// cpuTime is what this process has used of all CPUs.
func cpuTime(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkWorkload draws commands only: what to take off BenchmarkFold.
func BenchmarkWorkload(b *testing.B) {
	w := newWorkload(1)
	b.ReportAllocs()
	for b.Loop() {
		w.next()
	}
}

// BenchmarkCommitOfOne commits single messages, at first and after a group of
// 50,000 was dismissed in one command: a commit costs what it changes, not
// what the largest one before it changed.
func BenchmarkCommitOfOne(b *testing.B) {
	s, err := store.Open(store.Config{Dir: "store", FS: vfs.NewMem(), Identity: identity})
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	seq := events.Seq(0)
	var fx fold.Effects
	do := func(b *testing.B, c events.Command) {
		seq++
		if err := s.Apply(&store.Entry{Seq: seq, Time: events.Time(seq), Command: c}, &fx); err != nil {
			b.Fatal(err)
		}
		if _, err := s.Commit(); err != nil {
			b.Fatal(err)
		}
	}
	messages := func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			do(b, events.Command{Verb: events.UserMessage, Inbox: "a", From: "b", ID: fmt.Sprint("m", seq)})
		}
	}
	b.Run("at first", messages)
	for n := range 5 {
		c := events.Command{Verb: events.GroupJoin, Inbox: "g"}
		for i := range 10_000 {
			c.Users = append(c.Users, fmt.Sprint("user", n, "-", i))
		}
		do(b, c)
	}
	do(b, events.Command{Verb: events.GroupDismiss, Inbox: "g"})
	b.Run("after a large one", messages)
}

// BenchmarkBulk times what one command does to many: the command, or ten of them
// in a row, and then a message to somebody else, each committed by itself.
func BenchmarkBulk(b *testing.B) {
	const size = 100_000
	var crowd []string
	for i := range size {
		crowd = append(crowd, pad("member000000", uint64(i)))
	}
	members := func(verb events.Verb) (all []events.Command) {
		for part := range slices.Chunk(crowd, events.MaxUsers) {
			all = append(all, events.Command{Verb: verb, Inbox: "g", Users: part})
		}
		return all
	}
	var inbox []events.Command
	for i, peer := range crowd {
		inbox = append(inbox, events.Command{Verb: events.UserMessage, Inbox: "erased", From: peer, ID: pad("m000000", uint64(i))})
	}
	for _, bench := range []struct {
		name          string
		before, timed []events.Command
	}{
		{"dismiss/100000", members(events.GroupJoin), []events.Command{{Verb: events.GroupDismiss, Inbox: "g"}}},
		{"erase/100000", inbox, []events.Command{{Verb: events.UserErase, Inbox: "erased"}}},
		{"join/10x10000", nil, members(events.GroupJoin)},
		{"leave/10x10000", members(events.GroupJoin), members(events.GroupLeave)},
	} {
		b.Run(bench.name, func(b *testing.B) {
			for b.Loop() {
				b.StopTimer()
				benchmarkBulk(b, bench.before, append(bench.timed, events.Command{Verb: events.UserMessage, Inbox: "other", From: "b", ID: "m"}))
				b.StartTimer()
			}
		})
	}
}

func benchmarkBulk(b *testing.B, before, timed []events.Command) {
	s, err := store.Open(store.Config{Dir: b.TempDir() + "/store", Identity: identity})
	if err != nil {
		b.Fatal(err)
	}
	var fx fold.Effects
	do := func(c events.Command) {
		seq := s.Position().Applied + 1
		if err := s.Apply(&store.Entry{Seq: seq, Time: events.Time(seq), Command: c}, &fx); err != nil {
			b.Fatal(err)
		}
	}
	commit := func() {
		if _, err := s.Commit(); err != nil {
			b.Fatal(err)
		}
	}
	for i, c := range before {
		if do(c); i%1024 == 1023 {
			commit()
		}
	}
	commit()
	if err := s.Flush(); err != nil {
		b.Fatal(err)
	}
	b.StartTimer()
	for _, c := range timed {
		do(c)
		commit()
	}
	b.StopTimer()
	if err := s.Close(); err != nil {
		b.Fatal(err)
	}
}
