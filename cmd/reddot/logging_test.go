package main

import (
	"errors"
	"log/slog"
	"strings"
	"testing"

	"reddot/cmd/reddot/natsconn"
)

// TestLogKeepsSecrets: whatever is logged, in whatever form.
func TestLogKeepsSecrets(t *testing.T) {
	for _, format := range []string{"text", "json"} {
		var out strings.Builder
		a := &app{stderr: &out}
		log := a.logger(&logConfig{format: format})
		log.Error("at nats://me:s3cret@h", "error", errors.New("tls://s3cret@h"), "url", "nats://s3cret@h",
			slog.Group("in", "url", "ws://a:s3cret@h"))
		log.With("url", "nats://s3cret@h").Warn("x")
		if strings.Contains(out.String(), "s3cret") || strings.Count(out.String(), natsconn.Hidden) != 5 {
			t.Errorf("%s: %s", format, out.String())
		}
	}
}
