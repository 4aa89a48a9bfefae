package identity_test

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"reddot/api/identity"
	"reddot/projector/testkit"
)

// entry is a key of a file.
func entry(name, role, key string) string {
	sum := sha256.Sum256([]byte(key))
	return fmt.Sprintf(`{"name":%q,"role":%q,"sha256":%q}`, name, role, hex.EncodeToString(sum[:]))
}

// TestKeys: each key has its role, two of one name are two.
func TestKeys(t *testing.T) {
	f := newFolder(t)
	a := f.load(`{"keys":[` + strings.Join([]string{
		entry("chat", "backend", "rdk_1"), entry("chat", "backend", "rdk_2"), entry("eyes", "viewer", "rdk_3"),
		entry("ops", "operator", "rdk_4"), entry("prometheus", "metrics", "rdk_5"), entry("eyes", "viewer", "rdk_3"),
	}, ",") + `]}`)
	for key, want := range map[string]string{
		"rdk_1": `backend "chat"`, "rdk_2": `backend "chat"`, "rdk_3": `viewer "eyes"`, "rdk_4": `operator "ops"`, "rdk_5": `metrics "prometheus"`,
	} {
		if id := wantOutcome(t, a, key, key, identity.OK); id.String() != want || !id.Expires.IsZero() {
			t.Errorf("%s: %v, want %s", key, id, want)
		}
	}
	for _, key := range []string{"rdk_", "rdk_6", "rdk_1 ", "RDK_1", "eyJ.e30."} {
		wantOutcome(t, a, key, key, identity.Invalid)
	}
}

// TestNewKey: a new key lets in with the entry that is added to a file, and the rest of
// the file stays.
func TestNewKey(t *testing.T) {
	f := withKeys(t)
	key, e, err := identity.NewKey("chat", identity.Backend, 5000)
	testkit.OK(t, err)
	if !regexp.MustCompile(`^rdk_[0-9A-Za-z]{43}$`).MatchString(key) {
		t.Errorf("a key %q", key)
	}
	if other, _, _ := identity.NewKey("chat", identity.Backend, 0); other == key {
		t.Error("the same key twice")
	}
	text := testkit.Must(identity.AddEntry([]byte(everyKey), e))(t)
	a := f.load(string(text))
	if id := wantOutcome(t, a, "the new key", key, identity.OK); id.Rate != 5000 || id.Name != "chat" {
		t.Errorf("%+v", id)
	}
	wantOutcome(t, a, "a token", f.sign(jwt.SigningMethodHS256, keys.secret, f.claims(nil)), identity.OK)
	if strings.Contains(string(text), key) || !strings.Contains(string(text), e.SHA256) {
		t.Errorf("the file holds %s", text)
	}
	first := testkit.Must(identity.AddEntry(nil, e))(t)
	var shown identity.Entry
	testkit.OK(t, json.Unmarshal([]byte(e.String()), &shown))
	if !strings.Contains(string(first), e.Name) || shown != e {
		t.Errorf("%s, %+v", first, shown)
	}
	for _, content := range []string{`{"key":[]}`, `{`} {
		if _, err := identity.AddEntry([]byte(content), e); err == nil {
			t.Errorf("%s was added to", content)
		}
	}
	if _, _, err := identity.NewKey("a b", identity.Backend, 0); err == nil {
		t.Error("a name with a space")
	}
	if _, _, err := identity.NewKey("a", identity.User, 0); err == nil {
		t.Error("a key of a user")
	}
}

