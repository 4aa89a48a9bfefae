package bench

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// maxOpening is how many streams are asked for at once: a few thousand connections fit into
// the queue of a listener, and the system lets those wait a second that don't.
const maxOpening = 1_000

// audience is the clients of streams, in a process of their own.
type audience struct {
	host    string
	key     string
	all     []*listener
	opening chan struct{}
	cutting atomic.Bool
	again   atomic.Int64 // streams that the server has sent away
	running sync.WaitGroup
	failed  chan error

	mu       sync.Mutex
	conns    map[*listener]struct{}
	waits    int           // streams that are not live yet
	live     chan struct{} // closed when none is left
	recorded []heardChange
}

// heardChange is a change that a stream was told, and when.
type heardChange struct {
	User    int    `json:"u"`
	Version uint64 `json:"v"`
	At      int64  `json:"at"` // nanoseconds since 1970
}

// opened is what it took to open all streams.
type opened struct {
	Took  time.Duration
	Again int64 // streams that the server has sent away first
}

// ChildStreams has clients of streams, until ctx ends, which do what they are asked to over
// HTTP. It says where.
func ChildStreams(ctx context.Context, host string, n int, out io.Writer) error {
	c := &audience{host: host, opening: make(chan struct{}, maxOpening), failed: make(chan error, 1), conns: map[*listener]struct{}{}}
	for i := range n {
		c.all = append(c.all, &listener{audience: c, number: i})
	}
	mux := http.NewServeMux()
	serve := func(path string, do func(body []byte) (any, error)) {
		mux.HandleFunc("POST "+path, func(w http.ResponseWriter, r *http.Request) {
			body, err := io.ReadAll(r.Body)
			var answer any
			if err == nil {
				answer, err = do(body)
			}
			if err != nil {
				http.Error(w, err.Error(), http.StatusInternalServerError)
				return
			}
			json.NewEncoder(w).Encode(answer) // who asks fails where it does not come
		})
	}
	serve("/open", func(key []byte) (any, error) {
		c.key = string(key)
		return c.open(ctx, time.Now())
	})
	serve("/reopen", func([]byte) (any, error) {
		began := time.Now()
		c.cut()
		return c.open(ctx, began)
	})
	serve("/leave", func([]byte) (any, error) { c.cut(); return nil, nil })
	serve("/books", func([]byte) (any, error) { return c.books(), nil })
	serve("/heard", func([]byte) (any, error) { return c.takeHeard(), nil })
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return fmt.Errorf("listen for the benchmark: %w", err)
	}
	s := &http.Server{Handler: mux, ReadHeaderTimeout: ackWait}
	stop := context.AfterFunc(ctx, func() { s.Close() })
	defer stop()
	fmt.Fprintln(out, "ready http="+l.Addr().String())
	if err := s.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	c.cut()
	return nil
}

// open opens all streams at once, each from where it was, and waits until all are live.
func (c *audience) open(ctx context.Context, began time.Time) (opened, error) {
	c.cutting.Store(false)
	c.again.Store(0)
	live := make(chan struct{})
	c.mu.Lock()
	c.waits, c.live = len(c.all), live
	c.mu.Unlock()
	for _, l := range c.all {
		l.live = false
		c.running.Go(func() {
			if err := l.run(); !errors.Is(err, errCut) {
				select {
				case c.failed <- err:
				default:
				}
			}
		})
	}
	ctx, cancel := context.WithTimeout(ctx, longWait)
	defer cancel()
	select {
	case <-live:
		return opened{time.Since(began), c.again.Load()}, nil
	case err := <-c.failed:
		return opened{}, err
	case <-ctx.Done():
		return opened{}, ctx.Err()
	}
}

// cut cuts all streams.
func (c *audience) cut() {
	c.mu.Lock()
	c.cutting.Store(true)
	for l := range c.conns {
		l.conn.Close()
	}
	clear(c.conns)
	c.mu.Unlock()
	c.running.Wait()
}

// keep notes a connection, unless all are being cut.
func (c *audience) keep(l *listener) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.cutting.Load() {
		return false
	}
	c.conns[l] = struct{}{}
	return true
}

func (c *audience) isLive() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.waits--; c.waits == 0 {
		close(c.live)
	}
}

// heard notes a change.
func (c *audience) heard(user int, version uint64) {
	at := time.Now().UnixNano()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.recorded = append(c.recorded, heardChange{user, version, at})
}

// takeHeard returns the changes that were heard since it was called last.
func (c *audience) takeHeard() []heardChange {
	c.mu.Lock()
	defer c.mu.Unlock()
	heard := c.recorded
	c.recorded = nil
	return heard
}

// books are what all show.
func (c *audience) books() []book {
	all := make([]book, len(c.all))
	for i, l := range c.all {
		all[i] = l.shown()
	}
	return all
}
