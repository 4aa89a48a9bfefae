package log

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"reddot/events"
	"reddot/projector/store"
)

// metadataBegun is, in the command stream's metadata, when the log was begun.
// It is part of the stream's configuration, so a stream that NATS's own tools
// have restored from a backup has it too, while its own creation time is
// another one.
const metadataBegun = "reddot-log-begun"

// metadataCut is, in the command stream's metadata, where the log was cut last: after
// which seq, and up to which commands that change nothing stand in the place of others.
const metadataCut = "reddot-log-cut"

// Epoch names what was told of this log, in ETags and cursors. After a cut it is another
// one: clients were told what nobody knows any more.
func (l *Log) Epoch() string {
	id := l.identity
	if l.cut != "" {
		id.Name += "\x00" + l.cut
	}
	return id.Epoch()
}

// noteCut notes in the stream that it was cut.
func (l *Log) noteCut(ctx context.Context, js jetstream.JetStream, t *TruncatedError) error {
	stream, err := openStream(ctx, js, l.subjects)
	if err != nil {
		return err
	}
	c := stream.CachedInfo().Config
	c.Metadata = maps.Clone(c.Metadata)
	if c.Metadata == nil {
		c.Metadata = map[string]string{}
	}
	c.Metadata[metadataCut] = fmt.Sprintf("%d-%d", t.Last, t.Derived)
	_, err = manage(ctx, js, l.subjects, "STREAM.UPDATE.", func(ctx context.Context) (jetstream.Stream, error) {
		return js.UpdateStream(ctx, c)
	})
	if err != nil {
		return fmt.Errorf("note in stream %s that it was cut: %w", c.Name, err)
	}
	l.cut = c.Metadata[metadataCut]
	return nil
}

// identityOf is the identity of the log that a stream says it holds. What it
// really holds is compared with what is derived from it, see Log.Check and
// Log.FindTruncation: a configuration can be copied to a stream that holds nothing. A
// stream without the metadata was made by an older reddot, or by somebody else.
func identityOf(info *jetstream.StreamInfo) events.StreamID {
	id := events.StreamID{Name: info.Config.Name, Created: info.Created}
	if begun, err := time.Parse(time.RFC3339Nano, info.Config.Metadata[metadataBegun]); err == nil {
		id.Created = begun
	}
	return id
}

// Recognise gives the log the identity of a store, if the stream does not say so but
// holds what the store is derived from: it was restored from a backup without its
// metadata. The zero store.Info is of no store.
func (l *Log) Recognise(ctx context.Context, info store.Info) error {
	if info.Identity.Name != l.identity.Name || info.Identity.Created.Equal(l.identity.Created) {
		return nil
	}
	same, err := l.holds(ctx, info.Position)
	if err != nil {
		return err
	}
	if same {
		l.logger.Info("the stream was restored: it holds the commands that the store was made of",
			"stream", l.identity.Name, "created", l.created, "applied", info.Position.Applied)
		l.Adopt(info.Identity)
	}
	return nil
}

// Adopt gives the log another identity: something else that is derived from a log of
// that identity is derived from the commands that the stream holds. It is for who has
// just found the log, before anybody else uses it.
func (l *Log) Adopt(id events.StreamID) { l.identity = id }

// holds reports whether the stream holds the very command that a store applied
// last, or begins just after it: no stream begins behind its first seq unless
// what was before is gone. A store that has applied nothing fits every log.
func (l *Log) holds(ctx context.Context, at store.Position) (bool, error) {
	if at.Applied == 0 {
		return true, nil
	}
	msg, err := l.stream.GetMsg(ctx, uint64(at.Applied))
	if errors.Is(err, jetstream.ErrMsgNotFound) {
		first, _, err := l.Range(ctx)
		return first == at.Applied+1, err
	}
	if err != nil {
		return false, fmt.Errorf("read command %d: %w", at.Applied, err)
	}
	return store.Sum(msg.Subject, events.Time(msg.Time.UnixMilli()), msg.Data) == at.Last, nil
}
