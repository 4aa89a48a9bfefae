package webhook

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"reddot/projector/testkit"
)

// pushServices are APNs and FCM: they refuse what the real ones refuse by their
// documentation (api/docs/webhooks.md names it).
type pushServices struct {
	*httptest.Server
	mu     sync.Mutex
	got    []pushed
	answer func(http.ResponseWriter) bool // true: it has answered
}

// pushed is a notification that was asked for.
type pushed struct {
	path    string
	headers map[string]string
	body    map[string]any
	at      time.Time
}

func newPushServices(t *testing.T) *pushServices {
	s := &pushServices{}
	s.Server = httptest.NewUnstartedServer(s)
	s.EnableHTTP2 = true
	s.StartTLS()
	t.Cleanup(s.Close)
	return s
}

// ServeHTTP implements http.Handler.
func (s *pushServices) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.answer != nil && s.answer(w) {
		return
	}
	text, _ := io.ReadAll(r.Body)
	p := pushed{path: r.URL.Path, headers: map[string]string{}, at: time.Now()}
	for name := range r.Header {
		if name := strings.ToLower(name); strings.HasPrefix(name, "apns-") || name == "authorization" {
			p.headers[name] = r.Header.Get(name)
		}
	}
	reason := "BadPath"
	if err := json.Unmarshal(text, &p.body); err != nil || r.Method != http.MethodPost || len(text) > 4096 {
		reason = "PayloadTooLarge"
	} else if strings.HasPrefix(p.path, "/3/device/") {
		reason = refusedByAPNs(r.ProtoMajor, p.headers, p.body)
		if p.headers["apns-topic"] != "com.example.chat" {
			reason = "TopicDisallowed"
		}
	} else if p.path == "/v1/projects/chat/messages:send" {
		reason = refusedByFCM(p.body)
	}
	if reason != "" {
		http.Error(w, `{"reason":"`+reason+`"}`, http.StatusBadRequest)
		return
	}
	s.got = append(s.got, p)
}

// refusedByAPNs is why APNs refuses a notification; empty: it does not.
func refusedByAPNs(proto int, h map[string]string, payload map[string]any) string {
	aps, _ := payload["aps"].(map[string]any)
	_, alert := aps["alert"]
	_, badge := aps["badge"]
	_, sound := aps["sound"]
	expiry, err := strconv.ParseInt(h["apns-expiration"], 10, 64)
	switch {
	case proto != 2:
		return "HTTP/2 is needed"
	case len(h["apns-collapse-id"]) > 64:
		return "BadCollapseId"
	case err != nil || expiry != 0 && expiry < time.Now().Unix():
		return "BadExpirationDate"
	case h["apns-push-type"] == "background":
		if h["apns-priority"] != "5" {
			return "BadPriority"
		}
		if alert || badge || sound || aps["content-available"] != 1.0 {
			return "a background push shows nothing"
		}
	case h["apns-push-type"] != "alert":
		return "InvalidPushType"
	case h["apns-priority"] != "5" && h["apns-priority"] != "10":
		return "BadPriority"
	case !alert && !badge && !sound:
		return "an alert shows something"
	}
	return ""
}

// refusedByFCM is why FCM refuses a message.
func refusedByFCM(body map[string]any) string {
	message, _ := body["message"].(map[string]any)
	data, _ := message["data"].(map[string]any)
	for key, value := range data {
		if _, text := value.(string); !text || key == "from" || key == "message_type" || strings.HasPrefix(key, "google.") || strings.HasPrefix(key, "gcm.") {
			return "data: " + key
		}
	}
	android, _ := message["android"].(map[string]any)
	if ttl, _ := android["ttl"].(string); !strings.HasSuffix(ttl, "s") || android["priority"] != "NORMAL" && android["priority"] != "HIGH" {
		return "android"
	}
	apns, _ := message["apns"].(map[string]any)
	headers := map[string]string{}
	for name, value := range apns["headers"].(map[string]any) {
		headers[name], _ = value.(string)
	}
	if message["token"] == nil {
		return "no token"
	}
	return refusedByAPNs(2, headers, apns["payload"].(map[string]any))
}

// await waits for the nth notification.
func (s *pushServices) await(t *testing.T, n int) (p pushed) {
	t.Helper()
	testkit.Eventually(t, fmt.Sprint("notification ", n, " is asked for"), func() bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		if len(s.got) > n {
			p = s.got[n]
		}
		return len(s.got) > n
	})
	return p
}

// sender is a sender of the secret to the devices of one service.
func (s *pushServices) sender(secret, service string) *pushSender {
	return &pushSender{
		secret: secret, apns: s.URL, topic: "com.example.chat", fcm: s.URL + "/v1/projects/chat/messages:send", client: s.Client(),
		tokenFor: func(service string) string { return service + "-token" }, last: map[string]uint64{},
		devices: func(user string) []pushDevice { return []pushDevice{{service, user + "-device"}} }, forget: func(pushDevice) {},
	}
}

