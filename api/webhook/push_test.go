package webhook

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
)

// A sender of push notifications in Go, with the standard library alone, to copy:
// api/docs/webhooks.md explains it, and api/js/examples/push.js is the same in Node. It
// takes reddot's webhooks and has APNs and FCM show badges; pushed_test.go has reddot tell
// it. What is yours are the tokens of both, and which user has which devices.

// pushSender takes webhooks. It implements http.Handler.
type pushSender struct {
	secret   string // whsec_..., or the public key of a whsk_ as whpk_...
	apns     string // https://api.push.apple.com
	topic    string // the app's bundle id
	fcm      string // https://fcm.googleapis.com/v1/projects/PROJECT/messages:send
	client   *http.Client
	tokenFor func(service string) string    // "apns": a JWT; "fcm": an OAuth token
	devices  func(user string) []pushDevice // of the user, now
	forget   func(pushDevice)               // it has no app any more

	mu   sync.Mutex
	last map[string]uint64 // the newest version that was pushed, by user; better where the devices are
}

// pushDevice is where an app runs.
type pushDevice struct{ Service, Token string }

// pushBadge is what is used of the data of badge.changed.
type pushBadge struct {
	User    string
	Version uint64
	At      int64 // ms
	Badge   uint64
	Delta   int64
	Cause   *struct {
		Conversation, Message, From string
		Mention                     bool
	}
}

// ServeHTTP answers 2xx once all devices are pushed to; else reddot sends the newest state
// again. It never answers 410: that would pause the endpoint, and not one device.
func (p *pushSender) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 4<<20))
	if err != nil || !verified(p.secret, r.Header, body, time.Now()) {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	var event struct {
		Type string
		Data json.RawMessage
	}
	var b pushBadge
	err = json.Unmarshal(body, &event)
	if err == nil && event.Type == "badge.changed" {
		if err = json.Unmarshal(event.Data, &b); err == nil {
			err = p.push(r.Context(), &b)
		}
	}
	if later := (errLater{}); errors.As(err, &later) {
		w.Header().Set("Retry-After", later.after)
		w.WriteHeader(http.StatusServiceUnavailable)
	} else if err != nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
	} else {
		w.WriteHeader(http.StatusNoContent)
	}
}

// verified reports whether reddot has signed a body, at most five minutes ago: the bytes
// as they came, before anything reads them.
func verified(secret string, h http.Header, body []byte, now time.Time) bool {
	at, err := strconv.ParseInt(h.Get("webhook-timestamp"), 10, 64)
	if err != nil || now.Sub(time.Unix(at, 0)).Abs() > 5*time.Minute {
		return false
	}
	kind, encoded, _ := strings.Cut(secret, "_")
	key, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil {
		return false
	}
	signed := append([]byte(h.Get("webhook-id")+"."+h.Get("webhook-timestamp")+"."), body...)
	mac := hmac.New(sha256.New, key)
	mac.Write(signed)
	for _, s := range strings.Fields(h.Get("webhook-signature")) { // one for each secret of the endpoint
		version, text, _ := strings.Cut(s, ",")
		signature, err := base64.StdEncoding.DecodeString(text)
		switch {
		case err != nil:
		case kind == "whsec" && version == "v1" && hmac.Equal(signature, mac.Sum(nil)):
			return true
		case kind == "whpk" && version == "v1a" && len(key) == ed25519.PublicKeySize && ed25519.Verify(key, signed, signature):
			return true
		}
	}
	return false
}

