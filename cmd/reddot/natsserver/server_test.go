package natsserver_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"reddot/cmd/reddot/datadir"
	"reddot/cmd/reddot/natsserver"
	"reddot/events"
	"reddot/projector/testkit"
)

// start starts a server on a free port, to be stopped by the test or at its
// end.
func start(t *testing.T, dir string) *natsserver.Server {
	t.Helper()
	return testkit.Must(natsserver.Start(natsserver.Config{Data: datadir.Dir(dir), Listen: "127.0.0.1:0",
		Sync: natsserver.SyncPolicy{Every: time.Second}, Logger: slog.New(slog.NewTextHandler(t.Output(), nil))}))(t)
}

func stopServer(t *testing.T, s *natsserver.Server) {
	t.Helper()
	testkit.OK(t, s.Shutdown())
}

// testServer is a server with the command stream.
func testServer(t *testing.T) (*natsserver.Server, jetstream.Stream) {
	t.Helper()
	s := start(t, t.TempDir())
	t.Cleanup(func() { stopServer(t, s) })
	return s, commandStream(t, s.URL())
}

func commandStream(t *testing.T, url string) jetstream.Stream {
	t.Helper()
	js := testkit.Must(jetstream.New(connect(t, url)))(t)
	subjects := testkit.Must(events.NewSubjects(events.DefaultPrefix))(t)
	return testkit.Must(js.CreateOrUpdateStream(t.Context(), jetstream.StreamConfig{
		Name: subjects.CommandStream(), Subjects: []string{subjects.Commands()},
	}))(t)
}

func connect(t *testing.T, url string) *nats.Conn {
	t.Helper()
	conn := testkit.Must(nats.Connect(url))(t)
	t.Cleanup(conn.Close)
	return conn
}

func lastSeq(t *testing.T, stream jetstream.Stream) uint64 {
	t.Helper()
	return testkit.Must(stream.Info(t.Context()))(t).State.LastSeq
}

func TestServerKeepsItsData(t *testing.T) {
	dir := t.TempDir()
	s := start(t, dir)
	stream := commandStream(t, s.URL())
	js, err := jetstream.New(connect(t, s.URL()))
	if err != nil {
		t.Fatal(err)
	}
	for i := range 100 {
		if _, err := js.Publish(t.Context(), "unread.cmd.policy", fmt.Appendf(nil, "%d", i)); err != nil {
			t.Fatal(err)
		}
	}
	if got := lastSeq(t, stream); got != 100 {
		t.Fatalf("last seq %d, want 100", got)
	}
	stopServer(t, s)

	s = start(t, dir)
	defer stopServer(t, s)
	if got := lastSeq(t, commandStream(t, s.URL())); got != 100 {
		t.Fatalf("after a restart the last seq is %d, want 100", got)
	}
}

func TestServerTakesAPayloadAboveTheCommandLimit(t *testing.T) {
	s, stream := testServer(t)
	nc := connect(t, s.URL())
	if got := nc.MaxPayload(); got != natsserver.MaxMessage {
		t.Fatalf("largest message %d bytes, want %d", got, natsserver.MaxMessage)
	}
	if _, err := nc.Request("unread.cmd.policy", make([]byte, 2*events.MaxPayload), 5*time.Second); err != nil {
		t.Fatal(err)
	}
	if got := lastSeq(t, stream); got != 1 {
		t.Fatalf("last seq %d, want 1", got)
	}
}

func TestServerSaysThatThePortIsTaken(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	dir := t.TempDir()
	cfg := natsserver.Config{Data: datadir.Dir(dir), Listen: l.Addr().String(), Sync: natsserver.SyncPolicy{Every: time.Second}, Logger: slog.New(slog.DiscardHandler)}
	_, err = natsserver.Start(cfg)
	want := fmt.Sprintf("address %s is in use: choose another with --listen", l.Addr())
	if err == nil || err.Error() != want {
		t.Fatalf("got  %v\nwant %s", err, want)
	}
	stopServer(t, start(t, dir)) // the directory is free again
}

