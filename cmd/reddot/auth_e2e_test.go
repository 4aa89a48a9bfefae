package main_test

import (
	"context"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/nats-io/nats.go"

	"reddot/projector/testkit"
)

// testAuth: with the file that "key new" has made nobody comes in without a key or a
// token, over HTTP and NATS; the file is read again on SIGHUP; and no credential is in
// the log, not even at its most talkative.
func testAuth(t *testing.T, p program) {
	dir := t.TempDir()
	file := filepath.Join(dir, "auth.json")
	testkit.OK(t, os.WriteFile(filepath.Join(dir, "hs.key"), []byte("0123456789abcdef0123456789abcdef"), 0o600),
		os.WriteFile(file, []byte(`{"tokens":{"secret_file":"hs.key"}}`), 0o600))
	key := func(role, name string) string {
		return strings.TrimSpace(p.run(t, nil, "key", "new", "--role", role, "--name", name, "--auth", file).done(t))
	}
	chat, ops := key("backend", "chat"), key("operator", "ops")
	token := strings.TrimSpace(p.run(t, nil, "token", "alice", "--auth", file).done(t))
	c := p.serve(t, filepath.Join(dir, "data"), "--auth", file, "--log-level", "debug", "--websocket")
	late := key("viewer", "eyes")
	status := func(credential, path string) int {
		request := testkit.Must(http.NewRequestWithContext(testkit.Context(t), http.MethodGet, "http://"+c.http+path, nil))(t)
		request.Close = true
		if credential != "" {
			request.Header.Set("Authorization", "Bearer "+credential)
		}
		response := testkit.Must(http.DefaultClient.Do(request))(t)
		defer response.Body.Close()
		testkit.Must(io.Copy(io.Discard, response.Body))(t)
		return response.StatusCode
	}
	in := func(credential string) bool {
		conn, err := nats.Connect(c.nats, nats.Token(credential), nats.NoReconnect())
		if err == nil {
			conn.Close()
		}
		return err == nil
	}
	wrong := token[:len(token)-4] + "AAAA"
	for credential, want := range map[string]int{chat: 200, token: 200, "": 401, wrong: 401, late: 401, "rdk_wrong0000000000": 401} {
		if got := status(credential, "/v1/totals?user=alice"); got != want {
			t.Errorf("%.8s...: status %d, want %d", credential, got, want)
		}
		if got := in(credential); got != (want == 200) {
			t.Errorf("%.8s...: let in by NATS: %v", credential, got)
		}
	}
	chatFile := filepath.Join(dir, "chat.key")
	testkit.OK(t, os.WriteFile(chatFile, []byte(chat), 0o600))
	p.run(t, nil, "send", "alice", "--from", "bob", "--server", c.nats, "--nats-token-file", chatFile).done(t)
	opsFile := filepath.Join(dir, "ops.key")
	testkit.OK(t, os.WriteFile(opsFile, []byte(ops), 0o600))
	operator := []string{"--server", c.nats, "--nats-token-file", opsFile, "--nats-inbox-prefix", "unread.inbox.key.ops"}
	for _, command := range [][]string{{"snapshot", "create"}, {"rebuild"}, {"status"}, {"show", "alice"}} {
		p.run(t, nil, append(command, operator...)...).done(t)
	}
	p.run(t, nil, append([]string{"trim"}, operator...)...).failed(t, 1, "refuses this", "permission")

	testkit.OK(t, c.cmd.Process.Signal(syscall.SIGHUP))
	testkit.Eventually(t, "the new key lets in", func() bool { return status(late, "/v1/totals?user=alice") == 200 })
	testkit.OK(t, os.WriteFile(file, []byte(`{"keys":[]`), 0o600), c.cmd.Process.Signal(syscall.SIGHUP))
	testkit.Eventually(t, "a file that is not whole is refused", func() bool { return c.stderr.Has("can't be used", "stays as it was") })
	if got := status(late, "/v1/totals?user=alice"); got != 200 || !in(late) {
		t.Errorf("after a file that is not whole: status %d", got)
	}
	for _, credential := range []string{chat, ops, token, wrong, late, "rdk_wrong0000000000"} {
		for _, part := range append(strings.Split(credential, "."), credential) {
			if len(part) > 8 && c.stderr.Has(part) {
				t.Errorf("the log has %.12s... of a credential", part)
			}
		}
	}
	if !c.stderr.Has("no such key in the file", "request=") {
		t.Error("the log does not say why a key is refused")
	}
	c.terminate(t)
	p.refuses(t, dir)
}

// refuses checks that a server that other machines reach does not start without an
// answer to who may come in.
func (p program) refuses(t *testing.T, dir string) {
	t.Helper()
	for _, address := range []string{"--listen", "--http"} {
		r := testkit.Must(p.command(context.WithoutCancel(t.Context()), nil, "serve", "--data", filepath.Join(dir, "open"), address, "0.0.0.0:0"))(t)
		r.failed(t, 2, address, "--auth", "--insecure-open")
	}
}
