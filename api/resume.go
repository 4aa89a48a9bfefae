package api

import (
	"context"
	"errors"

	"reddot/events"
)

// Resume answers a ResumeRequest as Ask does, and says as of which seq.
func (s *Service) Resume(ctx context.Context, user string, r events.ResumeRequest) (events.ResumeReply, events.Seq, error) {
	body, err := events.Marshal(events.JSON, r)
	if err != nil {
		return events.ResumeReply{}, 0, err
	}
	reply, applied, err := s.Ask(ctx, user, events.QueryResume, body, 0)
	if err != nil {
		return events.ResumeReply{}, 0, err
	}
	state, ok := reply.(events.ResumeReply)
	if !ok {
		return state, 0, errors.New("a resume is answered with something else")
	}
	return state, applied, nil
}
