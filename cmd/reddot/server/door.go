package server

import (
	"context"
	"fmt"
	"net"

	"reddot/api/identity"
	"reddot/cmd/reddot/natsserver"
)

// mostConnections is how many connections to the NATS server a user may have.
const mostConnections = 10

// admit says who may connect to the embedded NATS server; nil if nobody is asked.
func (s *Server) admit() natsserver.Admit {
	if s.authority.IsOpen() {
		return nil
	}
	return func(ctx context.Context, token string, from net.Addr, client uint64) (natsserver.Guest, error) {
		guest, err := s.guest(ctx, token)
		if err != nil {
			s.refuseNATS(err, from, client)
		}
		return guest, err
	}
}

// refuseNATS logs why somebody may not connect.
func (s *Server) refuseNATS(reason error, from, client any) {
	s.log.Warn("NATS connection refused", "reason", reason, "from", from, "client", client)
}

// guest is who a token is of, with what they may do.
func (s *Server) guest(ctx context.Context, token string) (g natsserver.Guest, err error) {
	id, err := s.authority.Authenticate(ctx, token)
	if err != nil {
		return g, err
	}
	rights := identity.Permissions(id, s.cfg.Prefix)
	if len(rights.Publish)+len(rights.Subscribe) == 0 {
		return g, fmt.Errorf("%v may do nothing on NATS", id)
	}
	g = natsserver.Guest{Name: guestName(id), Publish: rights.Publish, Subscribe: rights.Subscribe, Until: id.Expires}
	if id.Role == identity.User {
		g.Most = mostConnections
	}
	return g, nil
}

// guestName names the connections of an identity: a key may be called as a user is.
func guestName(id identity.Identity) string {
	if id.Role == identity.User {
		return userGuest(id.User)
	}
	return keyGuest(id.Name)
}

func keyGuest(name string) string { return "key:" + name }

func userGuest(user string) string { return "user:" + user }

// disconnect closes a user's connections to the embedded NATS server, and returns how
// many there were.
func (s *Server) disconnect(user string) int { return s.disconnectGuest(userGuest(user)) }

func (s *Server) disconnectGuest(name string) int {
	if server := s.embedded.Load(); server != nil {
		return server.Disconnect(name)
	}
	return 0
}
