package rest

import (
	"net/http"

	"reddot/events"
)

// maintain begins a rebuild or a snapshot, or joins what has begun.
func (s *Server) maintain(query string) func(*Exchange) error {
	return func(x *Exchange) error {
		if err := only(x.Query); err != nil {
			return err
		}
		live, err := s.live()
		if err != nil {
			return err
		}
		reply, _, err := live.Ask(x.ctx(), "", query, x.Body, 0)
		if err != nil {
			return pointed(err, x)
		}
		return x.replyWith(http.StatusAccepted, reply)
	}
}

// RefusedReply answers GET /v1/refused: refused commands, the newest first.
type RefusedReply struct {
	Refused []events.Rejected `json:"refused"`
	Next    string            `json:"next,omitempty"`
}
