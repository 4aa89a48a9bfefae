package server

import (
	"context"
	"fmt"
	"time"

	"reddot/api/rest"
	"reddot/events"
	"reddot/projector/log"
	"reddot/projector/log/pull"
)

// Of one page of the log: how long it may take to be read, and after how many bytes of
// payloads it ends.
const (
	loggedTimeout = 10 * time.Second
	maxLogged     = 1 << 20
)

// ReadLog implements rest.Live. What lies in the log is shown whatever it is: others than
// reddot may write to it.
func (w *web) ReadLog(ctx context.Context, from events.Seq, limit int) (reply rest.LogReply, err error) {
	p, err := w.source.running()
	if err != nil {
		return reply, err
	}
	ctx, cancel := context.WithTimeout(ctx, loggedTimeout)
	defer cancel()
	l := p.Log()
	first, last, err := l.Range(ctx)
	if err != nil {
		return reply, err
	}
	reply.Commands = []rest.LoggedCommand{}
	switch {
	case first > last && from == 0:
		return reply, nil
	case first > last:
		return reply, notLogged(from, "the log holds no commands")
	case from == 0:
		from = max(first, last-min(last, events.Seq(limit)-1))
	case from < first:
		return reply, notLogged(from, fmt.Sprintf("seq %d is the first that the log still holds", first))
	case from > last:
		return reply, notLogged(from, fmt.Sprintf("seq %d is the last of the log", last))
	}
	if reply.First, err = placeOf(ctx, l, first); err == nil {
		reply.Last, err = placeOf(ctx, l, last)
	}
	if err != nil {
		return reply, err
	}
	upto, bytes := min(last, from+events.Seq(limit)-1), 0
	err = l.Messages(ctx, from, upto, maxLogged, func(seq events.Seq, m *pull.Message) error {
		if bytes >= maxLogged {
			reply.Next = seq
			return pull.ErrEnough
		}
		c := logged(l.Subjects(), seq, m)
		bytes += c.Bytes
		reply.Commands = append(reply.Commands, c)
		return nil
	})
	return reply, err
}

// notLogged says that the log has no such command.
func notLogged(seq events.Seq, why string) error {
	return &events.Fault{Code: events.ErrNotFound, Message: fmt.Sprintf("no command %d: %s", seq, why)}
}

func placeOf(ctx context.Context, l *log.Log, seq events.Seq) (*rest.LogPlace, error) {
	at, err := l.TimeOf(ctx, seq)
	if err != nil {
		return nil, err
	}
	p := &rest.LogPlace{Seq: seq}
	if !at.IsZero() { // trimmed meanwhile
		p.At = events.Time(at.UnixMilli())
	}
	return p, nil
}

// logged is a command as it lies in the log.
func logged(s events.Subjects, seq events.Seq, m *pull.Message) rest.LoggedCommand {
	if m == nil {
		return rest.LoggedCommand{Seq: seq, Error: "it can't be read: it is missing or damaged"}
	}
	c := rest.LoggedCommand{Seq: seq, At: events.Time(m.Time().UnixMilli()), Subject: m.Subject, Bytes: len(m.Data)}
	target, err := s.ParseCommand(m.Subject)
	if err == nil {
		c.Type = target.Verb.String()
		switch target.Verb.Inbox() {
		case "user":
			c.User = target.Inbox
		case "group":
			c.Group = target.Inbox
		}
		err = events.Decode(target, m.Data, new(events.Command))
	}
	if err != nil {
		c.Error = err.Error()
	}
	object, encoding, err := events.PayloadJSON(m.Data)
	if err != nil {
		c.Base64 = m.Data
		return c
	}
	c.Payload, c.Encoding = object, encoding.String()
	return c
}
