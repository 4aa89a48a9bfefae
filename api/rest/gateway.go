package rest

import (
	"net/http"

	"reddot/api/stream"
	"reddot/events"
)

// gateway answers POST /v1/gateway.
func (s *Server) gateway(x *Exchange) error {
	if err := only(x.Query); err != nil {
		return err
	}
	q := stream.GatewayRequest{Key: x.Who.Name, Expires: x.Who.Expires}
	var err error
	if q.GatewayRequest, err = events.DecodeGateway(x.Body); err != nil {
		return pointed(err, x)
	}
	live, err := s.live()
	if err != nil {
		return err
	}
	s.release(x)
	return live.Streams().ServeGateway(x.Writer, x.Request, q)
}

// gatewayUsers answers POST /v1/gateway/users.
func (s *Server) gatewayUsers(x *Exchange) error {
	if err := only(x.Query); err != nil {
		return err
	}
	q, err := events.DecodeGatewayUsers(x.Body)
	if err != nil {
		return pointed(err, x)
	}
	live, err := s.live()
	if err != nil {
		return err
	}
	if err := live.Streams().ChangeGateway(x.Who.Name, q); err != nil {
		return pointed(err, x)
	}
	x.Writer.WriteHeader(http.StatusNoContent)
	return nil
}
