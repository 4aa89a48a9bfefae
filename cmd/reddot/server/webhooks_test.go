package server_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"reddot/api/webhook"
	"reddot/cmd/reddot/server"
	"reddot/projector/testkit"
)

// backEnd takes webhooks, and keeps the badges that it is told.
type backEnd struct {
	*httptest.Server
	mu     sync.Mutex
	badges map[string]uint64
	code   int
}

func newBackEnd(t *testing.T) *backEnd {
	b := &backEnd{badges: map[string]uint64{}, code: http.StatusNoContent}
	b.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var m struct {
			Type string
			Data webhook.Badge
		}
		body, _ := io.ReadAll(r.Body)
		b.mu.Lock()
		defer b.mu.Unlock()
		if b.code == http.StatusNoContent && json.Unmarshal(body, &m) == nil && m.Type == "badge.changed" {
			b.badges[m.Data.User] = m.Data.Badge
		}
		w.WriteHeader(b.code)
	}))
	t.Cleanup(b.Close)
	return b
}

func (b *backEnd) has(user string, badge uint64) func() bool {
	return func() bool {
		b.mu.Lock()
		defer b.mu.Unlock()
		return b.badges[user] == badge
	}
}

func (b *backEnd) answers(code int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.code = code
}

func (b *backEnd) file(names ...string) []byte {
	var all []string
	for _, name := range names {
		all = append(all, fmt.Sprintf(`{"name":%q,"url":%q,"types":["badge.changed"],"secrets":["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"]}`, name, b.URL))
	}
	return []byte("[" + strings.Join(all, ",") + "]")
}

// TestWebhooks: serve tells the endpoints of its file, an operator sees and does what is
// to be seen and done, the file is read again when asked, and a restart loses nothing.
func TestWebhooks(t *testing.T) {
	b := newBackEnd(t)
	file, again := filepath.Join(t.TempDir(), "hooks.json"), make(chan os.Signal)
	testkit.OK(t, os.WriteFile(file, b.file("push"), 0o600))
	dir := t.TempDir()
	hooked := func(c *server.Config) { c.Webhooks, c.Reload = file, again }
	r := start(t, dir, true, hooked)
	r.commands(`{"type":"user.message","user":"alice","id":"m1","from":"bob"}`)
	testkit.Eventually(t, "alice's badge is told", b.has("alice", 1))
	list := asked200[webhook.List](r, "/v1/webhooks")
	if len(list.Webhooks) != 1 || list.Webhooks[0].Name != "push" || list.Webhooks[0].State != "ok" {
		t.Errorf("listed: %+v", list)
	}
	_, text := r.ask(http.StatusOK, "POST", "/v1/webhooks/test", `{"name":"push"}`)
	var tested webhook.Tested
	testkit.OK(t, json.Unmarshal(text, &tested))
	if !tested.Delivered || tested.Status != http.StatusNoContent {
		t.Errorf("tested: %s", text)
	}
	if page := asked200[webhook.Dead](r, "/v1/webhooks/dead?name=push&limit=2"); len(page.Dead) != 0 {
		t.Errorf("dead letters: %+v", page)
	}
	r.ask(http.StatusAccepted, "POST", "/v1/webhooks/replay", `{"name":"push"}`)
	for path, body := range map[string]string{
		"/v1/webhooks/test": `{"name":"none"}`, "/v1/webhooks/replay": `{"name":"none"}`, "/v1/webhooks/dead?name=none": "",
	} {
		method := "POST"
		if body == "" {
			method = "GET"
		}
		r.ask(http.StatusNotFound, method, path, body)
	}
	for path, body := range map[string]string{
		"/v1/webhooks/test": `{"name":"push","ids":["x"]}`, "/v1/webhooks/replay": `{"nam":"push"}`, "/v1/webhooks/dead": "", "/v1/webhooks?name=push": "",
		"/v1/webhooks/dead?name=push&after=x": "", "/v1/webhooks/replay?x=1": `{"name":"push","ids":[]}`,
	} {
		method := "POST"
		if body == "" {
			method = "GET"
		}
		r.ask(http.StatusBadRequest, method, path, body)
	}
	for _, name := range []string{`reddot_webhook_deliveries_total{endpoint="push",outcome="delivered"} 1`, `reddot_webhook_waiting{endpoint="push"} 0`,
		`reddot_webhook_oldest_seconds{endpoint="push"} 0`, `reddot_webhook_dead_total{endpoint="push"} 0`} {
		testkit.Eventually(t, "the metrics say "+name, func() bool { // the receiver knows before the answer is read
			_, metrics := r.ask(http.StatusOK, "GET", "/metrics", "")
			return strings.Contains(string(metrics), name)
		})
	}

	testkit.OK(t, os.WriteFile(file, []byte(`[{"name":"push"}]`), 0o600))
	again <- os.Interrupt
	testkit.Eventually(t, "it is refused", func() bool { return r.log.Has("the file of --webhooks can't be used", "[0].url: is missing") })
	testkit.OK(t, os.WriteFile(file, b.file("push", "other"), 0o600))
	again <- os.Interrupt
	testkit.Eventually(t, "there are two", func() bool {
		list := asked200[webhook.List](r, "/v1/webhooks")
		return len(list.Webhooks) == 2 && list.Webhooks[1].State == "ok"
	})
	b.answers(http.StatusBadGateway)
	r.commands(`{"type":"user.message","user":"alice","id":"m2","from":"bob"}`, `{"type":"user.message","user":"carol","id":"m1","from":"bob"}`)
	r.stop()
	b.answers(http.StatusNoContent)
	r = start(t, dir, true, hooked)
	testkit.Eventually(t, "alice's next badge is told", b.has("alice", 2))
	testkit.Eventually(t, "carol's badge is told", b.has("carol", 1))
	r.stop()
	testkit.OK(t, os.WriteFile(file, []byte(`{}`), 0o600))
	cfg := server.Default()
	cfg.Webhooks = file
	if _, err := server.New(cfg); err == nil || !strings.Contains(err.Error(), "--webhooks: "+file+": want a list of endpoints") {
		t.Errorf("a bad file: %v", err)
	}
}
