package log

import (
	"log/slog"
	"sync"
	"time"
)

// Complaint is what is wrong with one thing at the moment. It is logged when it
// begins, when its text changes, and when it is over; not each time it is met.
// Safe for concurrent use.
type Complaint struct {
	about  string
	logger *slog.Logger

	mu     sync.Mutex
	err    error                // nil: nothing is wrong
	since  time.Time            // when it began
	logged map[string]time.Time // texts, and when they were logged; at most maxTexts
}

const (
	// sameText is how long a text is not logged again, also when others come
	// between.
	sameText = time.Minute
	// maxTexts bounds the texts that are remembered: one that changes each time is
	// logged no more than so often.
	maxTexts = 16
)

// NewComplaint returns a Complaint that is none yet. What it is about begins each
// line that is logged.
func NewComplaint(about string, logger *slog.Logger) *Complaint {
	return &Complaint{about: about, logger: logger, logged: map[string]time.Time{}}
}

// About is what it is about.
func (c *Complaint) About() string { return c.about }

// Is says what is wrong.
func (c *Complaint) Is(err error, now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err == nil {
		c.since = now
	}
	c.err = err
	for text, at := range c.logged {
		if now.Sub(at) >= sameText {
			delete(c.logged, text)
		}
	}
	text := err.Error()
	if _, said := c.logged[text]; said || len(c.logged) == maxTexts {
		return
	}
	c.logged[text] = now
	c.logger.Warn(c.about, "error", err)
}

// Over says that nothing is wrong any more.
func (c *Complaint) Over(now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err == nil {
		return
	}
	c.logger.Info(c.about+": well again", "after", now.Sub(c.since).Round(time.Millisecond))
	c.err = nil
}

// Now is what is wrong, nil if nothing.
func (c *Complaint) Now() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.err
}
