package webhook

import (
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"reddot/projector/testkit"
)

const secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"

// TestFile: a good file is understood, and of a bad one it is said what is wrong, where,
// and without its secrets.
func TestFile(t *testing.T) {
	good := `[{"name": "push", "url": "https://push.example/hook?token=hidden", "types": ["badge.changed"], "secrets": ["` + secret + `"],
		"delay": "10s", "users_prefix": "eu-", "skip_live": true},
		{"name": "audit_2", "url": "http://me:hidden@10.0.0.7:8080/", "secrets": ["` + secret + `"]}]`
	f := testkit.Must(Parse([]byte(good)))(t)
	push, audit := &f.Endpoints[0], &f.Endpoints[1]
	switch {
	case push.delay != 10*time.Second || !push.SkipLive || len(push.signers) != 1:
		t.Errorf("understood as %+v", push)
	case !push.wants(BadgeChanged) || push.wants(ConversationChanged) || !push.wants(Resync) || !audit.wants(CommandRefused):
		t.Error("the types are not those of the file")
	case !push.about("eu-1") || push.about("us-1") || !audit.about("us-1"):
		t.Error("the users are not those of the file")
	case strings.Contains(push.shown()+audit.shown(), "hidden"):
		t.Errorf("shown with a secret: %s %s", push.shown(), audit.shown())
	}
	one := func(fields string) string { return `[{` + fields + `}]` }
	rest := `"url": "https://a.example", "secrets": ["` + secret + `"]`
	for content, says := range map[string]string{
		``:                             "not JSON",
		`{}`:                           "want a list of endpoints",
		`[{"name": "a", "urll": "x"}]`: `unknown field "/0/urll"`,
		`[{"name": 7}]`:                "/0/name: want a string",
		one(rest):                      "[0].name",
		one(`"name": "a.b", ` + rest):  "digits, '_' and '-'",
		one(`"name": "a", "url": "ftp://hidden", "secrets": ["` + secret + `"]`):                   "[0].url: want one that begins with https://",
		one(`"name": "a", "url": "https://x.example/#f", "secrets": ["` + secret + `"]`):           "leave out what follows the #",
		one(`"name": "a", "secrets": ["` + secret + `"]`):                                          "[0].url: is missing",
		one(`"name": "a", "url": "https://a.example"`):                                             "[0].secrets: want 1 to 10",
		one(`"name": "a", "url": "https://a.example", "secrets": ["hidden"]`):                      "secrets[0]: want a secret that begins with whsec_ or whsk_",
		one(`"name": "a", "url": "https://a.example", "secrets": ["whsec_hidden!"]`):               "want base64",
		one(`"name": "a", "url": "https://a.example", "secrets": ["whsec_aGlkZGVu"]`):              "want 16 to 128 bytes",
		one(`"name": "a", "url": "https://a.example", "secrets": ["whsk_aGlkZGVu"]`):               "want 32 or 64 bytes",
		one(`"name": "a", "types": ["badge"], ` + rest):                                            `types[0]: "badge": use badge.changed, conversation.changed`,
		one(`"name": "a", "types": ["badge.changed", "badge.changed"], ` + rest):                   "twice",
		one(`"name": "a", "delay": "10", ` + rest):                                                 "use a time with its unit",
		one(`"name": "a", "delay": "2h", ` + rest):                                                 "up to 1h",
		`[{"name": "a", ` + rest + `}, {"name": "a", ` + rest + `}]`:                               "[1].name: \"a\" is that of [0], too",
		`[` + strings.Repeat(`{"name": "a", `+rest+`},`, 64) + `{"name": "a", ` + rest + `}` + `]`: "65 endpoints: want at most 64",
	} {
		_, err := Parse([]byte(content))
		if err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%.80s: %v, want %q", content, err, says)
		}
		if err != nil && strings.Contains(err.Error(), "hidden") {
			t.Errorf("%.80s: a secret is in %q", content, err)
		}
	}
	dir := t.TempDir()
	path := filepath.Join(dir, "hooks.json")
	testkit.OK(t, os.WriteFile(path, make([]byte, maxFile+1), 0o600))
	for path, says := range map[string]string{dir: "is a directory", path: "larger than", filepath.Join(dir, "none"): "no such file"} {
		if _, err := ReadFile(path); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v, want %q", path, err, says)
		}
	}
}