// TestFile: what is wrong with a file is said with the field's name.
func TestFile(t *testing.T) {
	f := withKeys(t)
	f.write("empty", nil)
	f.write("private.pem", []byte("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"))
	digest := strings.Repeat("ab", 32)
	for text, says := range map[string]string{
		`{"keyz":[]}`:                            `unknown field "/keyz"`,
		`{"keys":[{"nam":"x"}]}`:                 `unknown field "/keys/0/nam"`,
		`{"keys":[],"keys":[]}`:                  `duplicate`,
		`{"keys":[]} x`:                          `not JSON`,
		`{"keys":{}}`:                            `/keys: want`,
		``:                                       `not JSON`,
		`{"keys":[{"name":"","role":"viewer"}]}`: `keys[0]: name ""`,
		`{"keys":[{"name":"a","role":"user","sha256":"` + digest + `"}]}`:                                                          `keys[0]: role "user": use backend, viewer, operator or metrics`,
		`{"keys":[{"name":"a","role":"viewer","sha256":"ab"}]}`:                                                                    `keys[0]: sha256: want 64 hex digits`,
		`{"keys":[{"name":"a","role":"viewer","sha256":"` + digest + `","rate":-1}]}`:                                              `keys[0]: rate -1`,
		`{"keys":[{"name":"a","role":"viewer","sha256":"` + digest + `"},{"name":"b","role":"viewer","sha256":"` + digest + `"}]}`: `keys[1]: the same sha256`,
		`{"origins":["*"]}`:                                            `origins[0]: "*"`,
		`{"origins":["https://chat.example/"]}`:                        `origins[0]`,
		`{"origins":["https://Chat.example"]}`:                         `origins[0]`,
		`{"origins":["null"]}`:                                         `origins[0]`,
		`{"trusted_proxies":["10.0.0.1/8"]}`:                           `write 10.0.0.0/8`,
		`{"trusted_proxies":["proxy"]}`:                                `trusted_proxies[0]: "proxy"`,
		`{"tokens":{}}`:                                                `tokens: no key to check them with`,
		`{"tokens":{"secret_file":"empty"}}`:                           `secret_file: empty is empty`,
		`{"tokens":{"secret_file":"no-such"}}`:                         `secret_file: stat ` + f.dir,
		`{"tokens":{"secret_file":"."}}`:                               `is a directory`,
		`{"tokens":{"public_key_files":["hs.key"]}}`:                   `public_key_files[0]: ` + f.dir,
		`{"tokens":{"public_key_files":["rs.pem","private.pem"]}}`:     `public_key_files[1]`,
		`{"tokens":{"jwks_url":"ftp://id.example"}}`:                   `jwks_url: want a URL`,
		`{"tokens":{"secret_file":"hs.key","max_ttl":"1 day"}}`:        `max_ttl "1 day"`,
		`{"tokens":{"secret_file":"hs.key","leeway":"1h"}}`:            `leeway "1h"`,
		`{"tokens":{"secret_file":"hs.key","max_ttl":24}}`:             `/tokens/max_ttl: want`,
		`{"tokens":{"secret_file":"hs.key","algorithms":["none"]}}`:    `unknown field "/tokens/algorithms"`,
		`{"tokens":{"secret_file":"hs.key","allow_role_claim":"yes"}}`: `/tokens/allow_role_claim: want`,
	} {
		path := f.write("auth.json", []byte(text))
		a, err := identity.Load(path, identity.Options{})
		if err == nil || a != nil || !strings.Contains(err.Error(), says) || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: %v, want %q", text, err, says)
		}
	}
	if _, err := identity.Load(filepath.Join(f.dir, "no-such"), identity.Options{}); !os.IsNotExist(err) {
		t.Error(err)
	}
	a := f.load(`{"origins":["https://chat.example:8443","http://localhost:5173"],"trusted_proxies":["10.0.0.0/8","::1","192.0.2.7"]}`)
	if got := fmt.Sprint(a.Origins(), a.TrustedProxies()); got != "[https://chat.example:8443 http://localhost:5173] [10.0.0.0/8 ::1/128 192.0.2.7/32]" {
		t.Error(got)
	}
}

// TestReload: a new file holds at once, one that can't be read changes nothing, and the
// key files are read again too.
func TestReload(t *testing.T) {
	f := withKeys(t)
	a := f.load(`{"keys":[` + entry("a", "viewer", "rdk_1") + `],"tokens":{"secret_file":"hs.key"}}`)
	old := f.sign(jwt.SigningMethodHS256, keys.secret, f.claims(nil))
	f.write("auth.json", []byte(`{"keys":[`))
	if _, err := a.Reload(); err == nil || !strings.Contains(err.Error(), "auth.json: not JSON") {
		t.Error(err)
	}
	wantOutcome(t, a, "the old key", "rdk_1", identity.OK)
	wantOutcome(t, a, "the old token", old, identity.OK)

	f.write("auth.json", []byte(`{"keys":[`+entry("a", "viewer", "rdk_2")+`],"tokens":{"secret_file":"hs.key"}}`))
	f.write("hs.key", []byte("another secret"))
	if gone := reload(t, a); gone != "[a]" {
		t.Errorf("gone are %s", gone)
	}
	wantOutcome(t, a, "the old key", "rdk_1", identity.Invalid)
	wantOutcome(t, a, "the new key", "rdk_2", identity.OK)
	wantOutcome(t, a, "the old token", old, identity.Invalid)
	wantOutcome(t, a, "a new token", f.sign(jwt.SigningMethodHS256, []byte("another secret"), f.claims(nil)), identity.OK)
}

