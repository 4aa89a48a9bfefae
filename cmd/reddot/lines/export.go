package lines

import (
	"context"
	"encoding/json"
	"fmt"
	"io"

	"reddot/events"
	"reddot/projector/log"
	"reddot/projector/store"
)

// LeftOut counts the commands that an export has not.
type LeftOut struct {
	Refused uint64 // as malformed: they change nothing
	Skipped uint64 // as they can't be read
}

// Export writes the commands from one seq to another as lines, each with the time at
// which the stream took it if it has none of its own. progress is called with each seq.
func Export(ctx context.Context, w io.Writer, log *log.Log, from, to events.Seq, progress func(events.Seq)) (left LeftOut, err error) {
	type line struct {
		Subject string          `json:"subject"`
		Payload json.RawMessage `json:"payload"`
	}
	out := json.NewEncoder(w)
	out.SetEscapeHTML(false)
	err = log.ReadTo(ctx, from-1, to, func(e *store.Entry) error {
		progress(e.Seq)
		switch {
		case e.Skipped:
			left.Skipped++
			return nil
		case e.Invalid != "":
			left.Refused++
			return nil
		}
		if !e.Command.HasAt {
			e.Command.At, e.Command.HasAt = e.Time, true
		}
		payload, err := events.EncodeJSON(&e.Command)
		if err != nil {
			return fmt.Errorf("encode command %d: %w", e.Seq, err)
		}
		return out.Encode(line{e.Subject, payload})
	})
	return left, err
}