// push pushes a badge to the user's devices, unless it is no news.
func (p *pushSender) push(ctx context.Context, b *pushBadge) error {
	p.mu.Lock()
	old := b.Version <= p.last[b.User]
	p.mu.Unlock()
	if old {
		return nil
	}
	for _, d := range p.devices(b.User) {
		url, headers, payload := p.fcm, map[string]string{}, fcmMessage(b, d.Token)
		if d.Service == "apns" {
			headers, payload = apnsNotification(b)
			headers["apns-topic"] = p.topic
			url = p.apns + "/3/device/" + d.Token
		}
		if err := p.post(ctx, d, url, headers, payload); err != nil {
			return err
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.last[b.User] = max(b.Version, p.last[b.User])
	return nil
}

// apnsNotification is what APNs is asked for: headers, and a payload of at most 4096 bytes.
func apnsNotification(b *pushBadge) (headers map[string]string, payload map[string]any) {
	headers = map[string]string{
		"apns-push-type":   "alert",
		"apns-priority":    "5",                                    // 10 is for what is seen or heard
		"apns-expiration":  strconv.FormatInt(b.At/1000+86400, 10), // kept for a day if the device is off
		"apns-collapse-id": "badge",                                // at most 64 bytes; the newest one replaces those before
	}
	aps := map[string]any{"badge": b.Badge}
	payload = map[string]any{"aps": aps, "badge": b.Badge, "version": b.Version}
	switch {
	case b.Delta <= 0: // in silence: the app sets the badge
		headers["apns-push-type"] = "background"
		payload["aps"] = map[string]any{"content-available": 1}
	case b.Cause != nil:
		headers["apns-priority"] = "10"
		headers["apns-collapse-id"] = shortened(b.Cause.Conversation)
		title, text := words(b)
		aps["alert"], aps["sound"] = map[string]string{"title": title, "body": text}, "default"
		aps["thread-id"], payload["conversation"] = b.Cause.Conversation, b.Cause.Conversation
	}
	return headers, payload
}

// fcmMessage is what FCM is asked for: of data all values are strings, and no key is "from".
func fcmMessage(b *pushBadge, token string) map[string]any {
	data := map[string]string{"badge": strconv.FormatUint(b.Badge, 10), "version": strconv.FormatUint(b.Version, 10)}
	android := map[string]any{"collapse_key": "badge", "priority": "NORMAL", "ttl": "86400s"}
	headers, payload := apnsNotification(b) // for iPhones that FCM pushes to; it knows their topic
	message := map[string]any{
		"token": token, "data": data, "android": android, "apns": map[string]any{"headers": headers, "payload": payload},
	}
	if b.Delta > 0 && b.Cause != nil {
		data["conversation"], data["sender"] = b.Cause.Conversation, b.Cause.From
		title, text := words(b)
		message["notification"] = map[string]string{"title": title, "body": text}
		android["priority"] = "HIGH"
		android["notification"] = map[string]any{"notification_count": b.Badge, "tag": shortened(b.Cause.Conversation), "sound": "default"}
	}
	return map[string]any{"message": message}
}

// words are what is shown. reddot has ids, and no texts: names and messages are yours.
func words(b *pushBadge) (title, text string) {
	if b.Cause.Mention {
		return b.Cause.From, "mentioned you"
	}
	return b.Cause.From, "sent a message"
}

// shortened is a name of a conversation of 32 bytes.
func shortened(conversation string) string {
	sum := sha256.Sum256([]byte(conversation))
	return hex.EncodeToString(sum[:16])
}

// errLater says that a service wants to be left alone.
type errLater struct{ after string }

func (e errLater) Error() string { return "again after " + e.after + " s" }

// post sends a notification.
func (p *pushSender) post(ctx context.Context, d pushDevice, url string, headers map[string]string, payload any) error {
	body, err := json.Marshal(payload)
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Authorization", "Bearer "+p.tokenFor(d.Service))
	for name, value := range headers {
		req.Header.Set(name, value)
	}
	resp, err := p.client.Do(req) // over HTTP/2, which APNs wants
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	said, err := io.ReadAll(io.LimitReader(resp.Body, 16<<10))
	switch code := resp.StatusCode; {
	case err != nil:
		return err
	case code == http.StatusOK:
		return nil
	case code == http.StatusGone, bytes.Contains(said, []byte("BadDeviceToken")), bytes.Contains(said, []byte("UNREGISTERED")):
		p.forget(d)
		return nil
	case code == http.StatusTooManyRequests || code >= 500:
		after := resp.Header.Get("Retry-After")
		if after == "" {
			after = "10"
		}
		return errLater{after}
	}
	return fmt.Errorf("%s answered %s: %s", d.Service, resp.Status, said)
}
