package rest

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"
)

// Bounds of the listener. Each route has its own time for the answer; see serve.
const (
	maxURL     = 8 << 10  // bytes
	maxHeaders = 16 << 10 // bytes

	// maxRead is what is read of a head, in bytes, so that a URL or headers that are too
	// long are told as such; what is longer is cut off by net/http.
	maxRead = 48 << 10

	arriveTimeout = 10 * time.Second // of head and body together
	idleTimeout   = time.Minute
	answerTimeout = time.Minute // the longest wait, the longest answer, and room to send it
	shutdownTime  = 1500 * time.Millisecond
)

// listening is the listener, once there is one.
type listening struct{ listener net.Listener }

func (s *Server) newHTTP(handler http.Handler) *http.Server {
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	protocols.SetHTTP2(s.cfg.TLS != nil)
	protocols.SetUnencryptedHTTP2(s.cfg.H2C)
	return &http.Server{
		Handler:        handler,
		Protocols:      protocols,
		TLSConfig:      s.cfg.TLS,
		ReadTimeout:    arriveTimeout, // until serve lifts it
		IdleTimeout:    idleTimeout,
		MaxHeaderBytes: maxRead,
		ErrorLog:       slog.NewLogLogger(s.log.Handler(), slog.LevelDebug),
	}
}

// Listen takes the address. It is apart from Run so that a caller knows the
// port, or that the address is taken, before anything else starts.
func (s *Server) Listen() error {
	l, err := net.Listen("tcp", s.cfg.Addr)
	if err != nil {
		return fmt.Errorf("listen for HTTP: %w; give a free host:port with --http", err)
	}
	s.listener = l
	return nil
}

// Addr is the address listened on, as host:port; empty before Listen.
func (s *Server) Addr() string {
	if s.listener == nil {
		return ""
	}
	return s.listener.Addr().String()
}

// Run serves until ctx is done, then lets requests under way end and returns
// nil within two seconds. It calls Listen if that has not been done. An error
// says why it stopped by itself. Run runs once.
func (s *Server) Run(ctx context.Context) error {
	if s.listener == nil {
		if err := s.Listen(); err != nil {
			return err
		}
	}
	sampling, stop := context.WithCancel(ctx)
	var sampled sync.WaitGroup
	sampled.Go(func() { s.samples.run(sampling) })
	defer func() {
		stop()
		sampled.Wait()
	}()
	failed := make(chan error, 1)
	go func() {
		if s.cfg.TLS != nil {
			failed <- s.http.ServeTLS(s.listener, "", "")
			return
		}
		failed <- s.http.Serve(s.listener)
	}()
	select {
	case err := <-failed:
		return fmt.Errorf("serve HTTP on %s: %w", s.Addr(), err)
	case <-ctx.Done():
	}
	ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownTime)
	defer cancel()
	if err := s.http.Shutdown(ending); err != nil {
		s.log.Warn("close HTTP connections still in use", "error", err)
		return s.http.Close()
	}
	return nil
}
