package journal

import (
	"log/slog"
	"sync/atomic"
	"time"
)

// foreignEvery is how often foreign messages are logged, at most.
const foreignEvery = time.Minute

// foreign counts the messages in the event stream that no writer has put there.
type foreign struct {
	log    *slog.Logger
	count  atomic.Uint64
	logged uint64 // of count
	when   time.Time
}

// strangers are foreign messages that were found at one look.
type strangers struct {
	count   uint64
	seq     uint64 // of the last one
	subject string
}

func (s *strangers) add(seq uint64, subject string) {
	s.count++
	if seq >= s.seq {
		s.seq, s.subject = seq, subject
	}
}

// add counts some, and names the last one unless others were named just now. It
// is for one goroutine.
func (f *foreign) add(s strangers) {
	n := f.count.Add(s.count)
	if n == f.logged || !f.when.IsZero() && time.Since(f.when) < foreignEvery {
		return
	}
	f.log.Warn("messages in the event stream that no reddot has written are skipped: only reddot should be permitted to publish there",
		"messages", n-f.logged, "sequence", s.seq, "subject", s.subject)
	f.logged, f.when = n, time.Now()
}
