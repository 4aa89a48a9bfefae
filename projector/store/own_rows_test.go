package store_test

import (
	"bytes"
	"runtime/metrics"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"reddot/events"
	"reddot/projector/fold"
	"reddot/projector/store"
	"reddot/projector/store/row"
	"reddot/projector/storetest"
)

const goldenTime = events.Time(1700000000123)

// TestGoldenRows: the rows that are not part of the digest are written and read as
// ever.
func TestGoldenRows(t *testing.T) {
	position := store.Position{
		Applied: 4001, Last: 0x123456789abcdef0, Log: 0x0f1e2d3c4b5a6978, Policies: fold.Policies{Own: events.OwnAdvance, Threads: events.ThreadsApart, Receipts: events.ReceiptsMembers},
		Refused: []uint64{0, 2, 0, 1}, Clock: goldenTime + 1, Ignored: 200, Accepted: []uint64{0, 3000, 7}, Skipped: []events.Seq{17, 3999},
	}.WithRows(0xfedcba9876543210)
	identity := events.StreamID{Name: "UNREAD_COMMANDS", Created: time.Unix(1700000000, 5)}
	emitted := events.Seq(3990)
	rejected := store.Out{Seq: 4000, At: goldenTime, Rejected: &events.Rejected{
		Seq: 4000, At: goldenTime, Subject: "unread.cmd.user.alice.read", Reason: fold.ReasonNotMember,
	}}
	noted := store.Out{Seq: 70000, At: goldenTime, Noted: []fold.Key{inGroup("alice", "team"), withPeer("bob", "alice"), fold.GroupKey("team")}, Threads: []fold.ThreadKey{{Group: "team", Thread: "m1"}}}
	swept := store.Out{Seq: 70001, At: goldenTime, Noted: noted.Noted, Swept: []fold.Departure{{Key: inGroup("bob", "team"), Seq: 4001, At: goldenTime - 1}}}
	golden := func(name string, key, value []byte, want any, decode func(value []byte) (any, error)) {
		t.Helper()
		got, err := decode(storetest.GoldenRow(t, storetest.Row{Name: name, Key: key, Value: value}).Value)
		if d := cmp.Diff(want, got, cmp.AllowUnexported(store.Position{})); d != "" || err != nil {
			t.Errorf("%s reads as another row (- written, + read): %v\n%s", name, err, d)
		}
	}
	golden("meta.position", store.KeyPosition, store.EncodePosition(position), position, func(b []byte) (any, error) { return store.DecodePosition(b) })
	golden("meta.identity", store.KeyIdentity, store.EncodeIdentity(identity), identity, func(b []byte) (any, error) { return store.DecodeIdentity(b) })
	golden("meta.emitted", store.KeyEmitted, row.EncodeNumber(nil, &emitted), &emitted, func(b []byte) (any, error) { return row.DecodeNumber[events.Seq]("", string(b)) })
	for name, o := range map[string]store.Out{"outbox.rejected": rejected, "outbox.noted": noted, "outbox.swept": swept} {
		golden(name, row.AppendOutbox(nil, o.Seq), store.EncodeOut(o), o, func(b []byte) (any, error) { return store.DecodeOut(o.Seq, b) })
	}
}

func withPeer(user, peer string) fold.Key {
	return fold.Key{User: user, ConversationID: events.ConversationID{Kind: events.C2C, ID: peer}}
}

func inGroup(user, group string) fold.Key {
	return fold.Key{User: user, ConversationID: events.ConversationID{Kind: events.Group, ID: group}}
}

// FuzzDecodeOwnRow gives arbitrary bytes to what reads the store's own rows: it takes
// no memory out of proportion, and what it reads, it reads again from what that is
// written as.
func FuzzDecodeOwnRow(f *testing.F) {
	for _, g := range storetest.GoldenRows(f) {
		f.Add(g.Value)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) > 1<<16 {
			return
		}
		before := allocated()
		for name, again := range map[string]func(b []byte) ([]byte, error){
			"position": func(b []byte) ([]byte, error) {
				p, err := store.DecodePosition(b)
				return store.EncodePosition(p), err
			},
			"outbox": func(b []byte) ([]byte, error) {
				o, err := store.DecodeOut(1, b)
				if err != nil {
					return nil, err
				}
				return store.EncodeOut(o), nil
			},
			"identity": func(b []byte) ([]byte, error) {
				id, err := store.DecodeIdentity(b)
				return store.EncodeIdentity(id), err
			},
		} {
			second, err := again(b)
			if err != nil {
				continue
			}
			third, err := again(second)
			if err != nil || !bytes.Equal(second, third) {
				t.Errorf("%s %x is written as %x, and that as %x: %v", name, b, second, third, err)
			}
		}
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
