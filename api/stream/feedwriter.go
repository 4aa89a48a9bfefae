package stream

import (
	"crypto/rand"
	"encoding/json"
	"fmt"
	mathrand "math/rand/v2"
	"net/http"
	"time"
)

// Heartbeat is after how much silence a ping comes.
const Heartbeat = 25 * time.Second

// Why a stream ends, and why one begins anew.
const (
	byeShutdown, byeExpired, byeMoved = "shutdown", "expired", "moved"
	resetLost, resetUnknown           = "lost", "unknown"
)

type hello struct {
	Stream    string `json:"stream"`
	Epoch     string `json:"epoch"`
	Heartbeat int64  `json:"heartbeat_ms"`
	Expires   int64  `json:"expires_at,omitempty"`
}

type ping struct {
	At int64 `json:"at"`
}

type bye struct {
	Reason string `json:"reason"`
	Retry  int64  `json:"retry_ms"`
}

func expiresAt(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

func retry(most time.Duration) int64 { return mathrand.Int64N(most.Milliseconds() + 1) }

const writeTimeout = 15 * time.Second

type writer struct {
	w    http.ResponseWriter
	ctl  *http.ResponseController
	held []byte
	err  error
}

func newWriter(w http.ResponseWriter) *writer {
	return &writer{w: w, ctl: http.NewResponseController(w)}
}

func (w *writer) begin(h hello) error {
	head := w.w.Header()
	head.Set("Content-Type", "text/event-stream")
	head.Set("Cache-Control", "no-store, no-transform")
	head.Set("X-Accel-Buffering", "no")
	w.held = fmt.Appendf(w.held, "retry: %d\n", 2000+mathrand.Int64N(3000))
	h.Stream = rand.Text()
	w.object("hello", "", h)
	return w.flush()
}

func (w *writer) object(name, id string, v any) {
	data, err := json.Marshal(v)
	if err != nil {
		w.err = err
		return
	}
	w.event(name, id, data)
}

func (w *writer) event(name, id string, data []byte) {
	w.held = fmt.Appendf(w.held, "event: %s\n", name)
	if id != "" {
		w.held = fmt.Appendf(w.held, "id: %s\n", id)
	}
	w.held = fmt.Appendf(w.held, "data: %s\n\n", data)
}

func (w *writer) full() bool { return len(w.held) > 64<<10 }

func (w *writer) flush() error {
	if w.err != nil || len(w.held) == 0 {
		return w.err
	}
	if w.err = w.ctl.SetWriteDeadline(time.Now().Add(writeTimeout)); w.err != nil {
		return w.err
	}
	if _, w.err = w.w.Write(w.held); w.err == nil {
		w.err = w.ctl.Flush()
	}
	if w.err == nil {
		w.err = w.ctl.SetWriteDeadline(time.Time{})
	}
	w.held = w.held[:0]
	return w.err
}