// TestSignatures: a message has a signature of each secret, which the library of receivers
// and crypto alone take, and no other body, id or time has it.
func TestSignatures(t *testing.T) {
	public, key, err := ed25519.GenerateKey(nil)
	testkit.OK(t, err)
	second := "whsec_" + base64.StdEncoding.EncodeToString(make([]byte, 24))
	of := []string{secret, second, "whsk_" + base64.StdEncoding.EncodeToString(key), "whsk_" + base64.StdEncoding.EncodeToString(key.Seed())}
	var by []signer
	for _, s := range of {
		by = append(by, testkit.Must(parseSecret(s))(t))
	}
	h, body, at := http.Header{}, []byte(`{"type":"badge.changed"}`), time.Now()
	testkit.OK(t, sign(h, by, "msg_1", at, body))
	for _, s := range of[:2] {
		testkit.OK(t, testkit.Must(standardwebhooks.NewWebhook(s))(t).Verify(body, h))
	}
	all := strings.Fields(h.Get("webhook-signature"))
	signed := "msg_1." + h.Get("webhook-timestamp") + "." + string(body)
	raw := testkit.Must(base64.StdEncoding.DecodeString(strings.TrimPrefix(secret, "whsec_")))(t)
	mac := hmac.New(sha256.New, raw)
	mac.Write([]byte(signed))
	if want := "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil)); len(all) != 4 || all[0] != want {
		t.Errorf("signatures %v, want %s first", all, want)
	}
	for _, s := range all[2:] {
		signature := testkit.Must(base64.StdEncoding.DecodeString(strings.TrimPrefix(s, "v1a,")))(t)
		if !ed25519.Verify(public, []byte(signed), signature) {
			t.Errorf("%s is no signature of the key", s)
		}
		if ed25519.Verify(public, []byte(signed+" "), signature) {
			t.Error("it is one of anything")
		}
	}
	other := append([]byte(nil), key...)
	other[40] ^= 1
	if _, err := parseSecret("whsk_" + base64.StdEncoding.EncodeToString(other)); err == nil {
		t.Error("a key whose public half is another's is taken")
	}
}

// TestAddresses: nothing is sent to link-local addresses and where clouds tell
// credentials, in whatever form; private ones are where back ends live.
func TestAddresses(t *testing.T) {
	for _, a := range []string{
		"169.254.169.254", "169.254.0.1", "::ffff:169.254.169.254", "::169.254.169.254", "64:ff9b::a9fe:a9fe", "64:ff9b:1::a9fe:a9fe", "2002:a9fe:a9fe::1",
		"fe80::1", "fe80::1%eth0", "ff02::1", "224.0.0.1", "0.0.0.0", "0.1.2.3", "255.255.255.255", "::", "::ffff:0.0.0.0",
		"fd00:ec2::254", "fd20:ce::254", "100.100.100.200", "::ffff:100.100.100.200", "168.63.129.16", "192.0.0.192",
	} {
		if checkAddress(netip.MustParseAddr(a)) == nil {
			t.Errorf("%s is connected to", a)
		}
	}
	for _, a := range []string{"127.0.0.1", "::1", "::ffff:127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "100.64.0.1", "fd00::1", "8.8.8.8", "2606:4700::1111", "64:ff9b::808:808"} {
		if err := checkAddress(netip.MustParseAddr(a)); err != nil {
			t.Errorf("%s: %v", a, err)
		}
	}
	for _, url := range []string{"http://169.254.169.254/latest", "http://[::ffff:169.254.169.254]/", "http://[fe80::1]:80/", "http://0.0.0.0:1/"} {
		s := newSender(&Endpoint{URL: url}, "test")
		if r := s.send(t.Context(), "msg_1", []byte("{}")); r.kind != failed || !strings.Contains(r.reason, "nothing is sent to this address") {
			t.Errorf("%s: %+v", url, r)
		}
	}
}

// TestRetryAfter: seconds, or a date.
func TestRetryAfter(t *testing.T) {
	now := time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)
	for s, want := range map[string]time.Duration{"0": 0, "120": 2 * time.Minute, "Sat, 28 Nov 2026 12:01:00 GMT": time.Minute, "Sat, 28 Nov 2026 11:00:00 GMT": 0} {
		if got, ok := parseRetryAfter(s, now); !ok || got != want {
			t.Errorf("%q: %v %v", s, got, ok)
		}
	}
	for _, s := range []string{"", "soon", "-1", "1.5"} {
		if _, ok := parseRetryAfter(s, now); ok {
			t.Errorf("%q is taken", s)
		}
	}
}
