package row

import (
	"encoding/binary"

	"github.com/cespare/xxhash/v2"
)

// Hasher is scratch memory for Hash.
type Hasher struct{ framed []byte }

// Hash is a row's part of the digest: one hash over its key, behind the key's
// length, and its value. Users choose keys, by the ids of messages and peers, and
// xxhash can be inverted: of a hash put together of the key's and the value's,
// some key could make every value look the same. 0 is a hash like any other.
func Hash[B string | []byte](h *Hasher, key, value B) uint64 {
	h.framed = binary.AppendUvarint(h.framed[:0], uint64(len(key)))
	h.framed = append(append(h.framed, key...), value...)
	return xxhash.Sum64(h.framed)
}
