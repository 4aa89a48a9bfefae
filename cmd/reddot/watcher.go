package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"

	goclient "reddot/api/client"
	"reddot/cmd/reddot/term"
	"reddot/events"
)

// watcher prints what a listener hears, each call in one write. Its methods
// are called one at a time.
type watcher struct {
	out, err io.Writer
	json     bool
	zone     *time.Location
	now      func() time.Time
	server   string      // fit to be shown
	fail     func(error) // is called if out can't be written

	filtered bool   // filters were printed
	lost     bool   // the server is away
	mistaken string // the last error that was reported
}

// watchLine is a line of JSON. Type names the field that is set.
type watchLine struct {
	Type          string                `json:"type"`
	Conversations []events.Conversation `json:"conversations,omitempty"`
	Removed       []string              `json:"removed,omitempty"`
	Totals        *events.Totals        `json:"totals,omitempty"`
	Receipts      []events.Receipt      `json:"receipts,omitempty"`

	Threads        []events.Thread        `json:"threads,omitempty"`
	ThreadsRemoved []removedThread        `json:"threads_removed,omitempty"`
	Filters        *events.NamedTotals    `json:"filters,omitempty"`
	GroupReceipts  []events.GroupReceipts `json:"group_receipts,omitempty"`

	Rejected *events.Rejected `json:"rejected,omitempty"`
	State    string           `json:"state,omitempty"`
	Error    string           `json:"error,omitempty"`
}

// removedThread is a thread that is followed no more.
type removedThread struct {
	Conversation string `json:"conversation"`
	Thread       string `json:"thread"`
}

func (w *watcher) listener() goclient.Listener {
	return goclient.Listener{
		ThreadsChanged:       w.threads,
		ThreadsRemoved:       w.threadsRemoved,
		FiltersChanged:       w.filters,
		GroupReadReceipt:     w.groupReceipts,
		ConversationsChanged: w.changed,
		ConversationsRemoved: w.removed,
		TotalUnreadChanged:   w.totals,
		C2CReadReceipt:       w.receipts,
		StateChanged:         w.state,
		Error:                w.mistake,
	}
}

func (w *watcher) changed(list []events.Conversation) {
	if w.json {
		w.print(watchLine{Type: "conversations", Conversations: list})
		return
	}
	var lines []string
	for _, c := range list {
		lines = append(lines, term.Printable(c.Conversation)+": "+describe(c))
	}
	w.say(lines...)
}

func (w *watcher) removed(names []string) {
	if w.json {
		w.print(watchLine{Type: "removed", Removed: names})
		return
	}
	var lines []string
	for _, name := range names {
		lines = append(lines, term.Printable(name)+": removed")
	}
	w.say(lines...)
}

func (w *watcher) state(s goclient.State) {
	if w.json {
		w.print(watchLine{Type: "state", State: s.String()})
	}
	switch {
	case s == goclient.Offline && !w.lost:
		w.lost = true
		w.notify(fmt.Sprintf("lost the NATS server at %s, waiting for it", w.server))
	case s == goclient.Live:
		w.mistaken = ""
		if w.lost {
			w.lost = false
			w.notify(fmt.Sprintf("the NATS server at %s is back, and what changed meanwhile is printed", w.server))
		}
	}
}

// mistake reports an error, and not again while it lasts: attempts go on.
func (w *watcher) mistake(err error) {
	text := term.OneLine(err)
	if text == w.mistaken {
		return
	}
	w.mistaken = text
	if w.json {
		w.print(watchLine{Type: "error", Error: text})
	}
	w.notify(text)
}

// say writes lines, each with the time.
func (w *watcher) say(lines ...string) {
	at := term.Clock(events.Time(w.now().UnixMilli()), w.zone) + "  "
	w.write(at + strings.Join(lines, "\n"+at) + "\n")
}

func (w *watcher) print(line watchLine) {
	text, err := json.Marshal(line)
	if err != nil {
		w.fail(fmt.Errorf("encode a line: %w", err))
		return
	}
	w.write(string(text) + "\n")
}

func (w *watcher) write(text string) {
	if _, err := io.WriteString(w.out, text); err != nil {
		w.fail(fmt.Errorf("write what was heard: %w", err))
	}
}

// notify writes a line to standard error, which loses nothing if it can't be
// written.
func (w *watcher) notify(text string) { fmt.Fprintf(w.err, "reddot: %s\n", text) }