func TestServerKeepsADirectoryToItself(t *testing.T) {
	dir := t.TempDir()
	s := start(t, dir)
	defer stopServer(t, s)
	_, err := natsserver.Start(natsserver.Config{Data: datadir.Dir(dir), Listen: "127.0.0.1:0", Sync: natsserver.SyncPolicy{Always: true}, Logger: slog.New(slog.DiscardHandler)})
	if err == nil || !strings.Contains(err.Error(), "in use by another reddot") {
		t.Fatalf("got %v", err)
	}
}

func TestServerReportsAFatalError(t *testing.T) {
	dir := t.TempDir()
	// A file where JetStream wants a directory.
	if err := errors.Join(os.Mkdir(datadir.Dir(dir).NATS(), 0o700), os.WriteFile(filepath.Join(datadir.Dir(dir).NATS(), "jetstream"), nil, 0o600)); err != nil {
		t.Fatal(err)
	}
	_, err := natsserver.Start(natsserver.Config{Data: datadir.Dir(dir), Listen: "127.0.0.1:0", Sync: natsserver.SyncPolicy{Always: true}, Logger: slog.New(slog.DiscardHandler)})
	if err == nil || !strings.Contains(err.Error(), "JetStream") {
		t.Fatalf("got %v", err)
	}
}

func TestServerLogLevels(t *testing.T) {
	for _, level := range []slog.Level{slog.LevelInfo, slog.LevelDebug} {
		var out bytes.Buffer
		logger := slog.New(slog.NewTextHandler(&out, &slog.HandlerOptions{Level: level}))
		l := natsserver.NewLog(logger, nil)
		l.Noticef("notice %d", 1)
		l.Debugf("debug %d", 2)
		l.Warnf("warning %d", 3)
		l.Errorf("error %d", 4)
		l.Fatalf("fatal %d", 5)
		debug := logger.Enabled(context.Background(), slog.LevelDebug)
		for text, want := range map[string]bool{"notice 1": debug, "debug 2": debug, "warning 3": true, "error 4": true, "fatal 5": false} {
			if got := strings.Contains(out.String(), text); got != want {
				t.Errorf("at %v: %q logged %v, want %v", level, text, got, want)
			}
		}
		if err := l.Fatal(); err == nil || err.Error() != "fatal 5" {
			t.Errorf("fatal error kept: %v", err)
		}
	}
}

// TestWriteError: that a stream's file can't be written is reported, as the server says it
// in its log alone.
func TestWriteError(t *testing.T) {
	var failures []error
	l := natsserver.NewLog(slog.New(slog.DiscardHandler), func(err error) { failures = append(failures, err) })
	l.Errorf("JetStream resource limits exceeded")
	l.Errorf("[$G > S] Critical write error: %v", "no space left on device")
	if len(failures) != 1 || !strings.Contains(failures[0].Error(), "no space left on device") || !strings.Contains(failures[0].Error(), "mend it and start again") {
		t.Errorf("reported: %v", failures)
	}
	natsserver.NewLog(slog.New(slog.DiscardHandler), nil).Errorf("Critical write error: nobody listens")
}

func TestSyncPolicy(t *testing.T) {
	for text, want := range map[string]natsserver.SyncPolicy{
		"always": {Always: true}, "1s": {Every: time.Second}, "100ms": {Every: 100 * time.Millisecond}, "1m": {Every: time.Minute},
	} {
		var got natsserver.SyncPolicy
		if err := got.Set(text); err != nil || got != want {
			t.Errorf("%s: got %+v, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "never", "99ms", "61s", "1", "-1s"} {
		if err := new(natsserver.SyncPolicy).Set(text); err == nil {
			t.Errorf("%q is accepted", text)
		}
	}
}

func TestParseListen(t *testing.T) {
	for _, bad := range []string{"", "4222", "127.0.0.1", "127.0.0.1:", "127.0.0.1:65536", "127.0.0.1:-1", "127.0.0.1:nats"} {
		if _, _, err := natsserver.ParseListen(bad); err == nil {
			t.Errorf("%q is accepted", bad)
		}
	}
	if host, port, err := natsserver.ParseListen("[::1]:0"); err != nil || host != "::1" || port != 0 {
		t.Errorf("got %q %d %v", host, port, err)
	}
}
