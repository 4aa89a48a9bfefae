package main

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"reddot/projector/testkit"
)

// TestConfig: a flag wins over its environment variable, that over the file.
func TestConfig(t *testing.T) {
	path := filepath.Join(t.TempDir(), "reddot.yaml")
	testkit.OK(t, writeFile(path, []byte(`# of one machine
data: /var/lib/reddot
sync: always
fanout-limit: 500   # members
snapshot-every: 100
reply-prefix: [_A, _B]
skip-seq: [7, 9]
nats-password-file: /run/secrets/nats
trim: true
`)))
	t.Setenv("REDDOT_CONFIG", path)
	t.Setenv("REDDOT_FANOUT_LIMIT", "600")
	t.Setenv("REDDOT_SNAPSHOT_EVERY", "200")
	out := reddot(t, nil, "config", "check", "--json", "--snapshot-every", "300", "--nats-password-file=", "--listen", "127.0.0.1:0").done(t)
	var got struct{ Settings []setting }
	testkit.OK(t, json.Unmarshal([]byte(out), &got))
	for _, want := range []setting{
		{"config", path, "environment"},
		{"data", "/var/lib/reddot", "file"},
		{"sync", "always", "file"},
		{"fanout-limit", "600", "environment"},
		{"snapshot-every", "300", "flag"},
		{"reply-prefix", "[_A,_B]", "file"},
		{"skip-seq", "7,9", "file"},
		{"trim", "true", "file"},
		{"nats-password-file", "", "flag"},
		{"prefix", "unread", "default"},
	} {
		if !slices.Contains(got.Settings, want) {
			t.Errorf("no %v in %v", want, got.Settings)
		}
	}
}

func TestConfigThatIsWrong(t *testing.T) {
	path := filepath.Join(t.TempDir(), "reddot.yaml")
	for file, words := range map[string]string{
		"dta: x":                        `:1: there is no setting "dta"`,
		"# c\ndata: x\ntrim: perhaps":   `:3: trim "perhaps": use true or false`,
		"data: x\ndata: y":              ":2: data is set twice",
		"data: [x, y]":                  ":1: data: want one value, not a list",
		"data:":                         ":1: data: want a value",
		"data: {a: b}":                  ":1: data: want a value",
		"- data":                        ":1: want settings",
		"data: 'x":                      "yaml: ",
		"config: other.yaml":            `:1: there is no setting "config"`,
		"snapshot-interval: 10":         `:1: snapshot-interval "10" has no unit`,
		"http: 0.0.0.0:1":               "--insecure-open",
		"auth: /no/such/file":           "/no/such/file",
		strings.Repeat("# long", 1<<18): "larger than 1048576 bytes",
	} {
		testkit.OK(t, writeFile(path, []byte(file)))
		reddot(t, nil, "config", "check", "--config", path).failed(t, exitUsage, words)
	}
	reddot(t, nil, "serve", "--config", filepath.Join(t.TempDir(), "none")).failed(t, exitUsage, "--config: ", "no such file")
	testkit.OK(t, writeFile(path, []byte("# nothing\n")))
	reddot(t, nil, "config", "check", "--config", path).done(t)
}

func TestHealth(t *testing.T) {
	ready := true
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/readyz" && !ready {
			http.Error(w, "catching up\nand more", http.StatusServiceUnavailable)
			return
		}
		w.Write([]byte("ok\n"))
	}))
	defer server.Close()
	at := "--http=" + strings.TrimPrefix(server.URL, "http://")
	if out := reddot(t, nil, "health", at).done(t); out != "ok\n" {
		t.Errorf("said %q", out)
	}
	ready = false
	reddot(t, nil, "health", at).failed(t, exitFailed, "catching up; and more")
	reddot(t, nil, "health", at, "--alive").done(t)
	server.Close()
	reddot(t, nil, "health", at).failed(t, exitFailed, "no reddot answers")
}