// TestPush: what reddot tells becomes what APNs and FCM are asked for, field by field: a
// message is seen and heard, a mention says so, and what is read falls in silence. One
// sender has the old secret of its endpoint and one the new.
func TestPush(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	public, key, err := ed25519.GenerateKey(nil)
	testkit.OK(t, err)
	both := fmt.Sprintf(`"types": ["badge.changed"], "users_prefix": "alice", "secrets": [%q, %q]`, secret, "whsk_"+base64.StdEncoding.EncodeToString(key))
	file := func(name, url string) string { return fmt.Sprintf(`{"name": %q, "url": %q, %s}`, name, url, both) }
	apple, google := newPushServices(t), newPushServices(t)
	var told []map[string]any // to the first one
	sender := apple.sender(secret, "apns")
	toAPNs := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		var m struct{ Data map[string]any }
		if err := json.Unmarshal(body, &m); err != nil {
			t.Error(err)
		}
		told = append(told, m.Data)
		r.Body = io.NopCloser(bytes.NewReader(body))
		sender.ServeHTTP(rw, r)
	}))
	defer toAPNs.Close()
	toFCM := httptest.NewServer(google.sender("whpk_"+base64.StdEncoding.EncodeToString(public), "fcm"))
	defer toFCM.Close()
	h := w.start("[" + file("ios", toAPNs.URL) + "," + file("android", toFCM.URL) + "]")
	w.publish("group.team.join", `{"users": ["alice", "carol"]}`)

	seqs := []float64{float64(w.message("alice", 1))}
	apple.await(t, 0)
	google.await(t, 0)
	seqs = append(seqs, float64(w.publish("group.team.message", `{"id": "g1", "from": "carol", "mentions": ["alice"]}`)))
	apple.await(t, 1)
	google.await(t, 1)
	seqs = append(seqs, float64(w.publish("user.alice.read", `{"conversation": "c2c_bob"}`)))

	const bobs, teams = "c2c_bob", "group_team"
	type object = map[string]any
	wants := []struct {
		headers       map[string]string
		payload       object
		data, android object
		notification  object
	}{
		{map[string]string{"apns-push-type": "alert", "apns-priority": "10", "apns-collapse-id": shortened(bobs)},
			object{"aps": object{"badge": 1.0, "alert": object{"title": "bob", "body": "sent a message"}, "sound": "default", "thread-id": bobs}, "badge": 1.0, "conversation": bobs},
			object{"badge": "1", "conversation": bobs, "sender": "bob"},
			object{"priority": "HIGH", "notification": object{"notification_count": 1.0, "tag": shortened(bobs), "sound": "default"}},
			object{"title": "bob", "body": "sent a message"}},
		{map[string]string{"apns-push-type": "alert", "apns-priority": "10", "apns-collapse-id": shortened(teams)},
			object{"aps": object{"badge": 2.0, "alert": object{"title": "carol", "body": "mentioned you"}, "sound": "default", "thread-id": teams}, "badge": 2.0, "conversation": teams},
			object{"badge": "2", "conversation": teams, "sender": "carol"},
			object{"priority": "HIGH", "notification": object{"notification_count": 2.0, "tag": shortened(teams), "sound": "default"}},
			object{"title": "carol", "body": "mentioned you"}},
		{map[string]string{"apns-push-type": "background", "apns-priority": "5", "apns-collapse-id": "badge"},
			object{"aps": object{"content-available": 1.0}, "badge": 1.0},
			object{"badge": "1"}, object{"priority": "NORMAL"}, nil},
	}
	for n, want := range wants {
		got := apple.await(t, n)
		at := int64(told[n]["at"].(float64))
		if told[n]["version"] != seqs[n] || got.at.Sub(time.UnixMilli(at)) > 24*time.Hour {
			t.Errorf("told %v, of command %v", told[n], seqs[n])
		}
		want.headers["apns-expiration"] = strconv.FormatInt(at/1000+24*60*60, 10)
		want.payload["version"] = seqs[n]
		apns := object{"headers": object{}, "payload": want.payload}
		for name, value := range want.headers {
			apns["headers"].(object)[name] = value
		}
		want.data["version"] = fmt.Sprint(seqs[n])
		want.android["ttl"], want.android["collapse_key"] = "86400s", "badge"
		message := object{"token": "alice-device", "data": want.data, "android": want.android, "apns": apns}
		if want.notification != nil {
			message["notification"] = want.notification
		}
		want.headers["apns-topic"], want.headers["authorization"] = "com.example.chat", "Bearer apns-token"
		if diff := cmp.Diff(want.headers, got.headers); diff != "" || got.path != "/3/device/alice-device" {
			t.Errorf("APNs is asked %s:\n%s", got.path, diff)
		}
		if diff := cmp.Diff(want.payload, got.body); diff != "" {
			t.Errorf("APNs's payload:\n%s", diff)
		}
		got = google.await(t, n)
		if diff := cmp.Diff(object{"message": message}, got.body); diff != "" || got.headers["authorization"] != "Bearer fcm-token" {
			t.Errorf("FCM is asked with %s:\n%s", got.headers, diff)
		}
	}
	list := testkit.Must(h.List(testkit.Context(t)))(t)
	for _, s := range list.Webhooks {
		if s.State != "ok" {
			t.Errorf("%s: %s, %s", s.Name, s.State, s.Reason)
		}
	}
}

