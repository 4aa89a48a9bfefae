package server

import (
	"context"
	"fmt"
	"sync/atomic"

	"github.com/nats-io/nats.go"

	"reddot/api/rest"
	"reddot/api/webhook"
	"reddot/events"
)

// hooks are the webhooks: their file, and what delivers once there is a connection.
type hooks struct {
	file *webhook.File
	now  atomic.Pointer[webhook.Webhooks]
}

// readWebhooks reads the file of --webhooks.
func (s *Server) readWebhooks() (err error) {
	if s.cfg.Webhooks == "" {
		return nil
	}
	if s.hooks.file, err = webhook.ReadFile(s.cfg.Webhooks); err != nil {
		return fmt.Errorf("--webhooks: %w", err)
	}
	return nil
}

// reloadWebhooks reads the file again. One that can't be used changes nothing.
func (s *Server) reloadWebhooks() {
	h := s.hooks.now.Load()
	if h == nil {
		s.log.Warn("the file of --webhooks is not read again: reddot is starting")
		return
	}
	if err := h.Reload(); err != nil {
		s.log.Error("the file of --webhooks can't be used: the endpoints stay as they were", "error", err)
		return
	}
	s.log.Info("the file of --webhooks is read again", "file", s.cfg.Webhooks)
}

// openWebhooks makes what delivers.
func (s *Server) openWebhooks(conn *nats.Conn, replicas int) error {
	h, err := webhook.New(webhook.Config{
		Conn: conn, Subjects: s.subjects, Path: s.cfg.Webhooks, File: s.hooks.file, Ask: &s.web, Epoch: s.web.epoch, Live: s.web.hasStream,
		Instance: s.instance, Replicas: replicas, Version: s.cfg.ServiceVersion, Registry: s.registry, Logger: s.log,
	})
	if err == nil {
		s.hooks.now.Store(h)
	}
	return err
}

// awaitWebhooks returns true when the endpoints are told of what happens from now on, or
// false when ctx ends.
func (s *Server) awaitWebhooks(ctx context.Context) bool {
	h := s.hooks.now.Load()
	if h == nil {
		return true
	}
	select {
	case <-h.Ready():
		return true
	case <-ctx.Done():
		return false
	}
}

// Ask implements webhook.Asker.
func (a *asked) Ask(ctx context.Context, user, query string, body []byte, known events.Seq) (reply any, applied events.Seq, err error) {
	w := a.now.Load()
	if w == nil {
		return nil, 0, errNotConnected
	}
	return w.Ask(ctx, user, query, body, known)
}

// hasStream reports whether a user has a stream here.
func (a *asked) hasStream(user string) bool {
	w := a.now.Load()
	return w != nil && w.streams.Live(user)
}

// epoch names the log; empty: it is not known yet.
func (a *asked) epoch() string {
	if w := a.now.Load(); w != nil {
		return w.Epoch()
	}
	return ""
}

// askWebhooks is what the HTTP API asks about webhooks; nil: there are none.
func (s *Server) askWebhooks() func() rest.Webhooks {
	if s.cfg.Webhooks == "" {
		return nil
	}
	return func() rest.Webhooks {
		if h := s.hooks.now.Load(); h != nil {
			return webWebhooks{h}
		}
		return nil
	}
}

// webWebhooks implements rest.Webhooks.
type webWebhooks struct{ *webhook.Webhooks }

func (w webWebhooks) ListWebhooks(ctx context.Context) (any, error) { return w.List(ctx) }

func (w webWebhooks) TestWebhook(ctx context.Context, name string) (any, error) {
	return w.Test(ctx, name)
}

func (w webWebhooks) DeadWebhooks(ctx context.Context, name string, limit int, after string) (any, string, error) {
	page, err := w.Dead(ctx, name, limit, after)
	return page, page.Next, err
}

func (w webWebhooks) ReplayWebhooks(ctx context.Context, name string, ids []string) (any, error) {
	return w.Replay(ctx, name, ids)
}

// webhookPermissions are what webhooks take on an existing NATS server.
func webhookPermissions(s events.Subjects, inbox string) (list []Permission) {
	out := s.EventStream()
	for _, subject := range webhook.Publishes(s) {
		list = append(list, Permission{Publish, subject, "deliver webhooks", true, ""})
	}
	for _, call := range []string{"CONSUMER.INFO." + out + ".>", "CONSUMER.DURABLE.CREATE." + out + ".>"} {
		list = append(list, Permission{Publish, "$JS.API." + call, "deliver webhooks", true, ""})
	}
	return append(list, Permission{Publish, "$JS.ACK." + out + ".>", "deliver webhooks", true, ""},
		Permission{Publish, inbox + ".>", "tell other reddots about webhooks", true, ""},
		Permission{Subscribe, webhook.Asked(s), "be asked about webhooks by other reddots", true, ""})
}
