package api

import (
	"strings"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/micro"

	"reddot/events"
)

// Headers of requests and replies.
const (
	acceptHeader      = "Accept"
	contentTypeHeader = "Content-Type"
)

// headerRoom is what a reply's headers may take of a message's size, in bytes.
const headerRoom = 512

// call is one request under way, from its arrival to its one answer.
type call struct {
	query    *query
	subject  string
	reply    string // where the answer goes; empty if nobody listens
	body     []byte // until it has been read; the pool's lock guards it
	encoding events.Encoding
	start    time.Time
	waited   atomic.Int64 // ns of the time since start, spent in waiting for after_seq
	answered atomic.Bool
}

// newCall takes what is needed out of a request. The request itself is left
// alone from here on: the micro package reads it, without a lock, when its
// handler returns.
func newCall(q *query, req micro.Request) *call {
	return &call{
		query: q, subject: req.Subject(), reply: req.Reply(), body: req.Data(),
		encoding: accepted(req.Headers()), start: time.Now(),
	}
}

// accepted returns the encoding that a request asks its reply in: the first
// known media type of the Accept headers, JSON if there is none. Header names
// are the same in any case, as in HTTP.
func accepted(headers micro.Headers) events.Encoding {
	for name, values := range headers {
		if !strings.EqualFold(name, acceptHeader) {
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
	m.Header.Set(contentTypeHeader, c.encoding.ContentType())
	return m
}
