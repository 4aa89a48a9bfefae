package identity_test

import (
	"encoding/base64"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"reddot/api/identity"
	"reddot/projector/testkit"
)

// newEntry is a new key, and its entry of the file.
func newEntry(t *testing.T, name string, role identity.Role) (key, text string) {
	t.Helper()
	key, e, err := identity.NewKey(name, role, 0)
	testkit.OK(t, err)
	return key, e.String()
}

// TestSessions: a session is its key's for twelve hours, after a restart too, and ends with
// the key. Nobody without the secret makes one.
func TestSessions(t *testing.T) {
	f := newFolder(t)
	desk, deskEntry := newEntry(t, "desk", identity.Viewer)
	boss, bossEntry := newEntry(t, "boss", identity.Operator)
	other, otherEntry := newEntry(t, "desk", identity.Viewer)
	file := func(entries ...string) string { return `{"keys":[` + strings.Join(entries, ",") + `]}` }
	a := f.load(file(deskEntry, bossEntry, otherEntry))
	mine := identity.NewSessions(a, []byte("a secret"))
	values := map[string]string{}
	for name, key := range map[string]string{"desk": desk, "boss": boss, "other": other} {
		value, id, err := mine.Begin(t.Context(), key)
		if err != nil || !id.Expires.Equal(f.now().Add(12*time.Hour)) {
			t.Fatalf("%s: %v until %v: %v", name, id, id.Expires, err)
		}
		values[name] = value
	}
	want := func(what string, s *identity.Sessions, value string, want identity.Outcome, role identity.Role) {
		t.Helper()
		id, err := s.Authenticate(value)
		if got := identity.OutcomeOf(err); got != want || id.Role != role {
			t.Errorf("%s: %s (%v) of %v, want %s of %v", what, got, err, id, want, role)
		}
	}
	want("a viewer's", mine, values["desk"], identity.OK, identity.Viewer)
	want("an operator's", mine, values["boss"], identity.OK, identity.Operator)
	want("after a restart", identity.NewSessions(a, []byte("a secret")), values["boss"], identity.OK, identity.Operator)
	want("another server's", identity.NewSessions(a, []byte("another secret")), values["boss"], identity.Invalid, 0)
	want("none", mine, "", identity.Invalid, 0)
	want("a key", mine, boss, identity.Invalid, 0)
	want("a long one", mine, strings.Repeat("A", 1<<16), identity.Invalid, 0)
	if _, err := a.Authenticate(t.Context(), values["boss"]); identity.OutcomeOf(err) != identity.Invalid {
		t.Errorf("where a key stands a session is taken: %v", err)
	}

	// Whatever bit of it is changed, it is none; so is any part of it.
	raw := testkit.Must(base64.RawURLEncoding.DecodeString(values["desk"]))(t)
	for i := range raw {
		for _, bit := range []byte{1, 0x80} {
			forged := append([]byte(nil), raw...)
			forged[i] ^= bit
			want(fmt.Sprintf("byte %d changed", i), mine, base64.RawURLEncoding.EncodeToString(forged), identity.Invalid, 0)
		}
		want(fmt.Sprintf("%d bytes", i), mine, base64.RawURLEncoding.EncodeToString(raw[:i]), identity.Invalid, 0)
	}

	// One of two keys of a name goes: its sessions end, the other's go on.
	f.write("auth.json", []byte(file(otherEntry, strings.Replace(bossEntry, "operator", "viewer", 1))))
	if gone := reload(t, a); gone != "[boss desk]" {
		t.Errorf("gone are %s", gone)
	}
	want("of a key that is gone", mine, values["desk"], identity.Expired, 0)
	want("of the other key", mine, values["other"], identity.OK, identity.Viewer)
	want("of a key with less of a role", mine, values["boss"], identity.OK, identity.Viewer)
	f.write("auth.json", []byte(file(strings.Replace(otherEntry, "viewer", "backend", 1), strings.Replace(bossEntry, "boss", "chief", 1))))
	reload(t, a)
	want("of a key that looks at nobody now", mine, values["other"], identity.Expired, 0)
	want("of a key with another name", mine, values["boss"], identity.Expired, 0)

	f.write("auth.json", []byte(file(deskEntry)))
	reload(t, a)
	f.move(12*time.Hour - time.Millisecond)
	want("to the last", mine, values["desk"], identity.OK, identity.Viewer)
	f.move(time.Millisecond)
	want("after its end", mine, values["desk"], identity.Expired, 0)
}

// TestReadSecret: white space around a secret is no part of it, and a short one is refused.
func TestReadSecret(t *testing.T) {
	f := newFolder(t)
	within := func(name string) string { return filepath.Join(f.dir, name) }
	f.write("long", []byte("\n"+strings.Repeat("s", 32)+"\r\n"))
	if got := testkit.Must(identity.ReadSecret(within("long")))(t); string(got) != strings.Repeat("s", 32) {
		t.Errorf("%q", got)
	}
	f.write("short", []byte(strings.Repeat("s", 31)+"\n"))
	for _, name := range []string{"short", "none"} {
		if got, err := identity.ReadSecret(within(name)); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
}

// TestNoSession: only a key that looks at others begins one.
func TestNoSession(t *testing.T) {
	f := newFolder(t)
	backend, backendEntry := newEntry(t, "chat", identity.Backend)
	metrics, metricsEntry := newEntry(t, "prometheus", identity.Metrics)
	f.write("secret", keys.secret)
	a := f.load(`{"keys":[` + backendEntry + `,` + metricsEntry + `],"tokens":{"secret_file":"secret","allow_role_claim":true}}`)
	s := identity.NewSessions(a, []byte("a secret"))
	token := testkit.Must(a.Mint("alice", time.Hour))(t)
	for what, key := range map[string]string{"a back end": backend, "metrics": metrics, "a user": token} {
		if value, _, err := s.Begin(t.Context(), key); err != identity.ErrNoSession || value != "" {
			t.Errorf("%s: %q, %v", what, value, err)
		}
	}
	for _, key := range []string{"", "rdk_wrong", "wrong"} {
		if value, _, err := s.Begin(t.Context(), key); err == nil || err == identity.ErrNoSession || value != "" {
			t.Errorf("%q: %q, %v", key, value, err)
		}
	}
}
