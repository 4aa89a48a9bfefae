package rest

import (
	"fmt"
	"net/http"
	"time"

	"reddot/api/stream"
	"reddot/events"
)

// streamParams are those of a user's stream, and of a poll.
var streamParams = []string{"user", "cursor", "receipts", "watch", "view", "after_seq", "timeout_ms"}

// events answers GET /v1/events.
func (s *Server) events(x *Exchange) error {
	q, err := x.streamRequest(streamParams...)
	if err != nil {
		return err
	}
	if id := x.Request.Header.Get("Last-Event-ID"); id != "" {
		q.Cursor = id
	}
	if err := s.AdmitStream(x, q.User); err != nil {
		return err
	}
	live, err := s.live()
	if err != nil {
		return err
	}
	if x.Request.Method == http.MethodHead {
		stream.Head(x.Writer)
		return nil
	}
	return live.Streams().ServeEvents(x.Writer, x.Request, q)
}

// StreamsReply answers GET /v1/streams.
type StreamsReply struct {
	Transports map[stream.Transport]int `json:"transports"` // how many there are here
	User       string                   `json:"user,omitempty"`
	Streams    []stream.Open            `json:"streams,omitzero"` // of the user, the oldest first
}

// listStreams answers GET /v1/streams: what is open on this instance.
func (s *Server) listStreams(x *Exchange) error {
	if err := only(x.Query, "user"); err != nil {
		return err
	}
	asked, err := one(x.Query, "user")
	if err != nil {
		return err
	}
	var reply StreamsReply
	if asked != nil {
		if reply.User, err = x.user(asked); err != nil {
			return err
		}
	}
	live, err := s.live()
	if err != nil {
		return err
	}
	reply.Transports = live.Streams().Streams()
	if asked != nil {
		reply.Streams = live.Streams().Of(reply.User)
	}
	return x.reply(reply)
}

// changes answers GET /v1/changes.
func (s *Server) changes(x *Exchange) error {
	q, err := x.streamRequest(append(streamParams, "wait")...)
	if err != nil {
		return err
	}
	q.Wait = defaultPoll
	given, err := one(x.Query, "wait")
	if err != nil {
		return err
	}
	if given != nil {
		n, err := parseNumber("wait", *given)
		if err != nil {
			return err
		}
		if n > uint64(stream.MaxWait/time.Second) {
			return Fail(BadRequest, fmt.Sprintf("wait: want 0 to %d seconds, got %d", stream.MaxWait/time.Second, n))
		}
		q.Wait = time.Duration(n) * time.Second
	}
	if err := s.admitQuery(x, q.User); err != nil {
		return err
	}
	live, err := s.live()
	if err != nil {
		return err
	}
	return live.Streams().ServeChanges(x.Writer, x.Request, q)
}

// defaultPoll is how long a poll waits that does not say it.
const defaultPoll = 25 * time.Second

// streamRequest reads the parameters that streams and polls have.
func (x *Exchange) streamRequest(names ...string) (q stream.Request, err error) {
	if err := only(x.Query, names...); err != nil {
		return q, err
	}
	asked, err := one(x.Query, "user")
	if err != nil {
		return q, err
	}
	if q.User, err = x.user(asked); err != nil {
		return q, err
	}
	cursor, err := one(x.Query, "cursor")
	if err != nil {
		return q, err
	}
	if cursor != nil {
		q.Cursor = *cursor
	}
	q.Watch = true
	for name, to := range map[string]*bool{"receipts": &q.Receipts, "watch": &q.Watch} {
		given, err := one(x.Query, name)
		if err != nil {
			return q, err
		}
		if given != nil {
			if *to, err = parseFlag(name, *given); err != nil {
				return q, err
			}
		}
	}
	view, err := one(x.Query, "view")
	switch {
	case err != nil:
		return q, err
	case view == nil || *view == "full":
	case *view == "totals":
		q.Totals = true
	default:
		return q, Fail(BadRequest, "view: want full or totals, got "+quoted(*view))
	}
	wait, err := x.wait()
	if err != nil {
		return q, err
	}
	q.After, q.Timeout = wait.Awaits()
	q.Key, q.Expires = x.Who.Name, x.Who.Expires
	return q, nil
}

// wait reads what every query may wait for.
func (x *Exchange) wait() (w events.Wait, err error) {
	for name, to := range map[string]func(uint64){
		"after_seq":  func(n uint64) { w.AfterSeq = events.Seq(n) },
		"timeout_ms": func(n uint64) { w.TimeoutMS = &n },
	} {
		given, err := one(x.Query, name)
		if err != nil {
			return w, err
		}
		if given == nil {
			continue
		}
		n, err := parseNumber(name, *given)
		if err != nil {
			return w, err
		}
		to(n)
	}
	return w, w.Validate()
}
