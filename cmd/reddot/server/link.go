package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/nats-io/nats.go"

	"reddot/cmd/reddot/natsconn"
)

const (
	// connectEvery is how long a NATS server that is not there yet is let alone.
	connectEvery = 500 * time.Millisecond
	// waitLogged is how often the log says what is waited for; waitChanged how often,
	// if that is something else.
	waitLogged  = 30 * time.Second
	waitChanged = 2 * time.Second
	// droppedLogged is how often the log says of a connection that messages were
	// dropped: whoever sends too many decides how often they are.
	droppedLogged = 10 * time.Second
)

// link is a server's way to its NATS server: connections that come back whenever
// that was away.
type link struct {
	cfg   *Config
	urls  string
	how   []nats.Option // beside those of cfg
	needs []Permission  // of its user; nil: the NATS server is this program's own
	log   *slog.Logger

	missed  sync.Map // permissions of needs that were denied and that it can do without
	dropped sync.Map // when the log said that messages were dropped, by connection

	// stop ends the server: something needs a person.
	stop func(error)
	// waiting is called with what is waited for.
	waiting func(error)
}

// connect connects, once there is a NATS server. It fails where time changes
// nothing.
func (l *link) connect(ctx context.Context, name string) (*nats.Conn, error) {
	var conn *nats.Conn
	err := l.retry(ctx, func() (err error) {
		conn, err = l.dial(ctx, name)
		return err
	})
	return conn, err
}

// errNotYet is wrapped by errors that may pass by themselves.
var errNotYet = errors.New("not yet")

// retry tries until it is done, or fails for good.
func (l *link) retry(ctx context.Context, try func() error) error {
	var logged time.Time
	var last string
	for {
		err := try()
		if !errors.Is(err, errNotYet) {
			return err
		}
		l.waiting(err)
		if ago := time.Since(logged); ago > waitLogged || ago > waitChanged && err.Error() != last {
			l.log.Warn("waiting", "error", err)
			logged, last = time.Now(), err.Error()
		}
		select {
		case <-time.After(connectEvery):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// dial tries once. The client library does not hear ctx, so a connection that
// comes too late is closed.
func (l *link) dial(ctx context.Context, name string) (*nats.Conn, error) {
	options, err := l.options(name)
	if err != nil {
		return nil, err
	}
	type dialed struct {
		conn *nats.Conn
		err  error
	}
	done := make(chan dialed, 1)
	go func() {
		conn, err := nats.Connect(l.urls, options...)
		if err != nil {
			err = l.explainDial(err, options)
		}
		done <- dialed{conn, err}
	}()
	select {
	case d := <-done:
		return d.conn, d.err
	case <-ctx.Done():
		go func() {
			if d := <-done; d.conn != nil {
				d.conn.Close()
			}
		}()
		return nil, ctx.Err()
	}
}

// explainDial returns what a failure to connect means.
func (l *link) explainDial(err error, options []nats.Option) error {
	if refused := l.cfg.Auth.RefusedByAny(err, l.urls, options); refused != nil {
		return l.addNeeds(refused)
	}
	return fmt.Errorf("no NATS server at %s %w: check --nats, or leave it out to start one (%w)", natsconn.Redacted(l.urls), errNotYet, natsconn.Safe(err))
}

// addNeeds adds to an error what reddot's user needs.
func (l *link) addNeeds(err error) error {
	if l.needs == nil {
		return err
	}
	return fmt.Errorf("%w. %s", err, listNeeds(l.needs))
}

func (l *link) options(name string) ([]nats.Option, error) {
	options, err := l.cfg.Auth.Options()
	if err != nil {
		return nil, err
	}
	options = append(options,
		nats.Name(name),
		nats.MaxReconnects(-1),
		nats.ReconnectWait(200*time.Millisecond),
		nats.PingInterval(natsconn.PingEvery),
		nats.MaxPingsOutstanding(natsconn.PingsMissed),
		nats.DisconnectErrHandler(func(_ *nats.Conn, err error) {
			if err != nil {
				l.log.Warn("NATS server lost", "connection", name, "error", err)
			}
		}),
		nats.ReconnectHandler(func(c *nats.Conn) {
			l.log.Info("NATS server back", "connection", name, "url", natsconn.Redacted(c.ConnectedUrl()))
		}),
		nats.ClosedHandler(func(c *nats.Conn) { l.onClosed(c.LastError()) }),
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) { l.onError(name, err) }),
	)
	return append(options, l.how...), nil
}

// onClosed is called when a connection has ended for good. The library ends one
// by itself when the server refuses the same user again.
func (l *link) onClosed(err error) {
	if err == nil {
		return
	}
	if refused := l.cfg.Auth.Refused(err, l.urls); refused != nil {
		l.stop(l.addNeeds(refused))
	}
}

// onError is called with errors of a connection that goes on.
func (l *link) onError(name string, err error) {
	denied, ok := parseDenial(err)
	switch {
	case ok && l.isVital(denied):
		l.stop(l.explainDenial(denied))
		return
	case ok && !l.isFirst(denied):
		return
	case errors.Is(err, nats.ErrSlowConsumer):
		now := time.Now()
		if said, ok := l.dropped.Load(name); ok && now.Sub(said.(time.Time)) < droppedLogged {
			return
		}
		l.dropped.Store(name, now) // the library calls this for one error of a connection at a time
	}
	l.log.Warn("NATS connection", "connection", name, "error", err)
}
