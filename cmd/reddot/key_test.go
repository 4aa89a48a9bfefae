package main

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"reddot/api/identity"
	"reddot/projector/testkit"
)

var keyForm = regexp.MustCompile(`^rdk_[0-9A-Za-z]{43}$`)

// TestKey: a key that is made lets in with the file that it was added to, and is in no
// file itself.
func TestKey(t *testing.T) {
	path := filepath.Join(t.TempDir(), "auth.json")
	r := reddot(t, nil, "key", "new", "--role", "backend", "--name", "chat", "--rate", "5000", "--auth", path)
	key := strings.TrimSuffix(r.done(t), "\n")
	if !keyForm.MatchString(key) || !strings.Contains(r.stderr, "added to "+path) {
		t.Errorf("%q, %q", key, r.stderr)
	}
	t.Setenv("REDDOT_AUTH", path)
	testkit.OK(t, os.Chmod(path, 0o640))
	second := strings.TrimSuffix(reddot(t, nil, "key", "new", "--role", "viewer", "--name", "eyes").done(t), "\n")
	if info := testkit.Must(os.Stat(path))(t); info.Mode().Perm() != 0o640 {
		t.Errorf("the file is %v", info.Mode())
	}
	a := testkit.Must(identity.Load(path, identity.Options{}))(t)
	if id := testkit.Must(a.Authenticate(t.Context(), key))(t); id.String() != `backend "chat"` || id.Rate != 5000 {
		t.Errorf("%+v", id)
	}
	if id := testkit.Must(a.Authenticate(t.Context(), second))(t); id.String() != `viewer "eyes"` {
		t.Errorf("%+v", id)
	}
	if content := testkit.Must(os.ReadFile(path))(t); strings.Contains(string(content), key) || strings.Contains(string(content), second) {
		t.Errorf("the file holds a key: %s", content)
	}

	t.Setenv("REDDOT_AUTH", "")
	shown := strings.Split(strings.TrimSuffix(reddot(t, nil, "key", "new", "--role", "metrics", "--name", "p").done(t), "\n"), "\n")
	if len(shown) != 2 || !keyForm.MatchString(shown[0]) {
		t.Fatalf("%q", shown)
	}
	testkit.OK(t, os.WriteFile(path, []byte(`{"keys":[`+shown[1]+`]}`), 0o600))
	testkit.Must(a.Reload())(t)
	if id := testkit.Must(a.Authenticate(t.Context(), shown[0]))(t); id.String() != `metrics "p"` {
		t.Errorf("%+v", id)
	}
}

// TestKeyFails: nothing is written where the file can't be used.
func TestKeyFails(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "auth.json")
	testkit.OK(t, os.WriteFile(path, []byte(`{"keyz":[]}`), 0o600))
	fails := func(code int, words string, args ...string) {
		t.Helper()
		reddot(t, nil, append([]string{"key", "new"}, args...)...).failed(t, code, words)
	}
	fails(exitUsage, `--role "": use backend, viewer, operator or metrics`, "--name", "chat")
	fails(exitUsage, `--role "user": use backend`, "--name", "chat", "--role", "user")
	fails(exitUsage, `--name "a b"`, "--name", "a b", "--role", "viewer")
	fails(exitUsage, `--rate -1`, "--name", "a", "--role", "viewer", "--rate", "-1")
	fails(exitFailed, `unknown field "/keyz"`, "--name", "a", "--role", "viewer", "--auth", path)
	fails(exitFailed, `no-such`, "--name", "a", "--role", "viewer", "--auth", filepath.Join(dir, "no-such", "auth.json"))
	testkit.OK(t, os.WriteFile(path, []byte(`{}`), 0o600), os.WriteFile(path+".new", nil, 0o600))
	fails(exitFailed, path+".new", "--name", "a", "--role", "viewer", "--auth", path)
	if content := testkit.Must(os.ReadFile(path))(t); string(content) != "{}" {
		t.Errorf("the file is %s", content)
	}
}

// TestReplaceFile: a new file is its owner's alone.
func TestReplaceFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "auth.json")
	testkit.OK(t, addEntry(path, identity.Entry{Name: "a", Role: "viewer", SHA256: strings.Repeat("0", 64)}))
	if info := testkit.Must(os.Stat(path))(t); info.Mode() != 0o600 {
		t.Errorf("%v", info.Mode())
	}
	if _, err := os.Stat(path + ".new"); !os.IsNotExist(err) {
		t.Errorf("what it was written to is still there: %v", err)
	}
	if err := replaceFile(filepath.Join(path, "x"), nil, fs.FileMode(0o600)); err == nil {
		t.Error("a file in a file")
	}
}

// TestToken: a token of a user lets that user in.
func TestToken(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "auth.json")
	testkit.OK(t, os.WriteFile(filepath.Join(dir, "hs.key"), []byte("0123456789abcdef0123456789abcdef"), 0o600),
		os.WriteFile(path, []byte(`{"tokens":{"secret_file":"hs.key","audience":"reddot","issuer":"me","max_ttl":"2h"}}`), 0o600))
	token := strings.TrimSuffix(reddot(t, nil, "token", "al/ice", "--ttl", "90m", "--auth", path).done(t), "\n")
	id := testkit.Must(testkit.Must(identity.Load(path, identity.Options{}))(t).Authenticate(t.Context(), token))(t)
	if id.Role != identity.User || id.User != "al/ice" {
		t.Errorf("%+v", id)
	}
	t.Setenv("REDDOT_AUTH", path)
	reddot(t, nil, "token", "alice").done(t)
	reddot(t, nil, "token", "alice", "--ttl", "3h").failed(t, exitUsage, "--ttl: a life of 3h0m0s: use 1s to 2h0m0s, which is max_ttl")
	reddot(t, nil, "token", strings.Repeat("a", 257)).failed(t, exitUsage, "USER is longer than 256 bytes")
	t.Setenv("REDDOT_AUTH", "")
	reddot(t, nil, "token", "alice").failed(t, exitUsage, "with --auth or REDDOT_AUTH")
	reddot(t, nil, "token", "alice", "--auth", filepath.Join(dir, "no-such")).failed(t, exitFailed, "--auth: ", "no-such")
	testkit.OK(t, os.WriteFile(path, []byte(`{}`), 0o600))
	reddot(t, nil, "token", "alice", "--auth", path).failed(t, exitFailed, "tokens.secret_file")
}
