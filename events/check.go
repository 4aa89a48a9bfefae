package events

// itemKind is what a msgpack value is, as far as its first bytes say.
type itemKind uint8

const (
	itemInvalid itemKind = iota // the one code that msgpack never uses
	itemShort                   // the bytes end inside the value's head
	itemNil
	itemFalse
	itemTrue
	itemUint     // n is the number; also from a signed code
	itemNegative // an integer below zero
	itemFloat
	itemStr   // n bytes follow
	itemBin   // n bytes follow
	itemExt   // n bytes follow, the type's byte among them
	itemArray // n values follow
	itemMap   // n keys with their values follow
)

// item is a msgpack value's head: the value itself if it is a scalar, else
// how much follows at next.
type item struct {
	kind itemKind
	n    uint64
	next int
}

// codes says for the codes 0xc0 to 0xdf what they begin: the kind, and how
// many big-endian bytes of length or number follow; of the extensions of
// fixed size, n.
var codes = [32]struct {
	kind  itemKind
	width uint8
	n     uint8
}{
	0x00: {kind: itemNil}, 0x02: {kind: itemFalse}, 0x03: {kind: itemTrue},
	0x04: {kind: itemBin, width: 1}, 0x05: {kind: itemBin, width: 2}, 0x06: {kind: itemBin, width: 4},
	0x07: {kind: itemExt, width: 1}, 0x08: {kind: itemExt, width: 2}, 0x09: {kind: itemExt, width: 4},
	0x0a: {kind: itemFloat, width: 4}, 0x0b: {kind: itemFloat, width: 8},
	0x0c: {kind: itemUint, width: 1}, 0x0d: {kind: itemUint, width: 2}, 0x0e: {kind: itemUint, width: 4}, 0x0f: {kind: itemUint, width: 8},
	0x10: {kind: itemNegative, width: 1}, 0x11: {kind: itemNegative, width: 2}, 0x12: {kind: itemNegative, width: 4}, 0x13: {kind: itemNegative, width: 8},
	0x14: {kind: itemExt, n: 1}, 0x15: {kind: itemExt, n: 2}, 0x16: {kind: itemExt, n: 4}, 0x17: {kind: itemExt, n: 8}, 0x18: {kind: itemExt, n: 16},
	0x19: {kind: itemStr, width: 1}, 0x1a: {kind: itemStr, width: 2}, 0x1b: {kind: itemStr, width: 4},
	0x1c: {kind: itemArray, width: 2}, 0x1d: {kind: itemArray, width: 4},
	0x1e: {kind: itemMap, width: 2}, 0x1f: {kind: itemMap, width: 4},
}

// readItem reads the head of the value at b[at:]. It is the only place that
// interprets msgpack codes, so the check and the decoding can't differ.
func readItem(b []byte, at int) item {
	if at >= len(b) {
		return item{kind: itemShort, next: at}
	}
	c := b[at]
	at++
	switch {
	case c < 0x80:
		return item{itemUint, uint64(c), at}
	case c < 0x90:
		return item{itemMap, uint64(c & 0x0f), at}
	case c < 0xa0:
		return item{itemArray, uint64(c & 0x0f), at}
	case c < 0xc0:
		return item{itemStr, uint64(c & 0x1f), at}
	case c >= 0xe0:
		return item{kind: itemNegative, next: at}
	}
	code := &codes[c&0x1f]
	width := int(code.width)
	if width > len(b)-at {
		return item{kind: itemShort, next: at}
	}
	it := item{code.kind, uint64(code.n), at + width}
	for _, x := range b[at:it.next] {
		it.n = it.n<<8 | uint64(x)
	}
	switch it.kind {
	case itemExt:
		it.n++
	case itemNegative: // a signed code: look whether it is
		if it.n>>(8*width-1) == 0 {
			it.kind = itemUint
		}
	}
	return it
}

// allowance is what a msgpack value may hold.
type allowance struct {
	items uint64 // values in one array, keys in one map
	ext   bool   // extensions
}

// checkMsgpack is the pass that makes decoding safe: b is exactly one
// well-formed value, nested at most MaxDepth deep, and every length it
// declares fits into the bytes that remain. It neither recurses nor allocates.
func checkMsgpack(b []byte, allow allowance) error {
	left := [MaxDepth + 1]uint64{1} // values still to come at each depth
	at, depth := 0, 0
	for {
		for left[depth] == 0 {
			if depth == 0 {
				if at != len(b) {
					return invalid(reasonTrailing)
				}
				return nil
			}
			depth--
		}
		left[depth]--
		it := readItem(b, at)
		at = it.next
		switch it.kind {
		case itemInvalid:
			return invalid(reasonMsgpack)
		case itemShort:
			return invalid(reasonShort)
		case itemExt, itemStr, itemBin:
			if it.kind == itemExt && !allow.ext {
				return invalid(reasonExt)
			}
			if it.n > uint64(len(b)-at) {
				return invalid(reasonShort)
			}
			at += int(it.n)
		case itemArray, itemMap:
			if depth == MaxDepth {
				return invalid(reasonDepth)
			}
			values := it.n
			if it.kind == itemMap {
				values *= 2
			}
			if values > uint64(len(b)-at) {
				return invalid(reasonShort)
			}
			if it.n > allow.items {
				return invalid(reasonItems)
			}
			depth++
			left[depth] = values
		}
	}
}

// skipItem returns where the value at b[at:] ends. b has passed checkMsgpack.
func skipItem(b []byte, at int) int {
	for left := uint64(1); left > 0; left-- {
		it := readItem(b, at)
		at = it.next
		switch it.kind {
		case itemExt, itemStr, itemBin:
			at += int(it.n)
		case itemArray:
			left += it.n
		case itemMap:
			left += 2 * it.n
		}
	}
	return at
}
