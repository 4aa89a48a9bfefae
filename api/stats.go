package api

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/micro"

	"reddot/events"
)

// EndpointData is what STATS reports of each endpoint beyond the framework's own
// numbers.
type EndpointData struct {
	Applied events.Seq  `json:"applied"` // last command folded in, at AsOf
	Lag     uint64      `json:"lag"`     // commands between applied and the stream's end, at AsOf
	AsOf    events.Time `json:"as_of"`   // Unix ms; 0 until the projection has given its position
	Waiting int64       `json:"waiting"` // requests waiting for after_seq, of all endpoints
}

const (
	// statusEvery is how old the position in STATS may be: it is fetched
	// ahead, so that whoever monitors waits for nothing.
	statusEvery = time.Second

	// statusTimeout bounds one call of Source.Status.
	statusTimeout = 2 * time.Second
)

// stats collects what STATS reports.
type stats struct {
	position atomic.Pointer[position]
}

type position struct {
	applied events.Seq
	lag     uint64
	asOf    time.Time
}

// seen keeps the position of a status.
func (s *stats) seen(status events.Status) {
	s.position.Store(&position{applied: status.Applied, lag: status.Lag, asOf: time.Now()})
}

// data is the EndpointData now. It never blocks.
func (s *Service) data() any {
	data := EndpointData{Waiting: s.pool.waiting.Load()}
	if at := s.stats.position.Load(); at != nil {
		data.Applied, data.Lag, data.AsOf = at.applied, at.lag, events.Time(at.asOf.UnixMilli())
	}
	return data
}

// follow keeps the position that STATS reports until ctx ends.
func (s *Service) follow(ctx context.Context) {
	tick := time.NewTicker(statusEvery)
	defer tick.Stop()
	for {
		if status, err := s.status(ctx); err == nil {
			s.stats.seen(status)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// status is Source.Status with a bound in time and panics contained.
func (s *Service) status(ctx context.Context) (status events.Status, err error) {
	ctx, cancel := context.WithTimeout(ctx, statusTimeout)
	defer cancel()
	defer func() {
		if r := recover(); r != nil {
			s.logPanic(events.QueryStatus, r)
			err = fmt.Errorf("panic: %v", r)
		}
	}()
	return s.cfg.Source.Status(ctx)
}

// monitorKind is what dropped requests of monitoring tools are counted as.
const monitorKind = "monitor"

// monitor answers the verbs that tools monitor micro services by, in the
// framework's own types. The framework itself would answer to any reply
// subject, and does not know of errors that are answered outside of its handlers.
type monitor struct {
	identity  micro.ServiceIdentity
	started   time.Time
	endpoints []*endpoint
	data      func() any // what STATS reports beside
}

// verbs are what is answered, by its name in subjects.
func (m *monitor) verbs() map[micro.Verb]func() any {
	return map[micro.Verb]func() any{
		micro.PingVerb:  func() any { return micro.Ping{ServiceIdentity: m.who(), Type: micro.PingResponseType} },
		micro.InfoVerb:  func() any { return m.info() },
		micro.StatsVerb: func() any { return m.stats() },
	}
}

func (m *monitor) who() micro.ServiceIdentity {
	who := m.identity
	who.Metadata = maps.Clone(who.Metadata)
	return who
}

func (m *monitor) info() micro.Info {
	info := micro.Info{
		ServiceIdentity: m.who(), Type: micro.InfoResponseType,
		Description: "unread counts, badges and read receipts",
	}
	for _, e := range m.endpoints {
		info.Endpoints = append(info.Endpoints, micro.EndpointInfo{Name: e.name, Subject: e.subject, QueueGroup: micro.DefaultQueueGroup})
	}
	return info
}

func (m *monitor) stats() micro.Stats {
	stats := micro.Stats{ServiceIdentity: m.who(), Type: micro.StatsResponseType, Started: m.started}
	data, err := json.Marshal(m.data())
	for _, e := range m.endpoints {
		s := e.stats()
		if err == nil {
			s.Data = data
		}
		stats.Endpoints = append(stats.Endpoints, &s)
	}
	return stats
}

// listen answers on all subjects of the verbs: of any service, of those of this
// name, and of this instance.
func (m *monitor) listen(subs *subscriptions, allows func(reply string) bool, send func(*nats.Msg)) error {
	for verb, report := range m.verbs() {
		answer := func(req *nats.Msg) {
			if !allows(req.Reply) {
				return
			}
			if body, err := json.Marshal(report()); err == nil {
				send(&nats.Msg{Subject: req.Reply, Data: body})
			}
		}
		for _, name := range [][2]string{{}, {m.identity.Name}, {m.identity.Name, m.identity.ID}} {
			subject, err := micro.ControlSubject(verb, name[0], name[1])
			if err != nil {
				return err
			}
			if err := subs.add(subject, "", answer); err != nil {
				return err
			}
		}
	}
	return nil
}
