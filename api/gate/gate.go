package gate

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go"

	"reddot/api/gate/bucket"
	"reddot/events"
)

const (
	// DefaultRate is how many commands a second a user may ask for.
	DefaultRate = 20

	// burstSeconds of the rate may come at once: a phone that was offline reports
	// what was read meanwhile.
	burstSeconds = 3

	// DefaultTimeout is how long a request waits unless it says so.
	DefaultTimeout = events.DefaultWaitMS * time.Millisecond

	// MaxPending commands may be without their acknowledgement.
	MaxPending = 4096
)

// Source is the projection, as far as the gate asks it.
type Source interface {
	// WaitApplied and WaitEmitted return nil once the command seq has come so
	// far, ctx's error if that ends first, and another if it can't be known.
	WaitApplied(ctx context.Context, seq events.Seq) error
	WaitEmitted(ctx context.Context, seq events.Seq) error

	// Refusal is why a command that was applied just now was refused; empty if
	// it was accepted.
	Refusal(seq events.Seq) string

	// Holds reports whether there is a row of the user's conversation.
	Holds(user string, c events.ConversationID) (bool, error)

	// HoldsThread reports whether there is a message of a thread, or a row of the
	// user's.
	HoldsThread(user string, c events.ConversationID, thread string) (bool, error)

	// SelfMade counts the user's C2C conversations in which there is no message, and
	// threads that the user follows of which there is none.
	SelfMade(user string) (int, error)
}

// Config says what a Gate lets through, and where to.
type Config struct {
	Conn     *nats.Conn      // stays open; required
	Subjects events.Subjects // required
	Source   Source          // required

	// Rate is how many commands a second a user may ask for, three times that at
	// once. 0: DefaultRate; negative: any number.
	Rate int

	// MaxPending is how many commands may be without their acknowledgement.
	// 0: the constant.
	MaxPending int
}

// Gate lets users' own commands into the log. It is safe for concurrent use. Its
// errors are an [*events.Invalid], for a request that breaks a rule of its form, or
// an [*events.Fault]; one that is Refused was stored before.
type Gate struct {
	subjects events.Subjects
	source   Source
	buckets  *bucket.Buckets // nil: no limit
	quota    *quota
	log      *publisher
}

func unavailable(cause error, message string) error {
	return &events.Fault{Code: events.ErrUnavailable, Message: message, Cause: cause}
}

// New returns a gate.
func New(cfg Config) (*Gate, error) {
	switch {
	case cfg.Conn == nil:
		return nil, errors.New("gate: no connection")
	case cfg.Subjects.Prefix() == "":
		return nil, errors.New("gate: no subjects")
	case cfg.Source == nil:
		return nil, errors.New("gate: no source")
	}
	if cfg.Rate == 0 {
		cfg.Rate = DefaultRate
	}
	if cfg.MaxPending == 0 {
		cfg.MaxPending = MaxPending
	}
	g := &Gate{
		subjects: cfg.Subjects, source: cfg.Source, quota: newQuota(cfg.Source, MaxSelfMade),
		log: newPublisher(cfg.Conn, cfg.Subjects.CommandStream(), cfg.MaxPending),
	}
	if cfg.Rate > 0 {
		g.buckets = bucket.New(float64(cfg.Rate), cfg.Rate*burstSeconds)
	}
	return g, nil
}

// verbs are the commands that a user may ask for, by their names in subjects.
func verbs() map[string]events.Verb {
	return map[string]events.Verb{
		"read": events.UserRead, "read-all": events.UserReadAll, "unread": events.UserUnread,
		"mute": events.UserMute, "level": events.UserLevel, "label": events.UserLabel, "filter": events.UserFilter,
		"block": events.UserBlock, "follow": events.UserFollow, "delete": events.UserDelete, "clear": events.UserClear,
	}
}

