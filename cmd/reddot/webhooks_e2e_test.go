package main_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/nats-io/nats.go/jetstream"

	"reddot/projector/testkit"
	"reddot/projector/testkit/natstest"
)

// Sizes of the test of webhooks.
const (
	hookChanges = 2_000
	hookUsers   = 50
	hookKills   = 5
)

// hookReceiver takes webhooks, unless it is down.
type hookReceiver struct {
	t      *testing.T
	mu     sync.Mutex
	down   bool
	taken  int
	newest map[string]hookTold // by type and user
}

// hookTold is the state that was told last.
type hookTold struct {
	Version uint64
	Totals  struct{ Unread uint64 }
}

// ServeHTTP implements http.Handler.
func (r *hookReceiver) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	var m struct {
		Type string
		Data struct {
			hookTold
			User string
		}
	}
	err := json.NewDecoder(req.Body).Decode(&m)
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case err != nil: // it was killed
	case r.down:
		w.WriteHeader(http.StatusServiceUnavailable)
	case m.Data.User != "":
		r.taken++
		key := m.Type + " " + m.Data.User
		if last := r.newest[key]; m.Data.Version < last.Version {
			r.t.Errorf("%s: told version %d after %d", key, m.Data.Version, last.Version)
		}
		r.newest[key] = m.Data.hookTold
	}
}

func (r *hookReceiver) turn(down bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.down = down
}

// missing is what somebody was not told yet; empty: all was.
func (r *hookReceiver) missing(want map[string]uint64) string {
	r.mu.Lock()
	defer r.mu.Unlock()
	for user, unread := range want {
		for _, kind := range []string{"badge.changed", "conversation.changed"} {
			if told := r.newest[kind+" "+user]; told.Totals.Unread != unread {
				return fmt.Sprintf("%s of %s: told %+v, want %d", kind, user, told, unread)
			}
		}
	}
	return ""
}

// testWebhookKill kills the server while it delivers webhooks, and while nobody takes them:
// at the end everybody's newest state is told, and on the way none that is older than the
// one before.
func testWebhookKill(t *testing.T, p program) {
	r := &hookReceiver{t: t, newest: map[string]hookTold{}}
	receiver := httptest.NewServer(r)
	defer receiver.Close()
	file := filepath.Join(t.TempDir(), "hooks.json")
	var endpoints []string
	for name, kind := range map[string]string{"badges": "badge.changed", "lists": "conversation.changed"} {
		endpoints = append(endpoints, fmt.Sprintf(`{"name": %q, "url": %q, "types": [%q], "secrets": ["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"]}`, name, receiver.URL, kind))
	}
	testkit.OK(t, os.WriteFile(file, []byte("["+strings.Join(endpoints, ",")+"]"), 0o600))
	dir, args := t.TempDir(), []string{"--listen", natstest.Address(t), "--webhooks", file}
	rng, want := testkit.Rand(t), map[string]uint64{}
	c := p.serve(t, dir, args...)
	for round := range hookKills {
		r.turn(round%2 == 1)
		js := testkit.Must(jetstream.New(connect(t, c.nats)))(t)
		for n := range hookChanges / hookKills {
			user := fmt.Sprint("u", rng.IntN(hookUsers))
			_, err := js.Publish(testkit.Context(t), "unread.cmd.user."+user+".message", fmt.Appendf(nil, `{"id": "m%d.%d", "from": "bob"}`, round, n))
			testkit.OK(t, err)
			want[user]++
		}
		c.kill() // the last ones are still on their way
		c = p.serve(t, dir, args...)
	}
	r.turn(false)
	for _, name := range []string{"badges", "lists"} { // they need not wait for the next step
		testkit.Eventually(t, name+" are taken again", func() bool {
			resp, err := http.Post("http://"+c.http+"/v1/webhooks/test", "application/json", strings.NewReader(`{"name": "`+name+`"}`))
			if err != nil {
				return false
			}
			resp.Body.Close()
			return resp.StatusCode == http.StatusOK
		})
	}
	missing := ""
	defer func() {
		if missing != "" {
			t.Error(missing)
		}
	}()
	testkit.Eventually(t, "everybody's newest state is told", func() bool {
		missing = r.missing(want)
		return missing == ""
	})
	t.Logf("%d messages told %d changes of %d users, through %d kills", r.taken, hookChanges, len(want), hookKills)
	c.terminate(t)
}
