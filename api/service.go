package api

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"regexp"
	"slices"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/micro"

	"reddot/api/gate"
	"reddot/api/gate/bucket"
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

	// drainLook is how often it is looked whether they have.
	drainLook = 10 * time.Millisecond
)

// ServiceConfig says what a Service answers, and where.
type ServiceConfig struct {
	Conn     *nats.Conn      // stays open; required
	Subjects events.Subjects // from events.NewSubjects; required
	Source   Source          // required
	Keeper   Maintainer      // nil: rebuild and snapshot are not answered
	Gate     *gate.Gate      // of users' own commands; nil: they are not answered
	Version  string          // as in 1.2.3 or 1.2.3-rc.1 (SemVer, no leading v); required
	Logger   *slog.Logger    // nil logs nothing
	Metrics  *Metrics        // nil measures nothing

	// ReplyPrefixes are what reply subjects may begin with beside those of
	// inboxes; see CheckReplyPrefix.
	ReplyPrefixes []string
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
	cfg       ServiceConfig
	replies   replyRule
	endpoints []*endpoint          // heard on NATS
	asked     map[string]*endpoint // all of them, by name
	direct    direct               // see Ask
	pool      *pool
	queries   *bucket.Buckets // of users who ask
	stats     stats
	log       *sparseLog
	dropped   *sparseLog
	started   atomic.Bool
	ready     chan struct{}
	doubts    chan struct{} // see doubt
	place     place
}

// NewService returns a service that Run starts.
func NewService(cfg ServiceConfig) (*Service, error) {
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	replies, err := newReplyRule(cfg.Subjects, cfg.ReplyPrefixes, cfg.Conn.Opts.InboxPrefix)
	if err != nil {
		return nil, fmt.Errorf("query service: %w", err)
	}
	heard, web := endpoints(cfg.Subjects, handlers(cfg.Keeper), cfg.Gate != nil)
	asked := map[string]*endpoint{}
	for _, e := range slices.Concat(heard, web) {
		asked[e.name] = e
	}
	return &Service{
		cfg: cfg, replies: replies, endpoints: heard, asked: asked,
		pool: newPool(defaultBounds()), queries: bucket.New(queryRate, queryBurst), ready: make(chan struct{}), doubts: make(chan struct{}, 1),
		log: &sparseLog{logger: cfg.Logger}, dropped: &sparseLog{logger: cfg.Logger},
	}, nil
}

// Ready is closed once every query is answered: the source has been fresh. It
// stays open if Run returns before that.
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

	s.direct.begin(lives{waits, answers})
	defer s.direct.end()
	closed := s.cfg.Conn.StatusChanged(nats.CLOSED)
	defer s.cfg.Conn.RemoveStatusListener(closed)
	subs := &subscriptions{conn: s.cfg.Conn}
	if err := s.listen(ctx, subs, lives{waits, answers}); err != nil {
		if stopping := subs.drain(); stopping != nil {
			s.cfg.Logger.Warn("stop the query service", "error", stopping)
		}
		if ctx.Err() != nil && errors.Is(err, context.Canceled) {
			return nil // asked to end before anybody was heard
		}
		return err
	}
	following := make(chan struct{})
	go func() {
		defer close(following)
		s.follow(waits)
	}()
	q := s.queue(answers)
	attending, stopAttending := context.WithCancel(ctx)
	defer stopAttending()
	attended := make(chan error, 1)
	go func() { attended <- s.attend(attending, waits, q) }()

	var err error
	select {
	case <-closed:
		return fmt.Errorf("query service stopped: the connection to NATS was closed (%w)", lastError(s.cfg.Conn))
	case err = <-attended:
	case <-ctx.Done():
		stopAttending()
		err = <-attended
	}
	deadline := time.Now().Add(drainAnswers)
	endWaits()
	stopping := errors.Join(q.leave(), subs.drain())
	s.drain(func() {
		subs.ended.Wait()
		q.leaving.Wait()
		<-following
	}, deadline)
	if stopping != nil && !s.cfg.Conn.IsClosed() {
		err = errors.Join(err, fmt.Errorf("stop the query service: %w", stopping))
	}
	return err
}

