package bench

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
)

// request is the bytes of a request: what asks shares the processors with what is
// measured, so it does no more than it must.
func request(method, host, path, key string, body []byte, headers ...string) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s %s HTTP/1.1\r\nHost: %s\r\nAuthorization: Bearer %s\r\n", method, path, host, key)
	if body != nil {
		fmt.Fprintf(&b, "Content-Type: application/json\r\nContent-Length: %d\r\n", len(body))
	}
	for _, h := range headers {
		b.WriteString(h + "\r\n")
	}
	b.WriteString("\r\n")
	b.Write(body)
	return b.Bytes()
}

// webConn is one connection, on which one request is under way.
type webConn struct {
	net.Conn
	in *bufio.Reader
}

func dialWeb(host string) (*webConn, error) {
	c, err := net.Dial("tcp", host)
	if err != nil {
		return nil, fmt.Errorf("connect to a server of the benchmark: %w", err)
	}
	return &webConn{c, bufio.NewReader(c)}, nil
}

func (c *webConn) close() { c.Conn.Close() } // nothing is under way

// do asks, and returns the answer's headers.
func (c *webConn) do(request []byte, status int) (http.Header, error) {
	if err := c.SetDeadline(time.Now().Add(ackWait)); err != nil {
		return nil, err
	}
	if _, err := c.Write(request); err != nil {
		return nil, fmt.Errorf("ask over HTTP: %w", err)
	}
	resp, err := http.ReadResponse(c.in, nil)
	if err != nil {
		return nil, fmt.Errorf("ask over HTTP: %w", err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != status {
		body, err := io.ReadAll(io.LimitReader(resp.Body, 1<<10))
		line, _, _ := strings.Cut(string(request[:min(len(request), 200)]), "\r\n")
		return nil, &answeredWith{resp.StatusCode, fmt.Errorf("%s: answered %d %s, want %d (%v)", line, resp.StatusCode, body, status, err)}
	}
	_, err = io.Copy(io.Discard, resp.Body)
	return resp.Header, err
}

// answeredWith is an answer with another status than was wanted.
type answeredWith struct {
	status int
	error
}

// askOnce asks on a connection of its own.
func askOnce(host string, request []byte, status int) (http.Header, error) {
	c, err := dialWeb(host)
	if err != nil {
		return nil, err
	}
	defer c.close()
	return c.do(request, status)
}

// webQuestion is a request that is sent over and over.
type webQuestion struct {
	name    string
	host    string
	request []byte
	status  int // that it must have
	got     answers
}

// ask asks for some time, on some connections at once.
func (q *webQuestion) ask(ctx context.Context, inFlight int, lasts time.Duration) (answers, error) {
	var mu sync.Mutex
	var all answers
	start := time.Now()
	end := start.Add(lasts)
	g, ctx := errgroup.WithContext(ctx)
	for range inFlight {
		g.Go(func() error {
			c, err := dialWeb(q.host)
			if err != nil {
				return err
			}
			defer c.close()
			var times sample
			for now := time.Now(); now.Before(end) && ctx.Err() == nil; {
				if _, err := c.do(q.request, q.status); err != nil {
					return err
				}
				asked := now
				now = time.Now()
				times = append(times, now.Sub(asked))
			}
			mu.Lock()
			defer mu.Unlock()
			all.times = append(all.times, times...)
			return ctx.Err()
		})
	}
	err := g.Wait()
	all.took = time.Since(start)
	return all, err
}
