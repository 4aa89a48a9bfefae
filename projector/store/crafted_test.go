package store_test

import (
	"encoding/binary"
	"fmt"
	"math/bits"
	"testing"

	"github.com/cespare/xxhash/v2"

	"reddot/events"
	"reddot/projector/fold"
	"reddot/projector/view"
)

// The primes of xxhash64.
const (
	prime1 = 11400714785074694791
	prime2 = 14029467366897019727
	prime3 = 1609587929392839161
	prime4 = 9650029242287828579
	prime5 = 2870177450012600261
)

// inverse is that of an odd number modulo 2^64.
func inverse(n uint64) uint64 {
	x := n
	for range 6 {
		x *= 2 - n*x
	}
	return x
}

// inverted returns the eight bytes that give what stands before and after them
// a hash. All of it is shorter than 32 bytes, before is a multiple of 8 and after
// shorter than 4.
func inverted(before, after []byte, hash uint64) (lane [8]byte) {
	h := hash // undo the end
	h ^= h >> 32
	h *= inverse(prime3)
	h ^= h>>29 ^ h>>58
	h *= inverse(prime2)
	h ^= h >> 33
	for i := len(after) - 1; i >= 0; i-- {
		h = bits.RotateLeft64(h*inverse(prime1), -11) ^ uint64(after[i])*prime5
	}
	state := uint64(prime5) + uint64(len(before)+8+len(after))
	for b := before; len(b) > 0; b = b[8:] {
		state ^= bits.RotateLeft64(binary.LittleEndian.Uint64(b)*prime2, 31) * prime1
		state = bits.RotateLeft64(state, 27)*prime1 + prime4
	}
	h = bits.RotateLeft64((h-prime4)*inverse(prime1), -27) ^ state
	h = bits.RotateLeft64(h*inverse(prime1), -31) * inverse(prime2)
	binary.LittleEndian.PutUint64(lane[:], h)
	return lane
}

// crafted draws an id that anybody may have, digits and then printable bytes,
// with which what stands around it hashes to a number.
func crafted(t *testing.T, before string, after []byte, digits int, hash uint64) string {
	t.Helper()
	for n := range 1_000_000 {
		id := fmt.Sprintf("%0*d", digits, n)
		lane := inverted([]byte(before+id), after, hash)
		printable := true
		for _, c := range lane {
			printable = printable && c > ' ' && c < 0x7f
		}
		if !printable {
			continue
		}
		id += string(lane[:])
		if got := xxhash.Sum64(append([]byte(before+id), after...)); got != hash {
			t.Fatalf("%q hashes to %x, not to %x", before+id, got, hash)
		}
		return id
	}
	t.Fatal("no id found")
	return ""
}

// spokenFor are hashes of keys that must mean nothing: 0, and what a key is
// combined with if its hash and its value's are multiplied.
var spokenFor = []uint64{0, 0x9e3779b97f4a7c15}

// TestCraftedPeer: messages count whatever the peer's id hashes to, and the
// digest distinguishes them, in however many commits they came.
func TestCraftedPeer(t *testing.T) {
	for _, hash := range spokenFor {
		peer := crafted(t, "calice\x00c", nil, 8, hash)
		k := fold.Key{User: "alice", ConversationID: events.ConversationID{Kind: events.C2C, ID: peer}}
		digests := map[events.Digest]int{}
		for _, every := range []int{1, 5} {
			r := newRig(t, 0)
			for n := range 5 {
				r.do(events.Command{Verb: events.UserMessage, Inbox: k.User, From: peer, ID: fmt.Sprint("m", n)})
				if n%every == every-1 {
					before := r.store.Position().Digest()
					r.commit()
					r.checkDigest()
					if r.store.Position().Digest() == before {
						t.Errorf("peer %q: a message leaves the digest as it was", peer)
					}
				}
			}
			r.commit()
			var c events.Conversation
			if err := reading(func(rows fold.Reader) { c, _ = view.Conversation(rows, k) })(r.store); err != nil || c.Unread != 5 {
				t.Errorf("peer %q, a commit every %d messages: unread %d of 5, %v", peer, every, c.Unread, err)
			}
			r.verify()
			digests[r.store.Position().Digest()] = every
		}
		if len(digests) != 1 {
			t.Errorf("peer %q: other digests with other commits: %x", peer, digests)
		}
	}
}

// TestCraftedMessage: rule once holds for a message whatever its id hashes to.
func TestCraftedMessage(t *testing.T) {
	for _, hash := range spokenFor {
		id := crafted(t, "icalice\x00bob\x00", nil, 4, hash)
		r := newRig(t, 0)
		send := func(id string) {
			r.do(events.Command{Verb: events.UserMessage, Inbox: "alice", From: "bob", ID: id})
			r.commit()
		}
		send(id)
		for n := range 2 * fold.PageSize {
			send(fmt.Sprint("m", n))
		}
		if send(id); !r.fx.Ignored {
			t.Errorf("message %q counts twice", id)
		}
		r.verify()
	}
}

// TestRowWithHashZero: a row is there whatever its own part of the digest is.
func TestRowWithHashZero(t *testing.T) {
	const digits = 4
	key := len("ng\x00") + digits + 8
	user := crafted(t, string(rune(key))+"ng\x00", []byte{2}, digits, 0)
	r := newRig(t, 0)
	for _, verb := range []events.Verb{events.GroupJoin, events.GroupLeave, events.GroupJoin, events.GroupJoin, events.GroupLeave} {
		r.do(events.Command{Verb: verb, Inbox: "g", Users: []string{user}})
		r.commit()
		r.checkDigest()
		r.verify()
	}
	rows := 0
	eachRow(t, r.store.DB(), func(key, _ []byte) {
		if key[0] == 'n' {
			rows++
		}
	})
	if rows != 0 {
		t.Errorf("%d memberships are left of %q, who has left", rows, user)
	}
}
