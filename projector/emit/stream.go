package emit

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"reddot/events"
)

// Headers of a stored event, beside Content-Type.
const (
	headerWriter  = "Reddot-Writer"     // the emitter that wrote it
	headerApplied = "Reddot-Applied"    // all events of the commands up to this seq are stored with this one
	headerAt      = "Reddot-At"         // the applied seq whose state the event shows
	headerBegin   = "Reddot-Generation" // the event stream's sequence at which the generation began
	headerMore    = "Reddot-More"       // further events of the same user belong to this one
)

// duplicates is how long the server remembers message ids, which chain the
// messages that are on their way together.
const duplicates = 2 * AckTimeout

// Stream bounds, if Config leaves them zero.
const (
	DefaultMaxAge   = 24 * time.Hour
	DefaultMaxBytes = 1 << 30
)

// metadataLog names, in the event stream's metadata, the command stream whose
// seqs its events carry.
const metadataLog = "reddot-log"

// ErrForeign is returned by Open for an event stream that tells of another
// command stream, whose seqs mean nothing here.
var ErrForeign = errors.New("the event stream tells of another command stream")

// ensureStream creates the event stream or sets what an emitter needs of it;
// the rest (replicas, placement, compression) is the operator's. Its messages
// are republished to the subjects that listeners know once they are stored.
func ensureStream(ctx context.Context, cfg Config) (jetstream.Stream, error) {
	name := cfg.Subjects.EventStream()
	config := jetstream.StreamConfig{
		Name:        name,
		Description: "reddot: change events, read receipts and refusals, derived from the commands",
		Metadata:    map[string]string{metadataLog: cfg.Log},
	}
	stream, err := cfg.JetStream.Stream(ctx, name)
	found := err == nil
	if found {
		config = stream.CachedInfo().Config
		if log := config.Metadata[metadataLog]; log != cfg.Log {
			return nil, fmt.Errorf("%w: %s is of %q, the commands are those of %q; delete it with \"nats stream rm %s\" to begin anew",
				ErrForeign, name, log, cfg.Log, name)
		}
	} else if !errors.Is(err, jetstream.ErrStreamNotFound) {
		return nil, fmt.Errorf("open stream %s: %w", name, err)
	}
	out := cfg.Subjects.Prefix() + "-out"
	config.Subjects = []string{out + ".>"}
	config.Retention = jetstream.LimitsPolicy
	config.Storage = jetstream.FileStorage
	config.Discard = jetstream.DiscardOld
	config.MaxAge, config.MaxBytes, config.MaxMsgs = cfg.MaxAge, cfg.MaxBytes, -1
	config.Duplicates = duplicates
	config.RePublish = &jetstream.RePublish{Source: out + ".*.>", Destination: cfg.Subjects.Prefix() + ".>"}
	if found {
		stream, err = cfg.JetStream.UpdateStream(ctx, config)
	} else {
		stream, err = cfg.JetStream.CreateStream(ctx, config)
	}
	if err != nil {
		return nil, fmt.Errorf("open stream %s: %w", name, err)
	}
	return stream, nil
}

// tail is the end of the event stream.
type tail struct {
	last    uint64     // sequence of the last message there ever was
	writer  string     // of the last message, if it is still there
	applied events.Seq // as its header says
	at      events.Seq
	begin   uint64
}

// lookTimeout bounds one look at the event stream: a request that a server has
// lost while it ended is asked again soon.
const lookTimeout = time.Second

// readTail reads the end of the event stream, past any cache.
func readTail(ctx context.Context, stream jetstream.Stream) (tail, error) {
	ctx, cancel := context.WithTimeout(ctx, lookTimeout)
	defer cancel()
	info, err := stream.Info(ctx)
	if err != nil {
		return tail{}, fmt.Errorf("read the end of the event stream: %w", err)
	}
	t := tail{last: info.State.LastSeq}
	if t.last == 0 || info.State.Msgs == 0 {
		return t, nil
	}
	msg, err := stream.GetMsg(ctx, t.last)
	if errors.Is(err, jetstream.ErrMsgNotFound) {
		return t, nil // gone by age
	}
	if err != nil {
		return tail{}, fmt.Errorf("read the last event: %w", err)
	}
	t.writer = msg.Header.Get(headerWriter)
	t.applied = events.Seq(number(msg.Header, headerApplied))
	t.at = events.Seq(number(msg.Header, headerAt))
	t.begin = number(msg.Header, headerBegin)
	return t, nil
}

// number reads a header; 0 if it is not there.
func number(h nats.Header, name string) uint64 {
	n, err := strconv.ParseUint(h.Get(name), 10, 64)
	if err != nil {
		return 0
	}
	return n
}
