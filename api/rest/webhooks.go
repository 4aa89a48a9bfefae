package rest

import (
	"context"
	"fmt"
	"net/http"
)

// Webhooks is what operators ask about webhooks; see package webhook. Errors are
// *events.Fault, or events.ErrCursor.
type Webhooks interface {
	ListWebhooks(ctx context.Context) (reply any, err error)
	TestWebhook(ctx context.Context, name string) (reply any, err error)
	DeadWebhooks(ctx context.Context, name string, limit int, after string) (reply any, next string, err error)
	ReplayWebhooks(ctx context.Context, name string, ids []string) (reply any, err error)
}

// maxReplayIDs is how many dead letters one request names.
const maxReplayIDs = 1000

// webhooks are what operators are answered from.
func (s *Server) webhooks() (Webhooks, error) {
	if s.cfg.Webhooks == nil {
		return nil, Fail(NotFound, "there are no webhooks: start reddot with --webhooks")
	}
	hooks := s.cfg.Webhooks()
	if hooks == nil {
		return nil, Fail(Unavailable, "this instance does not deliver webhooks yet; ask again")
	}
	return hooks, nil
}

// listWebhooks answers GET /v1/webhooks.
func (s *Server) listWebhooks(x *Exchange) error {
	if err := only(x.Query); err != nil {
		return err
	}
	if s.cfg.Webhooks == nil {
		return x.reply(map[string][]any{"webhooks": {}})
	}
	hooks, err := s.webhooks()
	if err != nil {
		return err
	}
	reply, err := hooks.ListWebhooks(x.ctx())
	if err != nil {
		return unavailable(err, "the webhooks can't be listed now; ask again")
	}
	return x.reply(reply)
}

// deadWebhooks answers GET /v1/webhooks/dead.
func (s *Server) deadWebhooks(x *Exchange) error {
	if err := only(x.Query, "name", "limit", "after"); err != nil {
		return err
	}
	name, err := one(x.Query, "name")
	if err == nil && (name == nil || *name == "") {
		err = Fail(BadRequest, "name is missing: that of a webhook")
	}
	if err != nil {
		return err
	}
	limit, after, err := page(x.Query)
	if err != nil {
		return err
	}
	hooks, err := s.webhooks()
	if err != nil {
		return err
	}
	reply, next, err := hooks.DeadWebhooks(x.ctx(), *name, limit, after)
	if err != nil {
		return unavailable(err, "the dead letters can't be read now; ask again")
	}
	if next != "" {
		x.Writer.Header().Set("Link", nextLink(x.Request.URL, next))
	}
	return x.reply(reply)
}

// webhookOrder is the body of what is done with a webhook.
type webhookOrder struct {
	Name string   `json:"name"`
	IDs  []string `json:"ids,omitzero"`
}

// order reads such a body.
func (x *Exchange) order(ids bool) (o webhookOrder, err error) {
	if err := x.strictly(&o, `{"name": "push"}`); err != nil {
		return o, err
	}
	switch {
	case o.Name == "":
		return o, Fail(BadRequest, "name is missing: that of a webhook")
	case o.IDs != nil && !ids:
		return o, Fail(BadRequest, "unknown field "+quoted("ids"))
	case o.IDs != nil && len(o.IDs) == 0, len(o.IDs) > maxReplayIDs:
		return o, Fail(BadRequest, fmt.Sprintf("ids: want 1 to %d, or leave it out for all", maxReplayIDs))
	}
	return o, nil
}

// testWebhook answers POST /v1/webhooks/test.
func (s *Server) testWebhook(x *Exchange) error {
	o, err := x.order(false)
	if err != nil {
		return err
	}
	hooks, err := s.webhooks()
	if err != nil {
		return err
	}
	reply, err := hooks.TestWebhook(x.ctx(), o.Name)
	if err != nil {
		return unavailable(err, "the test can't be sent now; ask again")
	}
	return x.reply(reply)
}

// replayWebhooks answers POST /v1/webhooks/replay.
func (s *Server) replayWebhooks(x *Exchange) error {
	o, err := x.order(true)
	if err != nil {
		return err
	}
	hooks, err := s.webhooks()
	if err != nil {
		return err
	}
	reply, err := hooks.ReplayWebhooks(x.ctx(), o.Name, o.IDs)
	if err != nil {
		return unavailable(err, "the dead letters can't be sent again now; ask again")
	}
	return x.replyWith(http.StatusAccepted, reply)
}
