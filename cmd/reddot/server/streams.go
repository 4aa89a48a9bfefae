package server

import (
	"context"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"reddot/api"
	"reddot/api/stream"
	"reddot/events"
)

// told is what streams are told from. It implements stream.Source.
type told struct {
	*api.Service
	web      *web
	conn     *nats.Conn
	subjects events.Subjects
}

// Epoch implements stream.Source.
func (t *told) Epoch() string { return t.web.Epoch() }

// Last implements stream.Source.
func (t *told) Last(ctx context.Context) (events.Seq, error) {
	p, err := t.web.source.running()
	if err != nil {
		return 0, err
	}
	return p.End(ctx)
}

// nobody is where watches are answered to: nobody listens.
const nobody = "_INBOX.reddot-watch"

// Watch implements stream.Source. Another reddot may emit, and hears of it: one that comes
// later by the renewal. Without a projection nobody emits here.
func (t *told) Watch(user string) {
	_, _ = t.web.source.Watch(user)
	if t.web.source.peers.Load().Alone() {
		return
	}
	_ = t.conn.PublishRequest(t.subjects.Query(user, events.QueryWatch), nobody, []byte("{}")) // the next renewal follows
}

// ownFiles is how many files a server has open beside those of streams.
const ownFiles = 500

// warnOfFiles warns of a limit of open files that so many streams would exceed.
func (s *Server) warnOfFiles() {
	needs := uint64(s.cfg.Streams)*6/5 + ownFiles
	if limit := openFiles(); s.cfg.HTTP != "" && limit > 0 && limit < needs {
		s.log.Warn("fewer files may be open than --streams needs; raise the limit (ulimit -n, LimitNOFILE), or allow fewer streams",
			"limit", limit, "needs", needs, "streams", s.cfg.Streams)
	}
}

// openStreams makes the streams of a web that is about to answer.
func (s *Server) openStreams(w *web, conn *nats.Conn) (err error) {
	js, err := jetstream.New(conn)
	if err != nil {
		return err
	}
	w.streams, err = stream.New(stream.Config{
		Conn: conn, Subjects: s.subjects, Source: &told{w.Service, w, conn, s.subjects}, Journal: &journalOf{js, s.subjects},
		Streams: s.cfg.Streams, Heartbeat: s.cfg.Heartbeat, Logger: s.log, Registerer: s.registry,
	})
	return err
}
