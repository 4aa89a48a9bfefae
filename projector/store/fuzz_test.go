package store

import (
	"bytes"
	"math/rand/v2"
	"runtime/metrics"
	"testing"

	"reddot/projector/fold"
)

// decoding is one decode function. It returns the row encoded again, if the
// row could be read.
type decoding struct {
	name  string
	again func(b []byte) ([]byte, error)
}

func decodingOf[K comparable, R any](name string, c codec[K, R]) decoding {
	return decoding{name, func(b []byte) ([]byte, error) {
		row, err := c.decode(b)
		if err != nil {
			return nil, err
		}
		return c.encode(nil, row), nil
	}}
}

func pageDecoding(name string, log fold.Key) decoding {
	return decoding{name, func(b []byte) (again []byte, err error) {
		messages, err := readPage(b, pageKey{log: log})
		if err != nil {
			return nil, err
		}
		if len(messages) == 0 {
			return b, nil
		}
		for i := range messages {
			again = appendRecord(again, log, &messages[i], i == 0)
		}
		return again, nil
	}}
}

// decodings are all functions that read stored bytes.
func decodings() []decoding {
	return []decoding{
		decodingOf("conversation", conversationRows), decodingOf("group", groupRows), decodingOf("user", userRows),
		decodingOf("member", memberRows), decodingOf("index", indexRows), decodingOf("block", blockRows),
		decodingOf("bucket", bucketRows), decodingOf("directory", directoryRows), decodingOf("waiter", waiterRows),
		pageDecoding("C2C page", c2cKey("alice", "bob")), pageDecoding("group's page", fold.GroupKey("team")),
		{"position", func(b []byte) ([]byte, error) {
			p, err := decodePosition(b)
			return p.encode(), err
		}},
		{"outbox", func(b []byte) ([]byte, error) {
			o, err := decodeOut(1, b)
			if err != nil {
				return nil, err
			}
			return o.encode(), nil
		}},
	}
}

// FuzzDecodeRow gives arbitrary bytes to every decode function: none panics or
// takes memory out of proportion, and what it reads, it reads again from what
// that is written as.
func FuzzDecodeRow(f *testing.F) {
	for _, g := range goldenRows() {
		f.Add(g.value)
	}
	d := dice{rand.New(rand.NewPCG(1, 3))}
	for range 50 {
		f.Add(encodeConversation(nil, d.conversation()))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) > 1<<16 {
			return
		}
		before := allocated()
		for _, d := range decodings() {
			again, err := d.again(b)
			if err != nil {
				continue
			}
			third, err := d.again(again)
			if err != nil || !bytes.Equal(again, third) {
				t.Errorf("%s %x is written as %x, and that as %x: %v", d.name, b, again, third, err)
			}
		}
		// A page has 64 messages, a message a few hundred bytes of its own;
		// the rest grows with the bytes.
		if n := allocated() - before; n > 1<<20+200*uint64(len(b)) {
			t.Errorf("%d bytes allocated to read %d", n, len(b))
		}
	})
}

// allocated is how many bytes the process has allocated.
func allocated() uint64 {
	s := []metrics.Sample{{Name: "/gc/heap/allocs:bytes"}}
	metrics.Read(s)
	return s[0].Value.Uint64()
}