// TestPushAnswers: a device that is gone is forgotten, and does not pause the endpoint; who
// wants to be left alone is; what is refused is no news, and what is not signed by reddot
// is refused.
func TestPushAnswers(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	apple := newPushServices(t)
	sender := apple.sender(secret, "apns")
	forgotten := make(chan pushDevice, 10)
	sender.forget = func(d pushDevice) { forgotten <- d }
	to := httptest.NewServer(sender)
	defer to.Close()
	answers := []func(http.ResponseWriter){
		func(rw http.ResponseWriter) { http.Error(rw, `{"reason":"Unregistered"}`, http.StatusGone) },
		func(rw http.ResponseWriter) {
			rw.Header().Set("Retry-After", "0")
			rw.WriteHeader(http.StatusTooManyRequests)
		},
		func(rw http.ResponseWriter) { http.Error(rw, `{"reason":"BadDeviceToken"}`, http.StatusBadRequest) },
	}
	apple.answer = func(rw http.ResponseWriter) bool {
		if len(answers) == 0 {
			return false
		}
		answers[0](rw)
		answers = answers[1:]
		return true
	}
	h := w.start("[" + endpointFile("push", to.URL, `"types": ["badge.changed"]`) + "]")
	for _, user := range []string{"gone", "bad"} { // the second one is left alone first
		w.message(user, 1)
		if d := testkit.Receive(t, "the device is forgotten", forgotten); d.Token != user+"-device" {
			t.Errorf("forgotten is %s", d.Token)
		}
	}
	w.message("alice", 1)
	if got := apple.await(t, 0); got.path != "/3/device/alice-device" {
		t.Errorf("asked %s", got.path)
	}
	if list := testkit.Must(h.List(testkit.Context(t)))(t); list.Webhooks[0].Paused != nil || list.Webhooks[0].Dead != 0 {
		t.Errorf("the endpoint is %+v", list.Webhooks[0])
	}
	resp := testkit.Must(http.Post(to.URL, "application/json", strings.NewReader(`{"type":"badge.changed"}`)))(t)
	resp.Body.Close()
	if resp.StatusCode != http.StatusBadRequest {
		t.Errorf("what nobody signed is answered %s", resp.Status)
	}
	head, body := http.Header{}, []byte(`{"type":"badge.changed","data":{"user":"alice","version":1,"badge":9}}`)
	testkit.OK(t, sign(head, []signer{testkit.Must(parseSecret(secret))(t)}, "msg_1", time.Now(), body))
	for what, change := range map[string]func(){
		"another body": func() { body[len(body)-3] = '8' },
		"another id":   func() { head.Set("webhook-id", "msg_2") },
		"an old one":   func() { head.Set("webhook-timestamp", "1700000000") },
	} {
		before, was := slices.Clone(body), head.Clone()
		if !verified(secret, head, body, time.Now()) {
			t.Fatal("what is signed is refused")
		}
		change()
		if verified(secret, head, body, time.Now()) {
			t.Errorf("%s is taken", what)
		}
		body, head = before, was
	}
	if verified(secret, head, body, time.Now().Add(10*time.Minute)) {
		t.Error("what was signed ten minutes ago is taken")
	}
}

// TestPushWithoutCause: a badge that rises without a message, as when a conversation is
// marked as unread, is a number and no noise.
func TestPushWithoutCause(t *testing.T) {
	b := &pushBadge{User: "alice", Version: 7, At: 1_700_000_000_000, Badge: 3, Delta: 1}
	headers, payload := apnsNotification(b)
	if diff := cmp.Diff(map[string]string{"apns-push-type": "alert", "apns-priority": "5", "apns-expiration": "1700086400", "apns-collapse-id": "badge"}, headers); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(map[string]any{"aps": map[string]any{"badge": uint64(3)}, "badge": uint64(3), "version": uint64(7)}, payload); diff != "" {
		t.Error(diff)
	}
	if m := fcmMessage(b, "x")["message"].(map[string]any); m["notification"] != nil || m["android"].(map[string]any)["notification"] != nil {
		t.Errorf("FCM shows something: %v", m)
	}
}
