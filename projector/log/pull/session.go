package pull

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
)

// Figures of a consumer.
const (
	// requests are kept at the server. The next one is sent when one is fulfilled,
	// so on a busy machine, where the server takes some ten milliseconds to answer,
	// small ones would be all that is read in that time.
	requests      = 2
	batchMessages = 20_000
	batchBytes    = 8 << 20
	// A request expires, and a silent server is noticed, within seconds.
	expiry    = 5 * time.Second
	heartbeat = 500 * time.Millisecond
	// silence is after how many heartbeats that did not come the server is taken
	// for lost.
	silence = 4

	// maxWaiting is the server's bound of requests; more than are ever sent.
	maxWaiting = 8
	// inactive is after how long the server removes a consumer that its reader has
	// left behind. One that stands still for longer makes a new one.
	inactive = time.Minute
	// removal bounds the wait until a consumer is removed.
	removal = time.Second
)

// Errors that end a session.
var (
	errSilent      = errors.New("the NATS server is silent")
	errReconnected = errors.New("the connection was made anew")
	errMissed      = errors.New("messages were lost on their way")
	errDone        = errors.New("done")
	errTooHasty    = errors.New("the server ends requests before their time")
	errNoRequest   = errors.New("the server has none of the requests any more")
)

// session is one consumer and what it delivers.
type session struct {
	*reading
	ctx      context.Context
	consumer string
	own      string // what its messages' reply subjects have in them
	inbox    string // what the subjects of requests begin with
	batch    int

	alive  atomic.Uint64 // grows with whatever comes
	inside atomic.Bool   // fn is at work
	end    chan error    // has room for the first error

	mu      sync.Mutex
	ended   bool
	last    uint64    // the consumer's count of the last message
	number  int       // of the last request
	pending []request // at the server, the oldest first
	message Message   // the one that is handed over
}

// request is a request at the server.
type request struct {
	subject string
	left    int // messages
	alone   bool
	sent    time.Time
}

// session reads until something ends it.
func (r *reading) session(ctx context.Context) error {
	connected := r.conn.StatusChanged(nats.CONNECTED)
	defer r.conn.RemoveStatusListener(connected)
	s := &session{reading: r, ctx: ctx, inbox: r.conn.NewInbox() + ".", end: make(chan error, 1), batch: batchMessages}
	if r.Batch > 0 {
		s.batch = r.Batch
	}
	connection := r.conn.Stats().Reconnects
	pending, err := s.create(ctx, connected)
	if err != nil {
		return err
	}
	forget := r.add(connection)
	defer func() {
		forget()
		if r.Ended != nil {
			r.Ended()
		}
		s.remove(ctx)
	}()
	if r.Began != nil {
		r.Began(s.consumer)
	}
	if r.Upto != 0 && (pending == 0 || r.next > r.Upto) {
		r.over = ErrEnough
		return errDone
	}
	sub, err := r.conn.Subscribe(s.inbox+"*", s.handle)
	if err != nil {
		return fmt.Errorf("subscribe to an inbox: %w", err)
	}
	defer func() {
		_ = sub.Unsubscribe() // nobody listens any more; a lost connection has none
		s.close()
	}()
	// The requests bound what is under way.
	if err := sub.SetPendingLimits(-1, -1); err != nil {
		return fmt.Errorf("subscribe to an inbox: %w", err)
	}
	said := r.conn.LastError()
	if err := s.begin(); err != nil {
		return err
	}
	return s.watch(ctx, sub, connected, said)
}

// watch waits for the end of a session. said is what the server had said before
// it.
func (s *session) watch(ctx context.Context, sub *nats.Subscription, connected <-chan nats.Status, said error) error {
	tick := time.NewTicker(heartbeat)
	defer tick.Stop()
	seen, missed := s.alive.Load(), 0
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case err := <-s.end:
			return err
		case <-connected: // what was under way is lost
			return errReconnected
		case <-tick.C:
		}
		waiting, _, err := sub.Pending()
		if err != nil {
			return fmt.Errorf("%w: %w", errSilent, err)
		}
		if now := s.alive.Load(); now != seen || s.inside.Load() || waiting > 0 {
			if s.Heard != nil && now != seen {
				s.Heard()
			}
			seen, missed = now, 0
			continue
		}
		if err := s.denied(said, s.nextSubject()); err != nil {
			return err
		}
		if missed++; missed > silence {
			return s.deaf(fmt.Errorf("%w for %v", errSilent, silence*heartbeat))
		}
	}
}

// remove removes the consumer: with an answer when the reading is over, without
// one when the next one begins.
func (s *session) remove(ctx context.Context) {
	if !s.conn.IsConnected() {
		return // the server removes it when it has been inactive
	}
	if s.over == nil && ctx.Err() == nil {
		_ = s.conn.Publish(s.api+s.removes(s.consumer), nil)
		return
	}
	_ = s.Remove(context.WithoutCancel(ctx), s.consumer)
}

