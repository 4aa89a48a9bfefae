package pull

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// Stream is a stream that is read. Safe for concurrent use.
type Stream struct {
	js   jetstream.JetStream
	conn *nats.Conn
	api  string // what the subjects of JetStream's requests begin with
	name string
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

// ask makes one request to JetStream.
func (s *Stream) ask(ctx context.Context, what string, request []byte, reply any) error {
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	msg, err := s.conn.RequestWithContext(ctx, s.api+what, request)
	if err != nil {
		return s.Explain(err, what)
	}
	if err := json.Unmarshal(msg.Data, reply); err != nil {
		return fmt.Errorf("the answer to %s: %w", s.api+what, err)
	}
	return nil
}

// PermissionError says that the server does not let this user publish or
// subscribe to a subject.
type PermissionError struct {
	Subscribe bool
	Subject   string
}

func (e *PermissionError) Error() string {
	if e.Subscribe {
		return fmt.Sprintf("the NATS server does not let this user subscribe to %s: permit it", e.Subject)
	}
	return fmt.Sprintf("the NATS server does not let this user publish to %s: permit it", e.Subject)
}

// Unwrap makes it a nats.ErrPermissionViolation.
func (e *PermissionError) Unwrap() error { return nats.ErrPermissionViolation }

// Explain turns the error of a request that got no answer into a
// *PermissionError if the server has said that the request's subject is not
// permitted, or not the inbox for the answer; what is the subject without the
// prefix of JetStream's. The server says so apart from the request; the
// connection remembers the last such word.
func (s *Stream) Explain(err error, what string) error {
	if err == nil || !errors.Is(err, context.DeadlineExceeded) && !errors.Is(err, nats.ErrTimeout) && !errors.Is(err, errSilent) {
		return err
	}
	said := s.conn.LastError()
	if !errors.Is(said, nats.ErrPermissionViolation) {
		return err
	}
	_, quoted, _ := strings.Cut(said.Error(), `"`)
	denied, _, _ := strings.Cut(quoted, `"`)
	inbox := s.conn.NewInbox()
	switch subscribe := strings.Contains(said.Error(), "Subscription to"); {
	case subscribe && strings.HasPrefix(denied, strings.TrimSuffix(inbox, lastToken(inbox))):
		return &PermissionError{Subscribe: true, Subject: denied}
	case !subscribe && denied == s.api+what:
		return &PermissionError{Subject: denied}
	}
	return err
}

func lastToken(subject string) string { return subject[strings.LastIndexByte(subject, '.')+1:] }
