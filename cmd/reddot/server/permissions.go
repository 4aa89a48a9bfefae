package server

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/nats-io/nuid"

	"reddot/cmd/reddot/natsconn"
	"reddot/cmd/reddot/repository"
	"reddot/events"
)

// Verb is what a permission of NATS permits.
type Verb string

const (
	Publish   Verb = "publish"
	Subscribe Verb = "subscribe"
)

// Permission is one that reddot's own user needs on a NATS server that asks
// users who they are.
type Permission struct {
	Verb    Verb
	Subject string // with wildcards
	To      string // what it is needed for: "find the log"

	// Vital: without it reddot ends. Others are missed where they are used.
	Vital bool
	// probe, unless empty, is a subject of it that is tried at the start, where
	// its lack would be noticed late or by nobody.
	probe string
}

// Permissions are those that reddot's user needs on the existing NATS server.
func (cfg *Config) Permissions() ([]Permission, error) {
	subjects, err := events.NewSubjects(cfg.Prefix)
	if err != nil {
		return nil, err
	}
	return permissionsOf(cfg, subjects), nil
}

// permissionsOf are the permissions that reddot's user needs.
func permissionsOf(cfg *Config, s events.Subjects) []Permission {
	log, out := s.CommandStream(), s.EventStream()
	prefix, inbox := s.Prefix(), cfg.Auth.InboxPrefix()
	token := nuid.Next() // nobody else uses it
	api := func(call string) string { return "$JS.API." + call }
	list := []Permission{
		{Publish, api("STREAM.INFO." + log), "find the log", true, ""},
		{Publish, api("STREAM.INFO." + out), "find the event stream", true, ""},
		{Publish, api("STREAM.CREATE." + log), "create the log at the first start", true, ""},
		{Publish, api("STREAM.CREATE." + out), "create the event stream at the first start", true, ""},
		{Publish, api("STREAM.UPDATE." + log), "bound the messages of a log that an older reddot has made", true, ""},
		{Publish, api("STREAM.UPDATE." + out), "configure the event stream", true, ""},
		{Publish, api("STREAM.MSG.GET." + log), "look at a command", true, ""},
		{Publish, api("STREAM.MSG.GET." + out), "look at the last event", true, ""},
		{Publish, api("CONSUMER.CREATE." + log + ".>"), "read the log", true, ""},
		{Publish, api("CONSUMER.MSG.NEXT." + log + ".>"), "read the log", true, api("CONSUMER.MSG.NEXT." + log + "." + token)},
		{Publish, api("CONSUMER.DELETE." + log + ".>"), "tidy up after reading the log", false, ""},
		{Publish, api("CONSUMER.CREATE." + out + ".>"), "go on with events that a crash has cut short", true, api("CONSUMER.CREATE." + out + "." + token)},
		{Publish, api("CONSUMER.MSG.NEXT." + out + ".>"), "go on with events that a crash has cut short", true, api("CONSUMER.MSG.NEXT." + out + "." + token)},
		{Publish, api("CONSUMER.DELETE." + out + ".>"), "tidy up after that", false, ""},
		{Publish, prefix + "-out.>", "store events", true, prefix + "-out.probe." + token},
		{Publish, prefix + ".cmd.>", "store what users ask for", true, prefix + ".cmd.probe." + token},
		{Publish, "_INBOX.>", "answer", true, "_INBOX." + token},
		{Publish, prefix + ".inbox.>", "answer users with an inbox of their own", true, prefix + ".inbox.probe." + token},
		{Publish, prefix + ".api.*." + events.QueryWatch, "have other reddots tell streams of large groups", false, ""},
		{Publish, s.Peers(), "tell other reddots how far it is", false, ""},
		{Subscribe, inbox + ".>", "hear the answers of the NATS server", true, inbox + "." + token},
		{Subscribe, prefix + ".evt.>", "tell streams what happens", true, prefix + ".evt." + token + ".change"},
		{Subscribe, s.Peers(), "hear of other reddots", false, ""},
		{Subscribe, prefix + ".api.>", "be asked", true, prefix + ".api." + token + ".totals"},
		{Subscribe, prefix + ".do.>", "be asked by users", true, prefix + ".do." + token + ".read"},
		{Subscribe, "$SRV.>", "be found as a micro service", true, "$SRV.PING.reddot"},
	}
	if cfg.AuthCallout != "" {
		list = append(list, Permission{Subscribe, server.AuthCalloutSubject, "be asked who connects", true, server.AuthCalloutSubject},
			Permission{Publish, "$SYS._INBOX.>", "say who connects", true, "$SYS._INBOX." + token},
			Permission{Publish, connectionsSubject, "count the connections of a user", true, ""})
	}
	if cfg.Trim {
		list = append(list, Permission{Publish, api("STREAM.PURGE." + log), "trim the log", false, ""})
	}
	if cfg.Webhooks != "" {
		list = append(list, webhookPermissions(s, inbox)...)
	}
	place := cfg.place()
	if name, ok := place.Bucket(); ok {
		bucket := repository.BucketStream(name)
		for _, call := range []string{"STREAM.INFO." + bucket, "STREAM.CREATE." + bucket, "STREAM.PURGE." + bucket, "DIRECT.GET." + bucket, "DIRECT.GET." + bucket + ".>",
			"CONSUMER.CREATE." + bucket + ".>", "CONSUMER.DELETE." + bucket + ".>"} {
			list = append(list, Permission{Publish, api(call), "keep snapshots", true, ""})
		}
		list = append(list, Permission{Publish, "$O." + name + ".>", "keep snapshots", true, ""})
	}
	return list
}

