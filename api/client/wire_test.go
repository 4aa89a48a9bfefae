package client_test

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"net"
	"strconv"
	"sync"
	"sync/atomic"
)

// wire is the network between a client and its server: it can be cut, and it
// can lose messages as a cluster does that loses a server.
type wire struct {
	mu    sync.Mutex
	conns []*lossy
	isCut bool
	lose  func(subject string) bool // nil: nothing
}

// Dial implements nats.CustomDialer.
func (w *wire) Dial(network, address string) (net.Conn, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.isCut {
		return nil, errors.New("the wire is cut")
	}
	c, err := net.Dial(network, address)
	if err != nil {
		return nil, err
	}
	l := &lossy{Conn: c, wire: w, in: bufio.NewReaderSize(c, 64<<10)}
	w.conns = append(w.conns, l)
	return l, nil
}

// hang has nothing come any more over the connections that there are.
func (w *wire) hang() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, c := range w.conns {
		c.hung.Store(true)
	}
}

// cut ends every connection and refuses new ones.
func (w *wire) cut() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.isCut = true
	for _, c := range w.conns {
		_ = c.Close()
	}
	w.conns = nil
}

// mend has new connections succeed again.
func (w *wire) mend() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.isCut = false
}

// losing sets which messages to the client are lost.
func (w *wire) losing(lose func(subject string) bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.lose = lose
}

func (w *wire) loses(subject string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.lose != nil && w.lose(subject)
}

// lossy is a connection that leaves messages out.
type lossy struct {
	net.Conn
	wire *wire
	in   *bufio.Reader
	rest []byte // read and not yet handed on
	hung atomic.Bool
}

func (c *lossy) Read(b []byte) (int, error) {
	for len(c.rest) == 0 {
		op, err := c.in.ReadBytes('\n')
		if err != nil {
			return 0, err
		}
		if c.hung.Load() {
			continue
		}
		c.rest = op
		if !bytes.HasPrefix(op, []byte("MSG ")) && !bytes.HasPrefix(op, []byte("HMSG ")) {
			continue
		}
		fields := bytes.Fields(op)
		size, err := strconv.Atoi(string(fields[len(fields)-1]))
		if err != nil {
			return 0, err
		}
		payload := make([]byte, size+len("\r\n"))
		if _, err := io.ReadFull(c.in, payload); err != nil {
			return 0, err
		}
		c.rest = append(c.rest, payload...)
		if c.wire.loses(string(fields[1])) {
			c.rest = nil
		}
	}
	n := copy(b, c.rest)
	c.rest = c.rest[n:]
	return n, nil
}
