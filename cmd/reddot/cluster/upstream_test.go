package cluster_test

import (
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// upgraded says what to do when nats-server has changed.
const upgraded = `
A message whose header Nats-Expected-Last-Msg-Id does not hold stops a replicated
stream no longer with this nats-server (%s). So:
  - take the warning, and what it says about untrusted publishers, out of the page
    "On a cluster", api/docs/cluster.md, or name the versions that it is still true for;
  - keep this test, turned around, as long as older servers are supported.
What happened: %s`

// stopBound is how long it may take until a stream is known to be stopped, or not.
const stopBound = 25 * time.Second

// TestExpectedLastMsgIDStopsReplicas shows what the pinned nats-server does with
// one message whose header Nats-Expected-Last-Msg-Id does not hold: it refuses the
// message and stops a replicated stream, on all its servers, for good. That is why
// no untrusted client may publish to one. A stream on one server goes on, and so
// does a replicated one after a Nats-Expected-Last-Sequence that does not hold.
func TestExpectedLastMsgIDStopsReplicas(t *testing.T) {
	log := &stops{}
	_, js := start(t, log)
	refused := func(stream, header, value string, code jetstream.ErrorCode) {
		t.Helper()
		publish(t, js, stream)
		msg := nats.NewMsg(stream)
		msg.Header.Set(header, value)
		_, err := js.PublishMsg(within(t, stopBound), msg)
		if api, ok := errors.AsType[*jetstream.APIError](err); !ok || api.ErrorCode != code {
			t.Fatalf("%s on %s: %v, not error %d", header, stream, err, code)
		}
	}
	for _, harmless := range []struct {
		stream        string
		replicas      int
		header, value string
		code          jetstream.ErrorCode
	}{
		{"ONE", 1, nats.ExpectedLastMsgIdHdr, "x", 10070},
		{"SEQUENCE", 3, nats.ExpectedLastSeqHdr, "77", 10071},
	} {
		create(t, js, harmless.stream, harmless.replicas)
		refused(harmless.stream, harmless.header, harmless.value, harmless.code)
		publish(t, js, harmless.stream)
	}
	create(t, js, "THREE", 3)
	refused("THREE", nats.ExpectedLastMsgIdHdr, "x", 10070)
	for begun := time.Now(); ; {
		stopped := log.n.Load()
		_, err := js.Publish(within(t, 2*time.Second), "THREE", nil)
		switch {
		case err == nil:
			t.Fatalf(upgraded, server.VERSION, "a message that was published afterwards is acknowledged")
		case stopped >= 3: // all had stopped before it was published
			return
		case time.Since(begun) > stopBound:
			t.Fatalf(upgraded, server.VERSION, fmt.Sprintf("within %v %d of 3 servers have said that the stream is stopped", stopBound, stopped))
		}
	}
}

// stops counts the servers that say that a stream is stopped by such a message.
type stops struct {
	server.Logger
	n atomic.Int32
}

func (s *stops) Errorf(format string, v ...any) {
	if text := fmt.Sprintf(format, v...); strings.Contains(text, "> THREE' critical write error: last msgid mismatch") {
		s.n.Add(1)
	}
}

func (s *stops) Noticef(string, ...any) {}
func (s *stops) Warnf(string, ...any)   {}
func (s *stops) Fatalf(string, ...any)  {}
func (s *stops) Debugf(string, ...any)  {}
func (s *stops) Tracef(string, ...any)  {}