// listNeeds is what reddot's user needs, on one line.
func listNeeds(list []Permission) string {
	subjects := func(v Verb) string {
		var all []string
		for _, p := range list {
			if p.Verb == v {
				all = append(all, p.Subject)
			}
		}
		return strings.Join(all, " ")
	}
	return fmt.Sprintf("Reddot's user needs to publish to %s and to subscribe to %s", subjects(Publish), subjects(Subscribe))
}

// denial is what a server does not permit.
type denial struct {
	verb    Verb
	subject string
}

// deniedText is how the server says so.
var deniedText = regexp.MustCompile(`Permissions Violation for (Publish|Subscription) to ("(?:[^"\\]|\\.)*")`)

// parseDenial reads what an error says is not permitted.
func parseDenial(err error) (denial, bool) {
	if !errors.Is(err, nats.ErrPermissionViolation) {
		return denial{}, false
	}
	said := deniedText.FindStringSubmatch(err.Error())
	if said == nil {
		return denial{}, false
	}
	subject, err := strconv.Unquote(said[2])
	if err != nil {
		return denial{}, false
	}
	d := denial{Publish, subject}
	if said[1] == "Subscription" {
		d.verb = Subscribe
	}
	return d, true
}

// need is the permission that would have permitted it; nil if reddot needs none.
func (l *link) need(d denial) *Permission {
	i := slices.IndexFunc(l.needs, func(p Permission) bool { return p.Verb == d.verb && server.SubjectsCollide(p.Subject, d.subject) })
	if i < 0 {
		return nil
	}
	return &l.needs[i]
}

// isVital reports whether reddot can't do without what was denied. A reply subject
// is chosen by who asks, so an answer that can't be sent is not.
func (l *link) isVital(d denial) bool {
	p := l.need(d)
	return p != nil && p.Vital && p.To != "answer" && !strings.HasSuffix(p.Subject, ".inbox.>")
}

// isFirst reports whether a permission that reddot can do without is denied for the
// first time; what is denied again and again is said once.
func (l *link) isFirst(d denial) bool {
	p := l.need(d)
	if p == nil {
		return true
	}
	_, said := l.missed.LoadOrStore(*p, true)
	return !said
}

// explainDenial says what is to be permitted.
func (l *link) explainDenial(d denial) error {
	subject, to := d.subject, "do its work"
	if p := l.need(d); p != nil {
		subject, to = p.Subject, p.To
	}
	return l.addNeeds(fmt.Errorf("the NATS server at %s does not let %s %s to %s, which it takes to %s: permit it",
		natsconn.Redacted(l.urls), l.cfg.Auth.Who(l.urls), d.verb, subject, to))
}

