package natsserver_test

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"reddot/cmd/reddot/datadir"
	"reddot/cmd/reddot/natsserver"
	"reddot/projector/testkit"
)

// startAsking is a server that asks who connects.
func startAsking(t *testing.T, admit natsserver.Admit) *natsserver.Server {
	t.Helper()
	s, err := natsserver.Start(natsserver.Config{
		Data: datadir.Dir(t.TempDir()), Listen: "127.0.0.1:0", Sync: natsserver.SyncPolicy{Every: time.Minute},
		Logger: slog.New(slog.DiscardHandler), Admit: admit, WebSocket: true,
	})
	testkit.OK(t, err)
	t.Cleanup(func() { stopServer(t, s) })
	return s
}

// dial connects with a token, and tells of what is not permitted.
func dial(t *testing.T, url, token string, options ...nats.Option) (*nats.Conn, <-chan error, error) {
	t.Helper()
	refused := make(chan error, 16)
	c, err := nats.Connect(url, append([]nats.Option{nats.Token(token), nats.NoReconnect(),
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) { refused <- err })}, options...)...)
	if err == nil {
		t.Cleanup(c.Close)
	}
	return c, refused, err
}

// TestDoor: who connects may do what Admit says, at the port and by WebSocket; who is
// refused may not connect, and this process is never asked.
func TestDoor(t *testing.T) {
	s := startAsking(t, func(_ context.Context, token string, from net.Addr, client uint64) (natsserver.Guest, error) {
		if token == "" || from == nil || client == 0 {
			return natsserver.Guest{}, errors.New("nobody")
		}
		if token == "mute" {
			return natsserver.Guest{Name: token}, nil
		}
		return natsserver.Guest{Name: token, Publish: []string{"to." + token}, Subscribe: []string{"at." + token}}, nil
	})
	own := testkit.Must(s.Connect())(t)
	defer own.Close()
	heard := make(chan *nats.Msg, 16)
	testkit.Must(own.ChanSubscribe("to.>", heard))(t)
	testkit.OK(t, own.Flush())
	for _, url := range []string{s.URL(), s.WebSocketURL()} {
		if _, _, err := dial(t, url, ""); err == nil {
			t.Errorf("%s: nobody is let in", url)
		}
		alice, refused, err := dial(t, url, "alice")
		testkit.OK(t, err)
		got := testkit.Must(alice.SubscribeSync("at.alice"))(t)
		testkit.OK(t, alice.Publish("to.alice", nil), alice.Flush(), own.Publish("at.alice", nil))
		if m := testkit.Receive(t, "what she publishes", heard); m.Subject != "to.alice" {
			t.Errorf("heard %s", m.Subject)
		}
		testkit.Must(got.NextMsg(time.Minute))(t)
		testkit.OK(t, alice.Publish("to.bob", nil))
		if err := testkit.Receive(t, "the refusal", refused); !strings.Contains(err.Error(), `"to.bob"`) {
			t.Errorf("%s: refused %v", url, err)
		}
		for _, subject := range []string{"at.bob", ">", "at.>", "_INBOX.x"} {
			testkit.Must(alice.SubscribeSync(subject))(t)
			if err := testkit.Receive(t, "the refusal", refused); !strings.Contains(err.Error(), `"`+subject+`"`) {
				t.Errorf("%s: refused %v", url, err)
			}
		}
		mute, refused, err := dial(t, url, "mute")
		testkit.OK(t, err)
		testkit.OK(t, mute.Publish("to.mute", nil))
		testkit.Receive(t, "the refusal to who may publish nothing", refused)
		testkit.Must(mute.SubscribeSync("at.mute"))(t)
		testkit.Receive(t, "the refusal to who may hear nothing", refused)
	}
}

// TestDoorCloses: a connection ends at its time, and when the guest is put out.
func TestDoorCloses(t *testing.T) {
	s := startAsking(t, func(_ context.Context, token string, _ net.Addr, _ uint64) (natsserver.Guest, error) {
		g := natsserver.Guest{Name: token, Publish: []string{">"}, Subscribe: []string{">"}}
		if token == "short" {
			g.Until = time.Now().Add(2 * time.Second)
		}
		return g, nil
	})
	for _, url := range []string{s.URL(), s.WebSocketURL()} {
		short, told, err := dial(t, url, "short")
		testkit.OK(t, err)
		testkit.Eventually(t, "it is closed", short.IsClosed)
		if err := testkit.Receive(t, "why", told); !errors.Is(err, nats.ErrAuthExpired) {
			t.Errorf("%s: closed with %v", url, err)
		}
		alice, _, err := dial(t, url, "alice")
		testkit.OK(t, err)
		bob, _, err := dial(t, url, "bob")
		testkit.OK(t, err)
		if n := s.Disconnect("alice"); n != 1 {
			t.Errorf("%d connections are closed", n)
		}
		testkit.Eventually(t, "alice is put out", alice.IsClosed)
		if err := bob.Flush(); err != nil {
			t.Errorf("bob: %v", err)
		}
		if n := s.Disconnect("alice"); n != 0 {
			t.Errorf("%d connections more are closed", n)
		}
		bob.Close()
	}
}

// TestDoorCounts: of one name so many connections as there may be, whatever others have;
// one that has ended makes room.
func TestDoorCounts(t *testing.T) {
	s := startAsking(t, func(_ context.Context, token string, _ net.Addr, _ uint64) (natsserver.Guest, error) {
		return natsserver.Guest{Name: token, Publish: []string{">"}, Most: 2}, nil
	})
	first, _, err := dial(t, s.URL(), "alice")
	testkit.OK(t, err)
	_, _, err = dial(t, s.URL(), "alice")
	testkit.OK(t, err)
	if _, _, err := dial(t, s.URL(), "alice"); err == nil {
		t.Error("the third is let in")
	}
	_, _, err = dial(t, s.URL(), "bob")
	testkit.OK(t, err)
	first.Close()
	testkit.Eventually(t, "there is room again", func() bool {
		_, _, err := dial(t, s.URL(), "alice")
		return err == nil
	})
}

// TestDoorClosed: before it listens nobody comes in at the WebSocket port, and a page
// never does.
func TestDoorClosed(t *testing.T) {
	s, err := natsserver.Open(natsserver.Config{
		Data: datadir.Dir(t.TempDir()), Listen: "127.0.0.1:0", Sync: natsserver.SyncPolicy{Every: time.Minute},
		Logger: slog.New(slog.DiscardHandler), WebSocket: true,
	})
	testkit.OK(t, err)
	defer stopServer(t, s)
	if _, _, err := dial(t, s.WebSocketURL(), ""); err == nil {
		t.Error("let in before it listens")
	}
	testkit.OK(t, s.Listen())
	_, _, err = dial(t, s.WebSocketURL(), "")
	testkit.OK(t, err)
	page := nats.WebSocketConnectionHeaders(map[string][]string{"Origin": {"http://" + strings.TrimPrefix(s.WebSocketURL(), "ws://")}})
	if _, _, err := dial(t, s.WebSocketURL(), "", page); err == nil {
		t.Error("a page is let in")
	}
}
