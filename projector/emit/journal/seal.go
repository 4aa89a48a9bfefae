package journal

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"reddot/events"
)

// Key distinguishes the events of a stream from what others have put there.
type Key struct {
	Secret [32]byte
	// From is the first sequence at which an event bears a seal: those before it
	// were there before the stream had a key.
	From uint64
}

// ErrKey says that the event stream's key can't be used.
var ErrKey = errors.New("the event stream's key can't be used")

// keyFormat names the form of a key in text; the last digit is its version.
const keyFormat = "key1"

// newKey draws a key.
func newKey(from uint64) Key {
	k := Key{From: from}
	rand.Read(k.Secret[:]) // never fails
	return k
}

// String returns the key as the stream's metadata has it.
func (k Key) String() string {
	return fmt.Sprintf("%s %d %s", keyFormat, k.From, base64.RawURLEncoding.EncodeToString(k.Secret[:]))
}

// parseKey reads what String wrote. The error does not show the key.
func parseKey(text string) (k Key, err error) {
	fields := strings.Fields(text)
	if len(fields) > 0 && fields[0] != keyFormat {
		return Key{}, fmt.Errorf("%w: it is of form %q: a newer reddot made it, use that one", ErrKey, fields[0])
	}
	if len(fields) == 3 {
		var secret []byte
		secret, err = base64.RawURLEncoding.Strict().DecodeString(fields[2])
		if err == nil && copy(k.Secret[:], secret) == len(k.Secret) && len(secret) == len(k.Secret) {
			if k.From, err = strconv.ParseUint(fields[1], 10, 64); err == nil {
				return k, nil
			}
		}
	}
	return Key{}, fmt.Errorf("%w: %s in the stream's metadata can't be read: remove it to have a new one made", ErrKey, metadataKey)
}

// unsealed is the key of a stream that has none: an older reddot wrote all that
// is in it.
func unsealed() Key { return Key{From: math.MaxUint64} }

// bound are the headers that a seal covers. What else a message may have says
// nothing that is acted on. Those of further were not known to older reddots: they
// are covered where there is one of them.
var (
	bound   = [...]string{events.HeaderContentType, HeaderWriter, HeaderApplied, HeaderAt, HeaderSum, HeaderBegin, events.HeaderMore}
	further = [...]string{HeaderPart, HeaderEnds}
)

// withFurther is added to the place of a message that has one of further. No
// stream comes to that sequence.
const withFurther = 1 << 63

// sealSize is how many bytes of the HMAC are kept: 128 bits can't be guessed.
const sealSize = 16

// sealer seals events, and finds out what is sealed. It is for one goroutine.
type sealer struct {
	key Key
	mac hash.Hash
	buf []byte
}

// newSealer returns a sealer for the events of a log.
func newSealer(key Key, log string) *sealer {
	derive := hmac.New(sha256.New, key.Secret[:])
	derive.Write([]byte("reddot event 1\x00" + log))
	return &sealer{key: key, mac: hmac.New(sha256.New, derive.Sum(nil))}
}

// seal is what nobody can make who does not have the key: an HMAC of a message
// and of its place in the stream, as the message's id bears it.
func (s *sealer) seal(seq uint64, msg *nats.Msg) string {
	extended := slices.ContainsFunc(further[:], func(name string) bool { return msg.Header.Get(name) != "" })
	if extended {
		seq |= withFurther
	}
	b := binary.BigEndian.AppendUint64(s.buf[:0], seq)
	b = appendField(b, msg.Subject)
	for _, name := range bound {
		b = appendField(b, msg.Header.Get(name))
	}
	if extended {
		for _, name := range further {
			b = appendField(b, msg.Header.Get(name))
		}
	}
	s.mac.Reset()
	s.mac.Write(b)
	s.mac.Write(msg.Data)
	b = s.mac.Sum(b[:0])
	s.buf = b
	return base64.RawURLEncoding.EncodeToString(b[:sealSize])
}

// bind puts a message into a place of the stream: it is taken there or nowhere.
func (s *sealer) bind(seq uint64, msg *nats.Msg) {
	msg.Header.Set(jetstream.ExpectedLastSeqHeader, strconv.FormatUint(seq-1, 10))
	msg.Header.Set(jetstream.MsgIDHeader, s.seal(seq, msg))
}

// appendField appends a text and where it ends.
func appendField(b []byte, text string) []byte {
	b = binary.BigEndian.AppendUint32(b, uint32(len(text)))
	return append(b, text...)
}

// genuine reports whether a writer has put a message at its place. Of one that
// is older than the stream's key, it is as good as its word.
func (s *sealer) genuine(seq uint64, msg *nats.Msg) bool {
	if seq < s.key.From {
		return msg.Header.Get(HeaderWriter) != ""
	}
	id := msg.Header.Get(jetstream.MsgIDHeader)
	return len(id) == base64.RawURLEncoding.EncodedLen(sealSize) && hmac.Equal([]byte(id), []byte(s.seal(seq, msg)))
}