// TestRisks: what would let in somebody else is said in the log.
func TestRisks(t *testing.T) {
	f := newFolder(t)
	f.write("short", []byte("secret"))
	f.write("long", keys.secret)
	for text, says := range map[string]string{
		`"secret_file":"short"`: "has 6 bytes", `"secret_file":"long"`: "", `"jwks_url":"http://id.example/jwks"`: "without TLS",
		`"jwks_url":"http://127.0.0.1:1/jwks"`: "", `"jwks_url":"https://id.example/jwks"`: "",
	} {
		logged := new(testkit.Buffer)
		path := f.write("auth.json", []byte(`{"tokens":{`+text+`}}`))
		_, err := identity.Load(path, identity.Options{Logger: slog.New(slog.NewTextHandler(logged, nil))})
		testkit.OK(t, err)
		if said := logged.String(); (said == "") != (says == "") || !strings.Contains(said, says) || strings.Contains(said, "=secret") {
			t.Errorf("%s: %q, want %q", text, said, says)
		}
	}
}

// TestGone: a key is gone once its entry is, whatever others of its name there are; a new
// rate ends nothing.
func TestGone(t *testing.T) {
	f := newFolder(t)
	a := f.load(`{"keys":[` + entry("a", "viewer", "rdk_1") + `,` + entry("a", "viewer", "rdk_2") + `,` + entry("b", "viewer", "rdk_3") + `,` + entry("c", "viewer", "rdk_4") + `]}`)
	for _, c := range []struct{ keys, gone string }{
		{entry("a", "viewer", "rdk_2") + `,` + entry("b", "operator", "rdk_3") + `,` + strings.Replace(entry("c", "viewer", "rdk_4"), "}", `,"rate":5}`, 1), "[a b]"},
		{entry("a", "viewer", "rdk_2") + `,` + entry("d", "viewer", "rdk_4"), "[b c]"},
		{"", "[a d]"},
		{entry("a", "viewer", "rdk_2"), "[]"},
	} {
		f.write("auth.json", []byte(`{"keys":[`+c.keys+`]}`))
		if gone := reload(t, a); gone != c.gone {
			t.Errorf("with %s gone are %s, want %s", c.keys, gone, c.gone)
		}
	}
}

// TestOpen: where nobody is asked everybody is a back end and an operator.
func TestOpen(t *testing.T) {
	seen := map[string]int{}
	a := identity.Open(identity.Options{Observe: func(m identity.Method, o identity.Outcome) { seen[fmt.Sprint(m, " ", o)]++ }})
	for _, credential := range []string{"", "rdk_1", "x"} {
		id := wantOutcome(t, a, credential, credential, identity.OK)
		if !id.May(identity.Backend) || !id.May(identity.Operator) || id.May(identity.User) || id.Caller() != "" {
			t.Errorf("%+v", id)
		}
	}
	testkit.OK(t, a.Ready())
	if gone := reload(t, a); gone != "[]" {
		t.Errorf("gone are %s", gone)
	}
	if !a.IsOpen() || len(a.Origins()) > 0 || seen["open ok"] != 3 {
		t.Error(a.IsOpen(), a.Origins(), seen)
	}
}

// TestObserve: each decision is counted once.
func TestObserve(t *testing.T) {
	f := withKeys(t)
	seen := map[string]int{}
	path := f.write("auth.json", []byte(`{"keys":[`+entry("a", "viewer", "rdk_1")+`],"tokens":{"secret_file":"hs.key"}}`))
	a, err := identity.Load(path, identity.Options{Now: f.now, Observe: func(m identity.Method, o identity.Outcome) { seen[fmt.Sprint(m, " ", o)]++ }})
	testkit.OK(t, err)
	token := testkit.Must(a.Mint("alice", time.Minute))(t)
	for _, credential := range []string{"rdk_1", "rdk_2", token, token + "x", ""} {
		a.Authenticate(t.Context(), credential)
	}
	f.move(time.Hour)
	a.Authenticate(t.Context(), token)
	if got := fmt.Sprint(seen); got != "map[key invalid:1 key ok:1 none missing:1 token expired:1 token invalid:1 token ok:1]" {
		t.Error(got)
	}
}
