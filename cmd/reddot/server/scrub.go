package server

import (
	"context"
	"time"

	"reddot/cmd/reddot/natsserver"
)

// scrub checks the files of the embedded server's streams once, and says what is
// found. What was applied is right all the same, so it goes on.
func (s *Server) scrub(ctx context.Context) error {
	began, files := time.Now(), 0
	err := natsserver.ScrubBlocks(ctx, s.cfg.Data.NATS(), func(corrupt *natsserver.CorruptFileError) {
		files++
		s.log.Error("found in a file that nothing has read yet: restore it before verify, export or rebuild does", "error", corrupt)
		if corrupt.Stream == s.subjects.CommandStream() {
			s.source.flaw(corrupt)
		}
	})
	switch {
	case ctx.Err() != nil:
		return nil
	case err != nil:
		s.log.Error("the files of the streams can't be checked", "error", err)
	default:
		s.log.Info("the files of the streams are checked", "took", time.Since(began).Round(time.Millisecond), "to_restore", files)
	}
	return nil
}