func (s *session) nextSubject() string { return "CONSUMER.MSG.NEXT." + s.name + "." + s.consumer }

// begin sends the first requests.
func (s *session) begin() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.fill()
}

// fill sends requests until there are enough at the server.
func (s *session) fill() error {
	want := requests
	if s.batch == 1 {
		want = 1
	}
	for len(s.pending) < want {
		if err := s.request(); err != nil {
			return err
		}
	}
	return nil
}

// request sends one request.
func (s *session) request() error {
	s.number++
	r := request{subject: s.inbox + strconv.Itoa(s.number), left: s.batch, alone: s.alone, sent: time.Now()}
	body := map[string]int64{"batch": int64(s.batch), "max_bytes": int64(cmp.Or(s.Bytes, batchBytes)), "expires": int64(expiry), "idle_heartbeat": int64(heartbeat)}
	if s.alone {
		r.left, s.alone = 1, false
		body["batch"] = 1
		delete(body, "max_bytes")
	}
	data, err := json.Marshal(body)
	if err != nil {
		return err
	}
	if err := s.conn.PublishRequest(s.api+s.nextSubject(), r.subject, data); err != nil {
		return fmt.Errorf("ask for messages: %w", err)
	}
	s.pending = append(s.pending, r)
	return nil
}

// handle takes whatever comes to the inbox. It is called by one goroutine.
func (s *session) handle(msg *nats.Msg) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended {
		return
	}
	s.alive.Add(1)
	var err error
	if p, ok := parsePlace(msg.Reply, s.own); ok {
		err = s.deliver(p, msg)
	} else if msg.Reply == "" {
		err = s.control(msg)
	}
	if err != nil {
		s.ended = true
		s.end <- err
	}
}

// deliver hands one message over.
func (s *session) deliver(p place, msg *nats.Msg) error {
	switch {
	case p.consumer <= s.last:
		return nil // nobody delivers anything twice
	case p.consumer != s.last+1:
		return errMissed
	}
	s.last = p.consumer
	if s.Upto != 0 && p.seq > s.Upto {
		s.over = ErrEnough
		return errDone
	}
	s.inside.Store(true)
	s.message = Message{Seq: p.seq, At: p.at, Pending: p.pending, Subject: msg.Subject, Header: msg.Header, Data: msg.Data}
	err := s.fn(&s.message)
	s.inside.Store(false)
	s.alive.Add(1)
	if err == nil && s.Upto != 0 && (p.seq == s.Upto || p.pending == 0) {
		err = ErrEnough
	}
	if err != nil {
		s.over = err
		return errDone
	}
	s.next = p.seq + 1
	if len(s.pending) == 0 {
		return errNoRequest
	}
	if s.pending[0].left--; s.pending[0].left == 0 {
		s.pending = s.pending[1:]
		return s.fill()
	}
	return nil
}

// tooLarge is the server's description where the next message does not fit into
// what a request asks for.
const tooLarge = "Message Size Exceeds MaxBytes"

// fulfilled is the server's description of a request that has got all its
// messages. The server serves its requests in turn, and the messages don't say
// which one they are for; here they are counted on the oldest. Once a request has
// expired that had been counted out, another one is fulfilled at the server while
// it seems to have some left.
const fulfilled = "Batch Completed"

// control acts on a control message: only what it says of a request that is at
// the server.
func (s *session) control(msg *nats.Msg) error {
	status, description := msg.Header.Get("Status"), msg.Header.Get("Description")
	if status == "100" {
		return nil
	}
	i := 0
	for ; i < len(s.pending) && s.pending[i].subject != msg.Subject; i++ {
	}
	if i == len(s.pending) {
		return nil // one that was fulfilled
	}
	r := s.pending[i]
	s.pending = append(s.pending[:i:i], s.pending[i+1:]...)
	switch {
	case status == "408" && s.Upto != 0:
		return errNoRequest // what was left may be gone: the next session sees
	case status == "408" && time.Since(r.sent) < expiry/2:
		return errTooHasty
	case status == "408":
		return s.fill()
	case status == "409" && description == tooLarge && !r.alone:
		s.alone = true
		return s.fill()
	case status == "409" && description == fulfilled:
		return s.fill()
	case status == "409":
		s.alone = true
	case status == "503":
		description = "nobody listens to this consumer's requests"
	}
	return fmt.Errorf("the server ends the reading: %s %s", status, strings.TrimSpace(description))
}

// close waits for the handler, which is not called any more then.
func (s *session) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ended = true
}
