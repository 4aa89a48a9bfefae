package pull

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
)

// PermissionError says that the server does not let this user publish or
// subscribe to a subject, with a wildcard where a name in it is drawn.
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

// deniedEvery is how often it is looked whether a request was denied.
const deniedEvery = 20 * time.Millisecond

// Ask makes a request to JetStream; what is its subject without the prefix that
// they all have. If the server does not permit it, the request ends at once, with
// a *PermissionError, instead of in silence.
func (s *Stream) Ask(ctx context.Context, what string, request func(context.Context) error) error {
	asking, cancel := context.WithCancelCause(ctx)
	said := s.conn.LastError()
	done := make(chan struct{})
	go func() {
		defer close(done)
		tick := time.NewTicker(deniedEvery)
		defer tick.Stop()
		for {
			select {
			case <-asking.Done():
				return
			case <-tick.C:
			}
			if err := s.denied(said, what); err != nil {
				cancel(err)
				return
			}
		}
	}()
	err := request(asking)
	cancel(nil)
	<-done
	var denied *PermissionError
	switch {
	case err == nil:
		return nil
	case errors.As(context.Cause(asking), &denied):
		return denied
	case errors.Is(err, context.DeadlineExceeded) || errors.Is(err, nats.ErrTimeout):
		return s.deaf(err)
	}
	return err
}

// denied is the server's word that a request is not permitted, if it has said so
// since it said something else. It does so apart from the request; the connection
// remembers the last such word.
func (s *Stream) denied(before error, what string) error {
	said := s.conn.LastError()
	if said == before || !errors.Is(said, nats.ErrPermissionViolation) || strings.Contains(said.Error(), subscription) {
		return nil
	}
	subject := s.api + what
	if quoted(said) != subject {
		return nil
	}
	// The name of a consumer is another one each time.
	if of := "." + s.name + "."; strings.HasPrefix(what, "CONSUMER.") {
		subject = s.api + what[:strings.Index(what, of)+len(of)] + ">"
	}
	return &PermissionError{Subject: subject}
}

// subscription is how the server calls what it denies, if that is not to publish.
const subscription = "Subscription to"

// deaf says of a request that got no answer whether that is because inboxes are
// not permitted, which the server said when the first answer was waited for.
func (s *Stream) deaf(err error) error {
	said := s.conn.LastError()
	if !errors.Is(said, nats.ErrPermissionViolation) || !strings.Contains(said.Error(), subscription) {
		return err
	}
	inboxes := withoutLast(s.conn.NewInbox())
	if !strings.HasPrefix(quoted(said), inboxes) {
		return err
	}
	return &PermissionError{Subscribe: true, Subject: inboxes + ">"}
}

// quoted is what stands in an error in quotes.
func quoted(err error) string {
	_, rest, _ := strings.Cut(err.Error(), `"`)
	subject, _, _ := strings.Cut(rest, `"`)
	return subject
}

// withoutLast is a subject without its last token.
func withoutLast(subject string) string { return subject[:strings.LastIndexByte(subject, '.')+1] }
