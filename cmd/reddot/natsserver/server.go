package natsserver

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"

	"reddot/cmd/reddot/datadir"
)

const (
	// maxMessage is the embedded server's limit for a message, in bytes. It is
	// above the limit for a command, so that one too long is refused by
	// reddot, which says so, and not by the connection.
	maxMessage = 1 << 20
	// maxControl is its limit for a line of the protocol, in bytes: it has room for a
	// client's token.
	maxControl = 16 << 10
	// maxStore is the embedded server's limit for its files, in bytes: none, but
	// for the disk's own. JetStream's, unless it is given one, is three quarters
	// of what was free at the start, and stays when more is freed.
	maxStore = 1 << 50
	// writeDeadline is how long a client may take no bytes before it is
	// dropped. Generous: a client that waits for its disk is no reason.
	writeDeadline = time.Minute
	// readyWait bounds the wait for the listener once the server has started.
	readyWait = 10 * time.Second
	// tlsTimeout bounds a handshake, of TLS or of a WebSocket.
	tlsTimeout = 5 * time.Second
	// noOrigin is the only origin that browsers may have at the WebSocket port, and none
	// has it: a page must not reach the port past the proxy.
	noOrigin = "https://nobody.invalid"
)

// Config configures a server.
type Config struct {
	Data   datadir.Dir // the server keeps its files in its folder NATS
	Listen string      // host:port; port 0 picks a free one
	Sync   SyncPolicy  // of the streams' files
	Reads  Reads       // what is read of the log as soon as it has started
	Logger *slog.Logger

	// Admit, unless nil, is asked about everybody who connects but this process; nil lets
	// everybody do everything.
	Admit Admit
	// TLS, unless nil, is what others have to talk to it with.
	TLS *tls.Config
	// WebSocket has it listen for WebSockets too, at a port of this machine alone that
	// browsers are refused at: WebSocketURL is for a proxy that checks where they come from.
	WebSocket bool

	// Failed, unless nil, is called once a stream's file could not be written. The
	// stream takes nothing any more then, until the server is started again.
	Failed func(error)
}

// Server is a NATS server with JetStream in this process.
type Server struct {
	srv       *server.Server
	dir       string // of its files
	log       *serverLog
	door      *door
	listen    string
	webSocket bool
	stop      func() error
}

// Start starts a server and returns once it accepts connections.
func Start(cfg Config) (*Server, error) {
	s, err := Open(cfg)
	if err != nil {
		return nil, err
	}
	if err := s.Listen(); err != nil {
		return nil, errors.Join(err, s.Shutdown())
	}
	return s, nil
}

// Open starts a server that is for this process alone until Listen is called. Streams
// are recovered from their files before it returns: from their index, if the last end
// was a clean one, else by reading all of them. A second server on the same folder is
// refused, and so is a file that must not be read, by a *CorruptFileError.
func Open(cfg Config) (*Server, error) {
	host, port, err := ParseListen(cfg.Listen)
	if err != nil {
		return nil, err
	}
	dir, err := filepath.Abs(cfg.Data.NATS())
	if err != nil {
		return nil, fmt.Errorf("find the data directory: %w", err)
	}
	if err := os.MkdirAll(dir, datadir.FolderMode); err != nil {
		return nil, fmt.Errorf("create the data directory: %w: choose another with --data", err)
	}
	// JetStream itself lets two servers write the same files.
	lock, err := vfs.Default.Lock(filepath.Join(dir, "LOCK"))
	if err != nil {
		return nil, cfg.Data.LockError(err)
	}
	files, err := CheckBlocks(dir, cfg.Reads)
	if err != nil {
		return nil, errors.Join(err, lock.Close())
	}
	cfg.Logger.Debug("files of the streams checked before the start", "files", files)
	s := &Server{
		dir: dir, log: &serverLog{log: cfg.Logger, failed: cfg.Failed}, door: newDoor(cfg.Admit, cfg.Logger.Warn), listen: cfg.Listen, webSocket: cfg.WebSocket,
	}
	if s.srv, err = runServer(cfg, host, port, dir, s.log, s.door); err != nil {
		return nil, errors.Join(err, lock.Close())
	}
	s.stop = sync.OnceValue(func() error {
		shutdown(s.srv)
		return lock.Close()
	})
	return s, nil
}

