package pull

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// Stream is a stream that is read. Safe for concurrent use.
type Stream struct {
	js        jetstream.JetStream
	conn      *nats.Conn
	api       string // what the subjects of JetStream's requests begin with
	name      string
	consumers consumers
}

// New returns a stream of that name, and asks nobody.
func New(js jetstream.JetStream, name string) *Stream {
	options := js.Options()
	api := jetstream.DefaultAPIPrefix
	switch {
	case options.Domain != "":
		api = "$JS." + options.Domain + ".API."
	case options.APIPrefix != "":
		api = strings.TrimSuffix(options.APIPrefix, ".") + "."
	}
	return &Stream{js: js, conn: js.Conn(), api: api, name: name}
}

// askTimeout bounds a request of whose context says nothing.
const askTimeout = 5 * time.Second

// codeNoStream and codeNoMessage are JetStream's codes for what is not there.
const (
	codeNoStream  = 10059
	codeNoMessage = 10037
)

// Get reads one message, past any cache: jetstream.ErrMsgNotFound if it is not
// there or can't be read. A header block that can't be read is left out.
//
// The library's own reading asks any replica where the stream allows it
// (allow_direct), and then decides by headers as well.
func (s *Stream) Get(ctx context.Context, seq uint64) (*jetstream.RawStreamMsg, error) {
	request, err := json.Marshal(map[string]uint64{"seq": seq})
	if err != nil {
		return nil, err
	}
	var reply struct {
		Error   *jetstream.APIError `json:"error"`
		Message *struct {
			Subject string    `json:"subject"`
			Seq     uint64    `json:"seq"`
			Header  []byte    `json:"hdrs"`
			Data    []byte    `json:"data"`
			Time    time.Time `json:"time"`
		} `json:"message"`
	}
	if err := s.ask(ctx, "STREAM.MSG.GET."+s.name, request, &reply); err != nil {
		return nil, err
	}
	switch {
	case reply.Error != nil && reply.Error.ErrorCode == codeNoMessage:
		return nil, jetstream.ErrMsgNotFound
	case reply.Error != nil && reply.Error.ErrorCode == codeNoStream:
		return nil, jetstream.ErrStreamNotFound
	case reply.Error != nil:
		return nil, reply.Error
	case reply.Message == nil:
		return nil, fmt.Errorf("read message %d of %s: the server's answer has none", seq, s.name)
	}
	m := reply.Message
	raw := &jetstream.RawStreamMsg{Subject: m.Subject, Sequence: m.Seq, Data: m.Data, Time: m.Time}
	if header, err := nats.DecodeHeadersMsg(m.Header); err == nil {
		raw.Header = header
	}
	return raw, nil
}

// Remove removes a consumer that a reading has left behind which did not come to
// its end.
func (s *Stream) Remove(ctx context.Context, consumer string) error {
	ctx, cancel := context.WithTimeout(ctx, removal)
	defer cancel()
	return s.ask(ctx, s.removes(consumer), nil, new(struct{}))
}

// removes is the request that removes a consumer.
func (s *Stream) removes(consumer string) string {
	return "CONSUMER.DELETE." + s.name + "." + consumer
}

// ask makes one request to JetStream.
func (s *Stream) ask(ctx context.Context, what string, request []byte, reply any) error {
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	var msg *nats.Msg
	err := s.Ask(ctx, what, func(ctx context.Context) (err error) {
		msg, err = s.conn.RequestWithContext(ctx, s.api+what, request)
		return err
	})
	if err != nil {
		return err
	}
	if err := json.Unmarshal(msg.Data, reply); err != nil {
		return fmt.Errorf("the answer to %s: %w", s.api+what, err)
	}
	return nil
}
