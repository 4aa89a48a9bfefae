package failover

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"sync"

	"reddot/events"
)

// receiver takes webhooks of badges. It does what one has to: it drops what is older than
// what it knows of a user, as a reddot that hung goes on with what it had begun to send.
type receiver struct {
	server *http.Server
	addr   net.Addr

	mu    sync.Mutex
	told  map[string]badge // by user
	late  int              // what was dropped
	wrong error            // the newest one that should not be
}

// badge is what was told of a user.
type badge struct {
	Version events.Seq
	Unread  uint64
}

// receive begins to take webhooks.
func receive() (*receiver, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("take webhooks: %w", err)
	}
	r := &receiver{addr: l.Addr(), told: map[string]badge{}}
	r.server = &http.Server{Handler: r, ReadHeaderTimeout: requestWait}
	go func() { _ = r.server.Serve(l) }() // until it is closed
	return r, nil
}

// configure writes the file that has reddots tell it of badges.
func (r *receiver) configure(file string) error {
	endpoints, err := json.Marshal([]map[string]any{{
		"name": "drill", "url": "http://" + r.addr.String(), "types": []string{"badge.changed"}, "secrets": []string{"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"},
	}})
	if err != nil {
		return err
	}
	return os.WriteFile(file, endpoints, 0o600)
}

// ServeHTTP implements http.Handler.
func (r *receiver) ServeHTTP(_ http.ResponseWriter, req *http.Request) {
	var m struct {
		Type string
		Data struct {
			User    string
			Version events.Seq
			Totals  struct{ Unread uint64 }
			Reason  string
		}
	}
	err := json.NewDecoder(req.Body).Decode(&m)
	r.mu.Lock()
	defer r.mu.Unlock()
	switch d := m.Data; {
	case req.Context().Err() != nil: // who sent it was killed
	case err != nil:
		r.wrong = fmt.Errorf("a webhook can't be read: %w", err)
	case m.Type != "badge.changed": // endpoint.resync is told whatever one asks for
		r.wrong = fmt.Errorf("a webhook is %s: %s", m.Type, d.Reason)
	case d.Version < r.told[d.User].Version:
		r.late++
	default:
		r.told[d.User] = badge{d.Version, d.Totals.Unread}
	}
}

// lacks says of whom the newest badge was not told.
func (r *receiver) lacks(stored *record) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	for i := range userCount {
		if told, is := r.told[user(i)], stored.box(user(i)).last; told.Unread != is.Totals.Unread {
			return fmt.Errorf("%s has %d unread at version %d, and the last webhook said %d at version %d", user(i), is.Totals.Unread, is.Version, told.Unread, told.Version)
		}
	}
	return nil
}

// settle waits until everybody's newest badge is told, and returns what is wrong if it is not.
func (r *receiver) settle(ctx context.Context, stored *record) (problems []string) {
	ctx, cancel := context.WithTimeout(ctx, steadyWait)
	defer cancel()
	for {
		err := r.lacks(stored)
		if err != nil && pause(ctx, lookEvery) == nil {
			continue
		}
		if err = errors.Join(err, r.mistake()); err != nil {
			problems = append(problems, "webhooks: "+err.Error())
		}
		return problems
	}
}

// mistake is what came since it was last asked that should not be.
func (r *receiver) mistake() (wrong error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	wrong, r.wrong = r.wrong, nil
	return wrong
}

// lateOnes is how many told something older than one before.
func (r *receiver) lateOnes() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.late
}

func (r *receiver) close() { _ = r.server.Close() }