// probeStream is a stream that is not there: what is published for it is stored
// nowhere.
const probeStream = "reddot-probe"

// probe tries the permissions whose lack would not be noticed at the start: a
// reddot that never reads or never answers would look ready.
func (l *link) probe(conn *nats.Conn) error {
	for _, p := range l.needs {
		if p.probe == "" {
			continue
		}
		if err := try(conn, p); err != nil {
			if d, ok := parseDenial(err); ok && d.subject == p.probe {
				return l.explainDenial(d)
			}
			return fmt.Errorf("ask the NATS server at %s for its permissions %w: %w", natsconn.Redacted(l.urls), errNotYet, natsconn.Safe(err))
		}
	}
	return nil
}

// try does something that takes a permission, and nothing else.
func try(conn *nats.Conn, p Permission) error {
	if p.Verb == Subscribe {
		sub, err := conn.SubscribeSync(p.probe)
		if err != nil {
			return err
		}
		defer sub.Unsubscribe() // the connection may be lost meanwhile: then it goes with it
	} else {
		msg := nats.NewMsg(p.probe)
		msg.Header.Set(nats.ExpectedStreamHdr, probeStream)
		if err := conn.PublishMsg(msg); err != nil {
			return err
		}
	}
	if err := conn.Flush(); err != nil {
		return err
	}
	// The server's refusal comes before its answer to the flush.
	if err := conn.LastError(); errors.Is(err, nats.ErrPermissionViolation) {
		return err
	}
	return nil
}

// explainOpen returns what an error of opening the streams means; one that may pass is
// errNotYet. In a cluster that is what a server says that has just started.
func (l *link) explainOpen(err error, clustered bool) error {
	if err == nil || errors.Is(err, errNotYet) {
		return err
	}
	at := natsconn.Redacted(l.urls)
	if api, ok := errors.AsType[*jetstream.APIError](err); ok {
		switch server.ErrorIdentifier(api.ErrorCode) {
		case server.JSClusterNotAvailErr, server.JSClusterIncompleteErr, server.JSClusterNotLeaderErr, server.JSStreamOfflineErr,
			server.JSStreamNameExistErr, server.JSStreamNotFoundErr: // another reddot makes it just now
			return fmt.Errorf("JetStream at %s is %w ready: %w", at, errNotYet, err)
		case server.JSInsufficientResourcesErr, server.JSMemoryResourcesExceededErr, server.JSStorageResourcesExceededErr, server.JSClusterNoPeersErrF:
			return fmt.Errorf("JetStream at %s has not the room for the streams (%w): give it more, or ask for less with --events-max-bytes, which is reserved for events (now %s)",
				at, err, &l.cfg.EventsMaxBytes)
		case server.JSNoLimitsErr:
			return fmt.Errorf("JetStream at %s lets the account of %s have no stream on so many servers (%w): change the account, or say with --replicas on how many they are to be",
				at, l.cfg.Auth.Who(l.urls), err)
		}
	}
	switch {
	case errors.Is(err, nats.ErrNoResponders), errors.Is(err, jetstream.ErrJetStreamNotEnabled), errors.Is(err, jetstream.ErrJetStreamNotEnabledForAccount):
		off := fmt.Errorf(`JetStream is off at the NATS server at %s, or for the account of %s (%w): turn it on, with "jetstream {}" in the server's configuration and "jetstream: enabled" in the account's`,
			at, l.cfg.Auth.Who(l.urls), err)
		if clustered {
			return fmt.Errorf("%w, or %w on", off, errNotYet)
		}
		return off
	case l.needs != nil && transient(err):
		return fmt.Errorf("JetStream at %s does %w answer: %w", at, errNotYet, err)
	}
	return err
}

// transient reports whether an error is one of a server that is away, or slow.
func transient(err error) bool {
	return slices.ContainsFunc([]error{context.DeadlineExceeded, nats.ErrTimeout, nats.ErrConnectionClosed, nats.ErrDisconnected, nats.ErrConnectionReconnecting, nats.ErrNoServers},
		func(e error) bool { return errors.Is(err, e) })
}