// Verbs are the names of the commands that a user may ask for, sorted.
func Verbs() []string {
	var names []string
	for name := range verbs() {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// ParseVerb reads the name of a command that a user may ask for.
func ParseVerb(name string) (events.Verb, error) {
	v, ok := verbs()[name]
	if !ok {
		return v, &events.Invalid{Reason: fmt.Sprintf("unknown verb %.40q: a user may ask for %s", name, strings.Join(Verbs(), ", "))}
	}
	return v, nil
}

// Order is a command that has been checked, on its way into the log.
type Order struct {
	Verb    events.Verb
	Wait    events.Stage
	Timeout time.Duration // of the wait
	started time.Time

	subject string
	payload []byte
	id      string // for the stream's window for duplicates; empty: none
}

// Admit takes n of the user's tokens, or returns events.ErrRateLimited. More than a
// bucket holds is an *events.Invalid: it could never be.
func (g *Gate) Admit(user string, n int) error {
	if most := g.buckets.Burst(); most > 0 && n > most {
		return &events.Invalid{Reason: fmt.Sprintf("%d commands at once: a user may ask for %d", n, most)}
	}
	if wait, ok := g.buckets.Take(user, n, time.Now()); !ok {
		return &events.Fault{Code: events.ErrRateLimited, RetryAfter: wait, Message: fmt.Sprintf(
			"more than %d commands a second; ask again in %d ms", int(g.buckets.PerSecond()), wait.Milliseconds()+1)}
	}
	return nil
}

// Read checks a user's request for a command: the command's payload and what
// events.SplitDo takes out of it. It reads the projection, and waits for
// nothing else.
func (g *Gate) Read(user, verb string, request []byte) (*Order, error) {
	o := &Order{started: time.Now(), Timeout: DefaultTimeout}
	var err error
	if o.Verb, err = ParseVerb(verb); err != nil {
		return nil, err
	}
	asked, payload, err := events.SplitDo(request)
	if err != nil {
		return nil, err
	}
	o.Wait = asked.Wait
	if asked.TimeoutMS != nil {
		o.Timeout = time.Duration(*asked.TimeoutMS) * time.Millisecond
	}
	var c events.Command
	target := events.Target{Verb: o.Verb, Inbox: user}
	if err := events.Decode(target, payload, &c); err != nil {
		return nil, err
	}
	if err := g.quota.check(&c, o.started); err != nil {
		return nil, err
	}
	// Encoded again, so that nothing is stored but what was understood.
	if o.payload, err = events.Encode(&c); err != nil {
		return nil, err
	}
	o.subject = g.subjects.Command(target)
	if asked.Key != "" {
		o.id = messageID(user, asked.Key, 0)
	}
	return o, nil
}

// messageID names the index-th command of a caller's request with a key. The
// caller's name is written as in a subject: one token, fit for a header.
func messageID(caller, key string, index int) string {
	sum := sha256.Sum256([]byte(key))
	return "h." + events.EscapeToken(caller) + "." + hex.EncodeToString(sum[:16]) + "." + strconv.Itoa(index)
}

// storeLeast is how long a command may take to be stored whatever the request's
// timeout is: that is about what it then waits for.
const storeLeast = DefaultTimeout

// Send hands a command to the connection: orders sent one after the other are
// stored in that order. It waits while too many are on their way.
func (g *Gate) Send(ctx context.Context, o *Order) (*Pending, error) {
	ctx, cancel := context.WithDeadline(ctx, o.storeBy())
	defer cancel()
	f := g.log.acks.begin(1)
	if err := g.log.send(ctx, f, 0, o); err != nil {
		f.stop(0)
		return nil, err
	}
	return &Pending{f}, nil
}

func (o *Order) storeBy() time.Time { return o.started.Add(max(o.Timeout, storeLeast)) }

// Await returns nil once a stored command has come as far as the order asks. A
// refusal by the fold is an error then. So is the end of the order's timeout.
func (g *Gate) Await(ctx context.Context, o *Order, seq events.Seq) error {
	if o.Wait == events.Stored {
		return nil
	}
	waiting, cancel := context.WithDeadline(ctx, o.started.Add(o.Timeout))
	defer cancel()
	err := g.source.WaitApplied(waiting, seq)
	if err == nil {
		if reason := g.source.Refusal(seq); reason != "" {
			return &events.Fault{Code: events.ErrBadRequest, Message: reason, Seq: seq}
		}
		if o.Wait == events.Emitted {
			err = g.source.WaitEmitted(waiting, seq)
		}
	}
	return awaited(ctx, err, o.Wait, o.Timeout, seq)
}
