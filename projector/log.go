package projector

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"reddot/events"
	"reddot/projector/store"
)

// ErrLog is wrapped by every error that says that the command stream is not
// the whole log that a projection needs.
var ErrLog = errors.New("the command stream is not whole")

// commandStream is the configuration of a new command stream. Nothing in it
// discards a command. Deletion is denied; purging is not, since that could
// never be taken back and would forbid trimming.
func commandStream(s events.Subjects) jetstream.StreamConfig {
	return jetstream.StreamConfig{
		Name:              s.CommandStream(),
		Description:       "reddot: the commands, from which everything else follows",
		Subjects:          []string{s.Commands()},
		Retention:         jetstream.LimitsPolicy,
		Storage:           jetstream.FileStorage,
		Discard:           jetstream.DiscardNew,
		MaxMsgs:           -1,
		MaxBytes:          -1,
		MaxMsgSize:        -1,
		MaxMsgsPerSubject: -1,
		DenyDelete:        true,
	}
}

// ensureStream creates the command stream, or checks the one that is there.
func ensureStream(ctx context.Context, js jetstream.JetStream, s events.Subjects) (jetstream.Stream, error) {
	stream, err := js.Stream(ctx, s.CommandStream())
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		stream, err = js.CreateStream(ctx, commandStream(s))
	}
	if err != nil {
		return nil, fmt.Errorf("open stream %s: %w", s.CommandStream(), err)
	}
	return stream, checkStream(s, stream.CachedInfo().Config)
}

// checkStream refuses a configuration that could lose, change or reorder
// commands. What an operator may choose (replicas, placement, compression,
// the window for duplicates) is left alone.
func checkStream(s events.Subjects, c jetstream.StreamConfig) error {
	var drifted []string
	for _, f := range []struct {
		field string
		ok    bool
		want  string
	}{
		{"subjects", slices.Equal(c.Subjects, []string{s.Commands()}), s.Commands()},
		{"retention", c.Retention == jetstream.LimitsPolicy, "limits"},
		{"storage", c.Storage == jetstream.FileStorage, "file"},
		{"max_msgs", c.MaxMsgs <= 0, "-1"},
		{"max_bytes", c.MaxBytes <= 0, "-1"},
		{"max_age", c.MaxAge == 0, "0"},
		{"max_msgs_per_subject", c.MaxMsgsPerSubject <= 0, "-1"},
		{"max_msg_size", c.MaxMsgSize <= 0 || c.MaxMsgSize >= events.MaxPayload, "-1"},
		{"deny_delete", c.DenyDelete, "true"},
		{"allow_rollup_hdrs", !c.AllowRollup, "false"},
		{"allow_msg_ttl", !c.AllowMsgTTL, "false"},
		{"allow_msg_counter", !c.AllowMsgCounter, "false"},
		{"allow_msg_schedules", !c.AllowMsgSchedules, "false"},
		{"subject_transform", c.SubjectTransform == nil, "none"},
		{"mirror", c.Mirror == nil, "none"},
		{"sources", len(c.Sources) == 0, "none"},
		{"sealed", !c.Sealed, "false"},
		{"no_ack", !c.NoAck, "false"},
		{"persist_mode", c.PersistMode == jetstream.DefaultPersistMode, "default"},
	} {
		if !f.ok {
			drifted = append(drifted, f.field+" must be "+f.want)
		}
	}
	if drifted == nil {
		return nil
	}
	return fmt.Errorf("%w: the configuration of %s has drifted: %s; set it back with \"nats stream edit\"",
		ErrLog, c.Name, strings.Join(drifted, ", "))
}

func identityOf(info *jetstream.StreamInfo) store.Identity {
	return store.Identity{Stream: info.Config.Name, Created: info.Created}
}

// checkRange refuses a stream that does not hold what a store needs next.
func checkRange(applied events.Seq, state jetstream.StreamState) error {
	switch first, last := events.Seq(state.FirstSeq), events.Seq(state.LastSeq); {
	case last < applied:
		return fmt.Errorf("%w: it ends at seq %d, but the store has applied up to %d: the stream was cut; restore it, or start with an empty data folder",
			ErrLog, last, applied)
	case first > applied+1:
		return fmt.Errorf("%w: it begins at seq %d, but the store needs seq %d next: the commands between are gone",
			ErrLog, first, applied+1)
	}
	return nil
}

// Figures of the consumer that reads the stream.
const (
	// pullMessages is how many commands are asked for at a time: reading is
	// fastest with large requests (5,000 reads twice as fast as 500).
	pullMessages = 5_000
	// pullBytes bounds them when they are large.
	pullBytes = 16 << 20
	// A request expires, and a silent server is noticed, within seconds.
	pullExpiry    = 5 * time.Second
	pullHeartbeat = 500 * time.Millisecond
)

// consume reads the stream from a seq on with one unfiltered ordered
// consumer and calls handle with each message, until some time after stop is
// called.
func consume(ctx context.Context, stream jetstream.Stream, from events.Seq, handle func(jetstream.Msg), fail func(error)) (stop func(), err error) {
	c, err := stream.OrderedConsumer(ctx, jetstream.OrderedConsumerConfig{
		DeliverPolicy: jetstream.DeliverByStartSequencePolicy,
		OptStartSeq:   uint64(from),
	})
	if err != nil {
		return nil, fmt.Errorf("read stream from seq %d: %w", from, err)
	}
	run, err := c.Consume(handle,
		jetstream.PullMaxMessagesWithBytesLimit(pullMessages, pullBytes), jetstream.PullExpiry(pullExpiry), jetstream.PullHeartbeat(pullHeartbeat),
		jetstream.ConsumeErrHandler(func(_ jetstream.ConsumeContext, err error) { fail(err) }))
	if err != nil {
		return nil, fmt.Errorf("read stream from seq %d: %w", from, err)
	}
	// Stop waits while the client looks for a lost server. The handler may be
	// called until then.
	return func() { go run.Stop() }, nil
}
