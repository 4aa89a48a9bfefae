package api

import (
	"bytes"
	"strings"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"

	"reddot/events"
)

// headerRoom is what a reply's headers may take of a message's size, in bytes.
const headerRoom = 512

// call is one request under way, from its arrival to its one answer.
type call struct {
	*endpoint
	from     string // the request's subject
	user     string // as written there; empty: the request is about none
	reply    string // where the answer goes; empty if nobody listens
	body     []byte // until it has been read; the pool's lock guards it
	encoding events.Encoding
	start    time.Time
	waited   atomic.Int64 // ns of the time since start, spent in waiting for after_seq
	replied  atomic.Bool

	load *load // of the user; from admission on

	// Of a command: turn is closed when the user's command before it was sent,
	// nil if there is none; sent is to be closed when this one was.
	turn, sent chan struct{}
}

// newCall takes what is needed out of a request.
func newCall(e *endpoint, req *nats.Msg) *call {
	c := &call{
		endpoint: e, from: req.Subject, reply: req.Reply, body: req.Data,
		encoding: accepted(req.Header), start: time.Now(),
	}
	if e.lane != operatorLane {
		c.user = userToken(req.Subject)
	}
	// Of a request that is too large no more is kept than shows that.
	if most := e.most(); len(c.body) > most {
		c.body = bytes.Clone(c.body[:most+1])
	}
	return c
}

// most is how many bytes of a request are read.
func (e *endpoint) most() int {
	if e.lane == commandLane {
		return events.MaxPayload
	}
	return events.MaxRequest
}

// userToken is the third token of a subject as in <prefix>.api.<user>.totals.
func userToken(subject string) string {
	parts := strings.SplitN(subject, ".", 4)
	if len(parts) < 3 {
		return ""
	}
	return parts[2]
}

// accepted returns the encoding that a request asks its reply in: the first
// known media type of the Accept headers, JSON if there is none. Header names
// are the same in any case, as in HTTP.
func accepted(headers nats.Header) events.Encoding {
	for name, values := range headers {
		if !strings.EqualFold(name, events.HeaderAccept) {
			continue
		}
		for _, value := range values {
			for part := range strings.SplitSeq(value, ",") {
				media, _, _ := strings.Cut(part, ";")
				switch media = strings.TrimSpace(media); {
				case strings.EqualFold(media, events.Msgpack.ContentType()):
					return events.Msgpack
				case strings.EqualFold(media, events.JSON.ContentType()):
					return events.JSON
				}
			}
		}
	}
	return events.JSON
}

// message is a reply's message, without a body.
func (c *call) message() *nats.Msg {
	m := nats.NewMsg(c.reply)
	m.Header.Set(events.HeaderContentType, c.encoding.ContentType())
	return m
}
