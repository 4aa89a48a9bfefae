package api

import (
	"encoding/json"
	"maps"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/micro"
)

// monitorKind is what dropped requests of monitoring tools are counted as.
const monitorKind = "monitor"

// monitor answers the verbs that tools monitor micro services by, in the
// framework's own types. The framework itself would answer to any reply
// subject, and does not know of errors that are told outside of its handlers.
type monitor struct {
	identity  micro.ServiceIdentity
	started   time.Time
	endpoints []*endpoint
	data      func() any // what STATS tells beside
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
	for verb, tell := range m.verbs() {
		answer := func(req *nats.Msg) {
			if !allows(req.Reply) {
				return
			}
			if body, err := json.Marshal(tell()); err == nil {
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
