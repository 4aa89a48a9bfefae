package projector_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"reddot/projector/emit/journal"
	"reddot/projector/testkit"
)

// metadataKey is the key of stored events in the event stream's metadata.
const metadataKey = "reddot-key"

// key is the key of the event stream's events.
func (b *bus) key() string {
	b.t.Helper()
	return b.events().CachedInfo().Config.Metadata[metadataKey]
}

// setKey changes it by hand; empty: removes it.
func (b *bus) setKey(key string) {
	b.t.Helper()
	c := b.events().CachedInfo().Config
	c.Metadata[metadataKey] = key
	if key == "" {
		delete(c.Metadata, metadataKey)
	}
	testkit.Must(b.js.UpdateStream(testkit.Context(b.t), c))(b.t)
}

// older makes the event stream what a reddot has left that knew no seals, and
// stored nothing but events.
func (b *bus) older() {
	b.t.Helper()
	all := b.storedEvents(1)
	c := b.events().CachedInfo().Config
	delete(c.Metadata, metadataKey)
	c.FirstSeq = all[0].seq
	testkit.OK(b.t, b.js.DeleteStream(testkit.Context(b.t), c.Name))
	stream := testkit.Must(b.js.CreateStream(testkit.Context(b.t), c))(b.t)
	for i := range all {
		for i > 0 && b.end() < all[i].seq-1 {
			gap := b.forge(&nats.Msg{Subject: "unread-out.0.gap"})
			testkit.OK(b.t, stream.DeleteMsg(testkit.Context(b.t), gap.Sequence))
		}
		msg := copyOf(&all[i])
		msg.Header.Set(jetstream.MsgIDHeader, fmt.Sprint("writer.", all[i].seq))
		if ack := b.forge(msg); ack.Sequence != all[i].seq {
			b.t.Fatalf("event %d is stored at %d", all[i].seq, ack.Sequence)
		}
	}
}

// TestOlderEvents starts on events that have no seal, as an older reddot has
// stored them, with its store and without one: nothing is emitted again, and none
// is foreign. What is stored without a seal from then on is.
func TestOlderEvents(t *testing.T) {
	for name, dir := range map[string]func(old string) string{
		"with its store":  func(old string) string { return old },
		"without a store": func(string) string { return t.TempDir() },
	} {
		t.Run(name, func(t *testing.T) {
			b := newBus(t)
			a := b.author()
			old := t.TempDir()
			p := b.run(old)
			crowd(a, 100)
			p.settle(a.last())
			p.stop()
			b.older()
			end := b.end()
			p = b.run(dir(old))
			quietAfter(t, b, a, p)
			if n := p.status().Foreign; n != 0 {
				t.Errorf("%d are taken for foreign", n)
			}
			if want := fmt.Sprintf("key1 %d ", end+1); !strings.HasPrefix(b.key(), want) {
				t.Errorf("the key begins with %.10q, not with %q", b.key(), want)
			}
			foreign := map[uint64]bool{b.forge(copyOf(&b.storedEvents(1)[0])).Sequence: true}
			a.message("later", "sender", "m1")
			p.settle(a.flush())
			if n := p.status().Foreign; n != 1 {
				t.Errorf("%d are taken for foreign, not 1", n)
			}
			b.checkTold(a, p, foreign)
		})
	}
}

// TestKeyStays shares one key among all who use an event stream, however many
// come first at the same time, to a new stream or to one without a key. It stays
// as long as the stream.
func TestKeyStays(t *testing.T) {
	for name, before := range map[string]func(*bus){
		"a new stream":         func(*bus) {},
		"a stream without one": func(b *bus) { b.run(t.TempDir()).stop(); b.setKey("") },
	} {
		t.Run(name, func(t *testing.T) {
			b := newBus(t)
			a := b.author()
			before(b)
			first := make([]*process, 4)
			dirs := make([]string, len(first))
			var all sync.WaitGroup
			for i := range first {
				dirs[i] = t.TempDir()
				all.Go(func() { first[i] = b.run(dirs[i]) })
			}
			all.Wait()
			crowd(a, 20)
			for _, p := range first {
				p.settle(a.last())
			}
			key := b.key()
			for i, p := range first {
				if n := p.status().Foreign; n != 0 {
					t.Errorf("%d finds %d foreign messages", i, n)
				}
				p.stop()
			}
			testkit.OK(t, b.events().Purge(t.Context()))
			p := b.run(dirs[0])
			a.message("late", "sender", "m1")
			p.settle(a.flush())
			if now := b.key(); now != key || key == "" {
				t.Error("the key is another one")
			}
		})
	}
}

// TestKeyChanged changes the key under a running projector. It goes on with the
// one that is there.
func TestKeyChanged(t *testing.T) {
	b := newBus(t)
	a := b.author()
	p := b.run(t.TempDir())
	crowd(a, 5)
	p.settle(a.last())
	b.setKey("")
	q := b.run(t.TempDir()) // makes another one
	a.message("late", "sender", "m1")
	p.settle(a.flush())
	q.settle(a.last())
	b.forge(copyOf(&b.storedEvents(1)[0])) // so that it looks
	a.message("later", "sender", "m1")
	p.settle(a.flush())
	q.settle(a.last())
	a.message("last", "sender", "m1")
	p.settle(a.flush())
	q.settle(a.last())
	v := p.view(a.last())
	defer v.Close()
	leads(t, p, q)
}

// TestNewerKey refuses a key that this version can't read, and does not show it.
func TestNewerKey(t *testing.T) {
	b := newBus(t)
	b.run(t.TempDir()).stop()
	for key, says := range map[string]string{
		"key2 1 secret":    `form "key2": a newer reddot made it`,
		"key1 1 secret":    "can't be read: remove it",
		"key1 secret":      "can't be read: remove it",
		b.key() + "secret": "can't be read: remove it",
	} {
		b.setKey(key)
		err := b.refused(t.TempDir())
		testkit.WantError(t, err, journal.ErrKey, says)
		if strings.Contains(err.Error(), "secret") {
			t.Errorf("the error shows the key: %v", err)
		}
	}
}
