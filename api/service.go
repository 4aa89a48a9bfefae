package api

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"regexp"
	"strings"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/micro"

	"reddot/events"
)

// ServiceName is the name of the NATS micro service.
const ServiceName = "reddot"

// Times of a service's end. All of it is over within drainTotal.
const (
	drainTotal = 2 * time.Second

	// drainAnswers is how long requests under way may take to their own answer;
	// then they are answered 503.
	drainAnswers = 1500 * time.Millisecond

	// drainQuiet without an arrival means that what the server had sent before
	// it took the subscriptions back has been taken in. The framework keeps its
	// subscriptions to itself, so this can't be asked.
	drainQuiet = 100 * time.Millisecond
)

// ServiceConfig says what a Service answers, and where.
type ServiceConfig struct {
	Conn     *nats.Conn      // stays open; required
	Subjects events.Subjects // from events.NewSubjects; required
	Source   Source          // required
	Keeper   Maintainer      // nil: rebuild and snapshot are not answered
	Version  string          // as in 1.2.3 or 1.2.3-rc.1 (SemVer, no leading v); required
	Logger   *slog.Logger    // nil logs nothing
	Metrics  *Metrics        // nil measures nothing
}

func (c *ServiceConfig) validate() error {
	semver := regexp.MustCompile(`^\d+\.\d+\.\d+(-[0-9A-Za-z.-]+)?(\+[0-9A-Za-z.-]+)?$`)
	switch {
	case c.Conn == nil:
		return errors.New("query service: no connection")
	case c.Subjects.Prefix() == "":
		return errors.New("query service: no subjects")
	case c.Source == nil:
		return errors.New("query service: no source")
	case !semver.MatchString(c.Version):
		return fmt.Errorf("query service: version %q is not of the form 1.2.3", c.Version)
	}
	return nil
}

// Service answers queries on NATS.
type Service struct {
	cfg     ServiceConfig
	queries []query
	pool    *pool
	stats   *stats
	log     *sparseLog
	started atomic.Bool
	ready   chan struct{}
}

// NewService returns a service that Run starts.
func NewService(cfg ServiceConfig) (*Service, error) {
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	all := queries(cfg.Keeper)
	s := &Service{
		cfg: cfg, queries: all, pool: newPool(defaultBounds()), stats: newStats(all),
		log: &sparseLog{logger: cfg.Logger}, ready: make(chan struct{}),
	}
	return s, nil
}

// Ready is closed once every query is answered. It stays open if Run returns
// before that.
func (s *Service) Ready() <-chan struct{} { return s.ready }

// lives are how long the two things a request does may last. They are over
// at different moments of a drain: waits at once, answers at its end.
type lives struct{ waits, answers context.Context }

// Run answers queries until ctx is done, then drains: no new request is taken,
// those under way are answered, 503 at worst, and nil is returned within two
// seconds. An error says why the service ended by itself. Run runs once.
func (s *Service) Run(ctx context.Context) error {
	if s.started.Swap(true) {
		return errors.New("query service: run a second time")
	}
	answers, endAnswers := context.WithCancel(context.WithoutCancel(ctx))
	defer endAnswers()
	waits, endWaits := context.WithCancel(answers)
	defer endWaits()

	closed := s.cfg.Conn.StatusChanged(nats.CLOSED)
	defer s.cfg.Conn.RemoveStatusListener(closed)
	service, err := micro.AddService(s.cfg.Conn, s.microConfig())
	if err != nil {
		return fmt.Errorf("add the query service: %w", err)
	}
	if err := s.listen(ctx, service, lives{waits, answers}); err != nil {
		if stopping := service.Stop(); stopping != nil {
			s.cfg.Logger.Warn("stop the query service", "error", stopping)
		}
		return err
	}
	following := make(chan struct{})
	go func() {
		defer close(following)
		s.follow(waits)
	}()
	close(s.ready)

	select {
	case <-closed:
		return fmt.Errorf("query service stopped: the connection to NATS was closed (%w)", lastError(s.cfg.Conn))
	case <-ctx.Done():
	}
	deadline := time.Now().Add(drainAnswers)
	endWaits()
	err = service.Stop()
	s.drain(deadline)
	select {
	case <-following:
	case <-time.After(time.Until(deadline)):
	}
	if err != nil && !s.cfg.Conn.IsClosed() {
		return fmt.Errorf("stop the query service: %w", err)
	}
	return nil
}

func (s *Service) microConfig() micro.Config {
	return micro.Config{
		Name:        ServiceName,
		Version:     s.cfg.Version,
		Description: "unread counts, badges and read receipts",
		Metadata: map[string]string{
			"prefix": s.cfg.Subjects.Prefix(),
			"stream": s.cfg.Subjects.CommandStream(),
		},
		StatsHandler: s.endpoint,
		ErrorHandler: func(_ micro.Service, err *micro.NATSError) {
			s.cfg.Logger.Warn("query subscription", "subject", err.Subject, "error", err.Description)
		},
	}
}

// listen subscribes every query and returns once the server has taken the
// subscriptions and the position for STATS was asked for once.
func (s *Service) listen(ctx context.Context, service micro.Service, l lives) error {
	for i := range s.queries {
		q := &s.queries[i]
		take := micro.HandlerFunc(func(req micro.Request) { s.take(l, newCall(q, req)) })
		subject := q.subject(s.cfg.Subjects)
		if err := service.AddEndpoint(q.name, take, micro.WithEndpointSubject(subject)); err != nil {
			return fmt.Errorf("listen on %s: %w", subject, err)
		}
	}
	if err := s.cfg.Conn.FlushTimeout(flushTimeout); err != nil {
		return fmt.Errorf("listen for queries: %w", err)
	}
	// The server tells a missing permission before it answers the flush.
	if err := s.cfg.Conn.LastError(); errors.Is(err, nats.ErrPermissionViolation) {
		for _, q := range s.queries {
			if subject := q.subject(s.cfg.Subjects); strings.Contains(err.Error(), `"`+subject+`"`) {
				return fmt.Errorf("listen on %s: %w; permit this user to subscribe to it", subject, err)
			}
		}
	}
	if status, err := s.status(ctx); err == nil {
		s.stats.seen(status)
	}
	return nil
}

// flushTimeout bounds a round trip to the NATS server at the start.
const flushTimeout = 10 * time.Second

// drain waits until every request under way is answered, answers what is left
// at the deadline 503, and hands the answers to the network.
func (s *Service) drain(deadline time.Time) {
	flush := func() error { return s.cfg.Conn.FlushTimeout(drainTotal - drainAnswers) }
	if err := flush(); err != nil {
		s.cfg.Logger.Warn("drain queries", "error", err)
	}
	tick := time.NewTicker(drainQuiet / 10)
	defer tick.Stop()
	start := time.Now()
	for now := start; now.Before(deadline); now = <-tick.C {
		last, idle := s.pool.quietSince()
		if idle && now.Sub(start) >= drainQuiet && now.Sub(last) >= drainQuiet {
			break
		}
	}
	late := s.pool.underway()
	for _, c := range late {
		s.fail(c, unavailable(nil, "this instance is stopping; ask again"))
	}
	if len(late) > 0 {
		s.cfg.Logger.Warn("queries answered 503 at the end of the drain", "count", len(late))
	}
	if err := flush(); err != nil {
		s.cfg.Logger.Warn("drain queries", "error", err)
	}
}

// lastError is why a connection ended, as far as it knows.
func lastError(conn *nats.Conn) error {
	if err := conn.LastError(); err != nil {
		return err
	}
	return nats.ErrConnectionClosed
}
