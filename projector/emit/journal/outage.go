package journal

import (
	"context"
	"errors"
	"log/slog"
	"time"
)

// sayEvery is how often the log says that a server is waited for.
const sayEvery = 10 * time.Second

// outages log that a server is waited for, which is asked again and again
// meanwhile. They are for one goroutine.
type outages struct {
	log  *slog.Logger
	said time.Time
}

// say says what could not be done. A writer that ends waits for nothing.
func (o *outages) say(what string, err error) {
	if errors.Is(err, context.Canceled) {
		return
	}
	if now := time.Now(); now.Sub(o.said) >= sayEvery {
		o.said = now
		o.log.Warn("event stream: waiting for the server", "to", what, "error", err)
	}
}
