package pull

import (
	"strconv"
	"strings"
	"time"
)

// ackPrefix begins the reply subject of every message that JetStream delivers.
const ackPrefix = "$JS.ACK."

// place is where a delivered message stands, as its reply subject says.
type place struct {
	seq      uint64 // in the stream
	consumer uint64 // among those that the consumer has delivered, from 1 on
	at       int64  // when the stream took it in, in nanoseconds
	pending  uint64 // how many are behind it
}

// parsePlace reads a reply subject; own is ".<stream>.<consumer>.". It reports
// false for a subject that is not of a message of that consumer.
func parsePlace(reply, own string) (p place, ok bool) {
	if !strings.HasPrefix(reply, ackPrefix) {
		return p, false
	}
	i := strings.Index(reply, own)
	if i < 0 {
		return p, false
	}
	_, rest, _ := strings.Cut(reply[i+len(own):], ".") // how often it was delivered
	var e [4]error
	p.seq, rest, e[0] = number(rest)
	p.consumer, rest, e[1] = number(rest)
	var at uint64
	at, rest, e[2] = number(rest)
	p.at = int64(at)
	p.pending, _, e[3] = number(rest)
	return p, e == [4]error{}
}

// number reads the first token.
func number(s string) (n uint64, rest string, err error) {
	token, rest, _ := strings.Cut(s, ".")
	n, err = strconv.ParseUint(token, 10, 64)
	return n, rest, err
}

// Message is one stored message.
type Message struct {
	Seq     uint64
	At      int64  // when the stream took it in, in nanoseconds since 1970
	Pending uint64 // how many the stream holds behind it
	Subject string
	Header  map[string][]string // nil if there is none, or it can't be read
	Data    []byte
}

// Time is when the stream took the message in.
func (m *Message) Time() time.Time { return time.Unix(0, m.At) }
