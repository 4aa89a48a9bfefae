package natsserver

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
)

// serverLog passes the server's log on: warnings and errors as such,
// everything else for debugging. A fatal error is kept for whoever starts it.
type serverLog struct {
	log    *slog.Logger
	failed func(error) // see Config
	mu     struct {
		sync.Mutex
		fatal error
	}
}

func (l *serverLog) fatal() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.mu.fatal
}

func (l *serverLog) Fatalf(format string, v ...any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.mu.fatal = errors.Join(l.mu.fatal, fmt.Errorf(format, v...))
}

func (l *serverLog) Errorf(format string, v ...any) {
	text := fmt.Sprintf(format, v...)
	if strings.Contains(text, "authentication error") {
		l.log.Debug("nats: " + text) // who is refused is said where that is decided
		return
	}
	l.log.Error("nats: " + text)
	// The server reports this nowhere else.
	if l.failed != nil && strings.Contains(text, "ritical write error: ") {
		l.failed(fmt.Errorf("the NATS server can't write to disk (mend it and start again; what was acknowledged is stored): %s", text))
	}
}

func (l *serverLog) Warnf(format string, v ...any) {
	if strings.HasPrefix(format, "Websocket not configured with TLS.") {
		return // it is at a port of this machine, behind a proxy that may have it
	}
	l.log.Warn("nats: " + fmt.Sprintf(format, v...))
}

func (l *serverLog) Noticef(format string, v ...any) { l.debug(format, v...) }
func (l *serverLog) Debugf(format string, v ...any)  { l.debug(format, v...) }
func (l *serverLog) Tracef(format string, v ...any)  { l.debug(format, v...) }

// debug formats only what is shown: the server traces a lot.
func (l *serverLog) debug(format string, v ...any) {
	if l.log.Enabled(context.Background(), slog.LevelDebug) {
		l.log.Debug("nats: " + fmt.Sprintf(format, v...))
	}
}
