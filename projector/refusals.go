package projector

import (
	"log/slog"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode"

	"golang.org/x/time/rate"

	"reddot/events"
	"reddot/projector/fold"
	"reddot/projector/store"
)

// Refused commands are logged one by one, but no more than refusalBurst at once
// and one in refusalEvery after that: whoever may publish decides how many
// there are, and how long their subjects.
const (
	refusalEvery   = time.Second
	refusalBurst   = 20
	refusalSubject = 300 // bytes of a subject or a reason that are shown
)

// refusals reports commands to the operator that did not do what their publisher
// thinks: refused ones, and messages in groups that nobody is in.
type refusals struct {
	logger *slog.Logger
	limit  *rate.Limiter

	mu      sync.Mutex
	leftOut uint64 // since the last line

	// recent is the refusals of the newest commands, by the command's seq modulo
	// its length: who waits for a command to be applied asks right afterwards.
	recent struct {
		sync.Mutex
		refusals []refusal
	}
}

// refusal is why one command was refused.
type refusal struct {
	seq    events.Seq
	reason string
}

// recentRefusals is for how many commands a refusal is remembered at least: a
// third of a second at 200,000 commands a second.
const recentRefusals = 1 << 16

// keep remembers a refusal.
func (r *refusals) keep(seq events.Seq, reason string) {
	r.recent.Lock()
	defer r.recent.Unlock()
	if r.recent.refusals == nil {
		r.recent.refusals = make([]refusal, recentRefusals)
	}
	r.recent.refusals[seq%recentRefusals] = refusal{seq, reason}
}

// reason is why a command was refused, if it was and is remembered.
func (r *refusals) reason(seq events.Seq) string {
	r.recent.Lock()
	defer r.recent.Unlock()
	if r.recent.refusals == nil {
		return ""
	}
	if of := r.recent.refusals[seq%recentRefusals]; of.seq == seq {
		return of.reason
	}
	return ""
}

func newRefusals(logger *slog.Logger) *refusals {
	return &refusals{logger: logger, limit: rate.NewLimiter(rate.Every(refusalEvery), refusalBurst)}
}

// add reports one command, if there is something to report.
func (r *refusals) add(e *store.Entry, fx *fold.Effects) {
	switch {
	case fx.Refused != "":
		r.keep(e.Seq, fx.Refused)
		r.warn("command refused", "seq", e.Seq, "subject", shown(e.Subject), "reason", shown(fx.Refused))
	case fx.Unheard:
		r.warn("message in a group without members: it counts for nobody", "seq", e.Seq, "subject", shown(e.Subject))
	}
}

func (r *refusals) warn(text string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.limit.Allow() {
		r.leftOut++
		return
	}
	if r.leftOut > 0 {
		args = append(args, "left_out", r.leftOut)
		r.leftOut = 0
	}
	r.logger.Warn(text, args...)
}

// flush reports how many were left out if nothing has come since.
func (r *refusals) flush() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.leftOut > 0 && r.limit.Allow() {
		r.logger.Warn("more commands were refused or counted for nobody", "left_out", r.leftOut)
		r.leftOut = 0
	}
}

// shown is a text of a publisher's, fit for a line of a log.
func shown(s string) string {
	if len(s) > refusalSubject {
		s = s[:refusalSubject] + "..."
	}
	s = strings.ToValidUTF8(s, "\uFFFD")
	if strings.ContainsFunc(s, func(c rune) bool { return !unicode.IsPrint(c) }) {
		s = strconv.QuoteToGraphic(s)
	}
	return s
}
