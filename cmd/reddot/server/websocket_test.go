package server_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"reddot/cmd/reddot/server"
	"reddot/projector/testkit"
)

// dialWeb connects over HTTP, as a page of an origin; empty: as no page.
func dialWeb(t *testing.T, r *run, credential, origin string, options ...nats.Option) (*nats.Conn, error) {
	t.Helper()
	options = append([]nats.Option{quiet, nats.Token(credential), nats.NoReconnect(), nats.ProxyPath("nats")}, options...)
	if origin != "" {
		options = append(options, nats.WebSocketConnectionHeaders(http.Header{"Origin": {origin}}))
	}
	c, err := nats.Connect("ws://"+r.http, options...)
	if err == nil {
		t.Cleanup(c.Close)
	}
	return c, err
}

// TestWebSocket: over HTTP a user may do what the token says, until it ends; pages of
// other origins do not come in.
func TestWebSocket(t *testing.T) {
	g := guardedByItself(t)
	alice, err := dialWeb(t, g.run, token(t, "alice", time.Hour), "https://chat.example", nats.CustomInboxPrefix("unread.inbox.alice"))
	testkit.OK(t, err)
	reply := testkit.Must(alice.RequestWithContext(testkit.Context(t), "unread.api.alice.totals", nil))(t)
	if !strings.Contains(string(reply.Data), `"user":"alice"`) {
		t.Errorf("%s", reply.Data)
	}
	for _, subject := range []string{"unread.api.bob.totals", "unread.cmd.user.alice.read"} {
		if may(t, alice, server.Publish, subject) {
			t.Errorf("alice publishes to %s", subject)
		}
	}
	for _, subject := range []string{"unread.evt.bob.>", "_INBOX.>", "unread.inbox.>"} {
		if may(t, alice, server.Subscribe, subject) {
			t.Errorf("alice hears %s", subject)
		}
	}
	if others := alice.DiscoveredServers(); len(others) > 0 {
		t.Errorf("the server's own port is told: %v", others)
	}
	for origin, in := range map[string]bool{
		"": true, "http://" + g.http: true, "https://chat.example": true, "https://CHAT.example": false, "https://chat.example.evil": false,
		"http://chat.example": false, "https://chat.example:8443": false, "https://evil.example": false, "null": false, "http://localhost:1": false,
	} {
		c, err := dialWeb(t, g.run, token(t, "alice", time.Hour), origin)
		if (err == nil) != in {
			t.Errorf("a page of %q: %v, want in: %v", origin, err, in)
		}
		if err == nil {
			c.Close()
		}
	}
	if _, err := dialWeb(t, g.run, "rdk_nobody", ""); err == nil {
		t.Error("nobody is let in")
	}
	told := make(chan error, 16)
	short, err := dialWeb(t, g.run, token(t, "alice", 5*time.Second), "", nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) { told <- err }))
	testkit.OK(t, err)
	if err := testkit.Receive(t, "the end of the token", told); !errors.Is(err, nats.ErrAuthExpired) {
		t.Errorf("it ends with %v", err)
	}
	testkit.Eventually(t, "the connection is closed", short.IsClosed)
	if code, body := get(t, "http://"+g.http+"/nats"); code != http.StatusBadRequest || !strings.Contains(body, "NATS client") {
		t.Errorf("without an upgrade: %d %s", code, body)
	}
	if _, body := get(t, "http://"+g.http+"/v1"); !strings.Contains(body, `"nats"`) {
		t.Errorf("%s", body)
	}
	g.stop()
}

// TestWebSocketOpen: where nobody is asked who they are only this machine's own pages
// come in, and without --websocket nobody does.
func TestWebSocketOpen(t *testing.T) {
	r := start(t, t.TempDir(), true, func(c *server.Config) { c.WebSocket = true })
	for origin, in := range map[string]bool{"": true, "http://" + r.http: true, "http://evil.example": false, "http://localhost:5173": false} {
		c, err := dialWeb(t, r, "", origin)
		if (err == nil) != in {
			t.Errorf("a page of %q: %v, want in: %v", origin, err, in)
		}
		if err == nil {
			c.Close()
		}
	}
	rebound := testkit.Must(http.NewRequestWithContext(testkit.Context(t), http.MethodGet, "http://"+r.http+"/nats", nil))(t)
	rebound.Host, rebound.Close = "evil.example", true
	rebound.Header = http.Header{"Origin": {"http://evil.example"}, "Upgrade": {"websocket"}, "Connection": {"Upgrade"}}
	response := testkit.Must(http.DefaultClient.Do(rebound))(t)
	response.Body.Close()
	if response.StatusCode != http.StatusForbidden {
		t.Errorf("under a name that leads here: %s", response.Status)
	}
	r.stop()

	r = start(t, t.TempDir(), true)
	if c, err := dialWeb(t, r, "", ""); err == nil {
		c.Close()
		t.Error("it is there without --websocket")
	}
	r.stop()
}
