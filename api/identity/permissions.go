package identity

import (
	"reddot/events"
)

// Rights are the NATS subjects that somebody may publish to and subscribe to. An empty
// list is none, which a NATS server has to be told as a denial of all.
type Rights struct{ Publish, Subscribe []string }

// asks are the queries about a user that who looks at anybody may ask.
var asks = []string{"totals", "conversations", "conversation", "explain", "receipt", "threads", "thread", "group-receipts", "readers"}

// orders are the requests beside queries that an operator may make.
var orders = []string{"rebuild", "snapshot", "hold"}

// keyInboxes begins the inboxes of keys, behind those of users. A user of that id has no
// inbox on NATS, or would hear what keys are answered.
const keyInboxes = "key"

// Permissions returns what an identity may do on NATS under a prefix. That of a token
// without a claim "read" or "mark" is less by what these stand for.
func Permissions(id Identity, prefix string) Rights {
	s, err := events.NewSubjects(prefix)
	if err != nil {
		return Rights{}
	}
	switch id.Role {
	case User:
		return ofUser(id, s)
	case Backend:
		return ofBackend(s)
	case Viewer, Operator:
		return ofViewer(id, s)
	case Anybody:
		return Rights{Publish: []string{">"}, Subscribe: []string{">"}}
	}
	return Rights{}
}

func ofUser(id Identity, s events.Subjects) (r Rights) {
	if events.CheckID("user", id.User) != nil {
		return r
	}
	if id.Mark {
		r.Publish = append(r.Publish, s.Do(id.User, ">"))
	}
	if id.Read {
		r.Publish = append(r.Publish, s.Query(id.User, ">"))
		r.Subscribe = append(r.Subscribe, s.Events(id.User))
	}
	if (id.Mark || id.Read) && id.User != keyInboxes {
		r.Subscribe = append(r.Subscribe, s.Inbox(id.User)+".>")
	}
	return r
}

func ofBackend(s events.Subjects) Rights {
	stream := s.EventStream()
	r := Rights{
		Publish:   []string{s.Commands(), s.Prefix() + ".api.>", "$SRV.>"},
		Subscribe: []string{s.Prefix() + ".evt.>", s.Rejected(), "_INBOX.>"},
	}
	for _, verb := range []string{"CREATE", "DURABLE.CREATE", "INFO", "MSG.NEXT", "DELETE"} {
		r.Publish = append(r.Publish, "$JS.API.CONSUMER."+verb+"."+stream+".>")
	}
	r.Publish = append(r.Publish, "$JS.API.STREAM.INFO."+stream, "$JS.ACK."+stream+".>", "$JS.FC.>")
	return r
}

func ofViewer(id Identity, s events.Subjects) Rights {
	r := Rights{Subscribe: []string{s.Prefix() + ".evt.>", s.Rejected(), s.Inboxes() + keyInboxes + "." + events.EscapeToken(id.Name) + ".>"}}
	for _, q := range asks {
		r.Publish = append(r.Publish, s.QueryPattern(q))
	}
	r.Publish = append(r.Publish, s.Status())
	if id.Role == Operator {
		for _, o := range orders {
			r.Publish = append(r.Publish, s.Prefix()+".api."+o)
		}
	}
	return r
}
