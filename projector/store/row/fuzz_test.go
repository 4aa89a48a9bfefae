package row_test

import (
	"bytes"
	"math/rand/v2"
	"runtime/metrics"
	"testing"

	"reddot/projector/fold"
	"reddot/projector/store/row"
)

// decoding is one decode function. It returns the row encoded again, if the
// row could be read.
type decoding struct {
	name  string
	again func(b []byte) ([]byte, error)
}

func decodingOf[R any](name string, c codec[R], key []byte) decoding {
	return decoding{name, func(b []byte) ([]byte, error) {
		r, err := c.decode(string(key), string(b))
		if err != nil {
			return nil, err
		}
		return c.encode(nil, r), nil
	}}
}

// messagesDecoding reads the messages of a page.
func messagesDecoding(name string, log fold.Key) decoding {
	return decoding{name, func(b []byte) (again []byte, err error) {
		p, err := row.DecodePage("", string(b))
		if err != nil {
			return nil, err
		}
		messages, err := p.Messages(log, 1)
		if err != nil {
			return nil, err
		}
		written := row.Page{Base: p.Base}
		for i := range messages {
			written.Records += string(row.AppendRecord(nil, log, &messages[i]))
		}
		return row.EncodePage(nil, &written), nil
	}}
}

// decodings are all functions that read stored bytes.
func decodings() []decoding {
	alice, team := c2cKey("alice", "bob@example.com"), groupKey("alice", "team")
	return []decoding{
		decodingOf("conversation", conversationRows, row.AppendConversation(nil, alice)),
		decodingOf("member's conversation", conversationRows, row.AppendConversation(nil, team)),
		decodingOf("group", groupRows, row.AppendGroup(nil, "team")),
		decodingOf("user", userRows, nil), decodingOf("member", memberRows, nil), decodingOf("piece", pieceRows, nil),
		decodingOf("wanted", wantedRows, nil), decodingOf("counts", countsRows, nil), decodingOf("index", indexRows, nil),
		decodingOf("page", pageRows, nil), decodingOf("block", blockRows, nil), decodingOf("chunk", chunkRows, nil),
		decodingOf("sweep", sweepRows, row.AppendSweep(nil, 7)), decodingOf("progress", progressRows, nil),
		decodingOf("directory", directoryRows, nil), decodingOf("pending read", pendingRows, nil),
		messagesDecoding("C2C messages", alice), messagesDecoding("a group's messages", fold.GroupKey("team")),
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
		f.Add(row.EncodeConversation(nil, d.conversation(c2cKey("alice", "bob@example.com"))))
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
		// A page has 16 messages, a message a few hundred bytes of its own;
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