// listen subscribes to what is heard however old the state is, and returns once
// the server has taken the subscriptions and the position for STATS was asked for
// once.
func (s *Service) listen(ctx context.Context, subs *subscriptions, l lives) error {
	for _, e := range s.endpoints {
		if !e.stays() {
			continue
		}
		take := func(req *nats.Msg) { s.take(l, newCall(e, req)) }
		if err := subs.add(e.subject, micro.DefaultQueueGroup, take); err != nil {
			return fmt.Errorf("listen on %s: %w", e.subject, err)
		}
		if e.everywhere {
			if err := subs.add(e.subject, "", s.overhear(e)); err != nil {
				return fmt.Errorf("listen on %s: %w", e.subject, err)
			}
		}
	}
	if err := s.monitor().listen(subs, s.monitored, s.publish); err != nil {
		return fmt.Errorf("listen for monitoring: %w", err)
	}
	if err := flush(ctx, s.cfg.Conn); err != nil {
		return fmt.Errorf("listen for queries: %w", err)
	}
	if err := denied(s.cfg.Conn, s.endpoints); err != nil {
		return err
	}
	if status, err := s.status(ctx); err == nil {
		s.stats.seen(status)
	}
	return nil
}

// queue is the service's place in the queue group.
func (s *Service) queue(answers context.Context) *queue {
	q := &queue{conn: s.cfg.Conn, take: func(waits context.Context, e *endpoint, req *nats.Msg) {
		s.take(lives{waits, answers}, newCall(e, req))
	}}
	for _, e := range s.endpoints {
		if !e.stays() {
			q.endpoints = append(q.endpoints, e)
		}
	}
	return q
}

// overhear does what every instance is asked for and another one may answer: it
// begins a watch, or holds events back, since whichever of them emits has to know.
func (s *Service) overhear(e *endpoint) nats.MsgHandler {
	return func(req *nats.Msg) {
		c := newCall(e, req)
		if c.reply != "" && !s.replies.allows(c.reply, c.user) {
			return // counted where it is answered
		}
		user, err := s.asks(c)
		var q question
		if err == nil {
			q, err = c.read(user, c.body)
		}
		if err == nil {
			defer s.contain(&call{endpoint: e})
			_, err = q.answer(context.Background(), s.cfg.Source)
		}
		if err != nil {
			s.cfg.Logger.Debug("overheard, not done", "query", e.name, "error", err)
		}
	}
}

func (s *Service) monitor() *monitor {
	return &monitor{
		identity: micro.ServiceIdentity{
			Name: ServiceName, ID: rand.Text(), Version: s.cfg.Version,
			Metadata: map[string]string{"prefix": s.cfg.Subjects.Prefix(), "stream": s.cfg.Subjects.CommandStream()},
		},
		started: time.Now().UTC(), endpoints: s.endpoints, data: s.data,
	}
}

func (s *Service) monitored(reply string) bool {
	return s.answerable(monitorKind, "$SRV", reply, "")
}

// drain waits until every request under way is answered, answers what is left
// at the deadline 503, and hands the answers to the network. taken returns once
// all that the server has sent was taken in.
func (s *Service) drain(taken func(), deadline time.Time) {
	all := make(chan struct{})
	go func() {
		defer close(all)
		taken()
	}()
	select {
	case <-all:
	case <-time.After(time.Until(deadline)):
	}
	tick := time.NewTicker(drainLook)
	defer tick.Stop()
	for now := time.Now(); now.Before(deadline) && !s.pool.idle(); {
		now = <-tick.C
	}
	late := s.pool.underway()
	for _, c := range late {
		stopping := &events.Fault{Code: events.ErrUnavailable, Message: "this instance is stopping; ask again"}
		if c.lane == commandLane {
			stopping.Uncertain = true
			stopping.Message = "this instance is stopping: the command may or may not be stored; ask again, with the same key if it had one"
		}
		s.fail(c, stopping)
	}
	if len(late) > 0 {
		s.cfg.Logger.Warn("queries answered 503 at the end of the drain", "count", len(late))
	}
	if err := s.cfg.Conn.FlushTimeout(drainTotal - drainAnswers); err != nil {
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