func runServer(cfg Config, host string, port int, dir string, logger *serverLog, asks *door) (*server.Server, error) {
	if err := probe(cfg.Listen); err != nil {
		return nil, err
	}
	if port == 0 {
		port = server.RANDOM_PORT
	}
	options := &server.Options{
		ServerName:             "reddot",
		Host:                   host,
		Port:                   port,
		DontListen:             true, // until Listen
		JetStream:              true,
		StoreDir:               dir,
		JetStreamMaxStore:      maxStore,
		SyncInterval:           cfg.Sync.Every,
		SyncAlways:             cfg.Sync.Always,
		MaxPayload:             maxMessage,
		MaxControlLine:         maxControl,
		WriteDeadline:          writeDeadline,
		NoSigs:                 true, // the program handles them
		DisableJetStreamBanner: true,
		TLSConfig:              cfg.TLS,
		TLSTimeout:             tlsTimeout.Seconds(),
	}
	if cfg.Admit != nil || cfg.WebSocket {
		options.CustomClientAuthentication, options.AuthTimeout = asks, (admitTimeout + time.Second).Seconds()
	}
	if cfg.WebSocket {
		options.Websocket = server.WebsocketOpts{
			Host: "127.0.0.1", Port: server.RANDOM_PORT, NoTLS: true, HandshakeTimeout: tlsTimeout, AllowedOrigins: []string{noOrigin},
		}
	}
	s, err := server.NewServer(options)
	if err != nil {
		return nil, fmt.Errorf("configure the NATS server: %w", err)
	}
	asks.alive = func(client uint64) bool { return s.GetClient(client) != nil }
	s.SetLoggerV2(logger, cfg.Logger.Enabled(context.Background(), slog.LevelDebug), false, false)
	s.Start() // returns once it is ready, or has logged a fatal error
	if err := logger.fatal(); err != nil {
		shutdown(s)
		return nil, fmt.Errorf("start the NATS server: %w", err)
	}
	if !s.ReadyForConnections(readyWait) {
		shutdown(s)
		return nil, fmt.Errorf("start the NATS server: it is not ready after %v", readyWait)
	}
	return s, nil
}

// Listen lets others connect. It is called once at most.
func (s *Server) Listen() error {
	s.door.open.Store(true)
	s.srv.AcceptLoop(make(chan struct{})) // returns once it listens, or has logged a fatal error
	if err := s.log.fatal(); err != nil {
		return fmt.Errorf("listen on %s: %w", s.listen, err)
	}
	return nil
}

// Connect connects to the server without the network.
func (s *Server) Connect() (*nats.Conn, error) {
	return nats.Connect("", s.InProcess())
}

// ParseListen reads host:port.
func ParseListen(listen string) (host string, port int, err error) {
	host, p, err := net.SplitHostPort(listen)
	if err != nil {
		return "", 0, fmt.Errorf("listen address %q: %w: use HOST:PORT", listen, err)
	}
	n, err := strconv.ParseUint(p, 10, 16)
	if err != nil {
		return "", 0, fmt.Errorf("listen address %q: use a port from 0 to 65535", listen)
	}
	return host, int(n), nil
}

// probe reports an address that can't be listened on before streams are
// recovered for nothing.
func probe(listen string) error {
	l, err := net.Listen("tcp", listen)
	if err != nil {
		return listenError("--listen", listen, err)
	}
	if err := l.Close(); err != nil {
		return fmt.Errorf("listen on %s: %w", listen, err)
	}
	return nil
}

// listenError says what to do about the address of a flag that can't be
// listened on.
func listenError(flag, address string, err error) error {
	if errors.Is(err, syscall.EADDRINUSE) {
		return fmt.Errorf("address %s is in use: choose another with %s", address, flag)
	}
	return fmt.Errorf("%w: choose another address with %s", err, flag)
}

// URL is where clients reach the server that listens, with the port that it
// really has.
func (s *Server) URL() string { return s.srv.ClientURL() }

// InProcessURL names the server for InProcess, which takes no TLS.
func (s *Server) InProcessURL() string { return strings.Replace(s.URL(), "tls://", "nats://", 1) }

// WebSocketURL is where a proxy reaches the server by WebSocket; empty if it can't.
func (s *Server) WebSocketURL() string {
	if !s.webSocket {
		return ""
	}
	return s.srv.WebsocketURL()
}

// InProcess is the option of a connection to the server without the network, by which a
// command or an answer costs two calls of the system less.
func (s *Server) InProcess() nats.Option { return nats.InProcessServer(s.srv) }

// Shutdown stops the server and returns once its files are closed and its
// directory is free. Further calls do nothing.
func (s *Server) Shutdown() error { return s.stop() }

func shutdown(s *server.Server) {
	s.Shutdown()
	s.WaitForShutdown()
}
