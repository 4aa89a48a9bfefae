package natsconn_test

import (
	"errors"
	"strings"
	"testing"

	"reddot/cmd/reddot/natsconn"
)

// TestRedacted: no form of a URL shows what lets one in.
func TestRedacted(t *testing.T) {
	for list, want := range map[string]string{
		"nats://h:4222":               "nats://h:4222",
		"h:4222":                      "nats://h:4222",
		"h":                           "nats://h",
		"me:s3cret@h:4222":            "nats://me:xxxxx@h:4222",
		"nats://me:s3cret@h:4222":     "nats://me:xxxxx@h:4222",
		"nats://me:@h:4222":           "nats://me:xxxxx@h:4222",
		"nats://:s3cret@h:4222":       "nats://:xxxxx@h:4222",
		"nats://s3cret@h:4222":        "nats://xxxxx@h:4222",
		"tls://s3cret@h:4222":         "tls://xxxxx@h:4222",
		"s3cret@h":                    "nats://xxxxx@h",
		"nats://me:s3%40c:r@t@h:4222": "nats://me:xxxxx@h:4222",
		"nats://me:s3cret@a:1,nats://s3cret@b:2,c:3":   "nats://me:xxxxx@a:1,nats://xxxxx@b:2,nats://c:3",
		" nats://me:s3cret@a:1 , tls://you:s3cret@b:2": "nats://me:xxxxx@a:1,tls://you:xxxxx@b:2",
		"wss://me:s3cret@h/nats?token=s3cret#s3cret":   "wss://me:xxxxx@h/nats",
		"nats://[::1]:4222":                            "nats://[::1]:4222",
		"nats://me:s3,cret@h:4222":                     natsconn.UnreadableURL, // a comma separates
		"nats://me:s3 cret@h:4222":                     natsconn.UnreadableURL,
		"nats://me:s3%zzcret@h:4222":                   natsconn.UnreadableURL,
		"nats://me:s3cret@h:port":                      natsconn.UnreadableURL,
		"nats:me:s3cret@h":                             "nats://nats:xxxxx@h",
		"http://me:s3cret@h":                           natsconn.UnreadableURL,
		"nats://me:s3cret@":                            natsconn.UnreadableURL,
	} {
		got := natsconn.Redacted(list)
		if got != want {
			t.Errorf("%s is shown as %s, want %s", list, got, want)
		}
		if strings.Contains(got, "cret") {
			t.Errorf("%s shows the secret: %s", list, got)
		}
		if _, err := natsconn.ParseURLs(list); err != nil && strings.Contains(err.Error(), "cret") {
			t.Errorf("%s: the error shows the secret: %v", list, err)
		}
	}
}

func TestScrubbed(t *testing.T) {
	for text, want := range map[string]string{
		"":                            "",
		"mail bob@example.com":        "mail bob@example.com",
		"dial nats://h:4222: refused": "dial nats://h:4222: refused",
		"dial nats://s3cret@h: lost":  "dial nats://xxxxx@h: lost",
		`parse "tls://me:s3cret@h:x"`: `parse "tls://me:xxxxx@h:x"`,
		"nats://me:s3@cret@h, tls://s3cret@b:1/x": "nats://me:xxxxx@h, tls://xxxxx@b:1/x",
		"nats://me:s3cret@a:1,tls://s3cret@b:2":   "nats://me:xxxxx@a:1,tls://xxxxx@b:2",
		"nats://me:s3cret@a:1,s3cret@b:2":         "nats://me:xxxxx@b:2", // the lesser evil
	} {
		if got := natsconn.Scrubbed(text); got != want {
			t.Errorf("%s is shown as %s, want %s", text, got, want)
		}
	}
	why := errors.New("nats://me:s3cret@h is away")
	if err := natsconn.Safe(why); !errors.Is(err, why) || strings.Contains(err.Error(), "s3cret") {
		t.Errorf("%v", err)
	}
}
