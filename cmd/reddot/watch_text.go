package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	goclient "reddot/api/client"
	"reddot/cmd/reddot/term"
	"reddot/events"
)

func (w *watcher) totals(t events.Totals) {
	if w.json {
		w.print(watchLine{Type: "totals", Totals: &t})
		return
	}
	w.say("totals: " + totalsText(t))
}

func (w *watcher) filters(all events.NamedTotals) {
	if len(all) == 0 && !w.filtered {
		return // most users keep none
	}
	w.filtered = len(all) > 0
	if w.json {
		w.print(watchLine{Type: "filters", Filters: &all})
		return
	}
	lines := []string{}
	for _, name := range slices.Sorted(maps.Keys(all)) {
		lines = append(lines, "filter "+term.Printable(name)+": "+totalsText(all[name]))
	}
	if len(lines) == 0 {
		lines = append(lines, "no filter any more")
	}
	w.say(lines...)
}

func (w *watcher) threads(list []events.Thread) {
	if w.json {
		w.print(watchLine{Type: "threads", Threads: list})
		return
	}
	var lines []string
	for _, t := range list {
		lines = append(lines, fmt.Sprintf("%s thread %s: %s", term.Printable(t.Conversation), term.Printable(t.Thread), describeThread(t)))
	}
	w.say(lines...)
}

func (w *watcher) threadsRemoved(names []goclient.ThreadName) {
	var gone []removedThread
	var lines []string
	for _, n := range names {
		gone = append(gone, removedThread(n))
		lines = append(lines, fmt.Sprintf("%s thread %s: followed no more", term.Printable(n.Conversation), term.Printable(n.Thread)))
	}
	if w.json {
		w.print(watchLine{Type: "threads_removed", ThreadsRemoved: gone})
		return
	}
	w.say(lines...)
}

func (w *watcher) groupReceipts(list []events.GroupReceipts) {
	if w.json {
		w.print(watchLine{Type: "group_receipts", GroupReceipts: list})
		return
	}
	var lines []string
	for _, g := range list {
		for _, r := range g.Receipts {
			lines = append(lines, fmt.Sprintf("group %s: %s", term.Printable(g.Group), readBy(r)))
		}
	}
	w.say(lines...)
}

// readBy says by how many a message is read.
func readBy(r events.GroupReceipt) string {
	return fmt.Sprintf("%s is read by %d of %d", term.Printable(r.ID), r.Read, r.Members)
}

// totalsText is totals in words.
func totalsText(t events.Totals) string {
	text := fmt.Sprintf("%d unread (c2c %d, group %d) in %s, %s, %d muted",
		t.Unread, t.C2C, t.Group, term.Several(t.Conversations, "conversation"), term.Several(t.Mentions, "mention"), t.Muted)
	if !t.Threads.IsZero() {
		text += ", threads " + threadsText(t.Threads)
	}
	return text
}

func (w *watcher) receipts(list []events.Receipt) {
	if w.json {
		w.print(watchLine{Type: "receipts", Receipts: list})
		return
	}
	var lines []string
	for _, r := range list {
		line := fmt.Sprintf("%s: %s has read up to %s at %s",
			term.Printable(r.Conversation), term.Printable(r.Peer), term.Printable(r.Upto), term.Clock(r.At, w.zone))
		if r.Thread != "" {
			line += " in thread " + term.Printable(r.Thread)
		}
		lines = append(lines, line)
	}
	w.say(lines...)
}

// describe is a conversation in words.
func describe(c events.Conversation) string {
	parts := []string{fmt.Sprintf("%d unread", c.Unread)}
	if c.Mentions > 0 {
		parts = append(parts, term.Several(c.Mentions, "mention"))
	}
	if c.MarkedUnread {
		parts = append(parts, "marked")
	}
	if c.Muted {
		parts = append(parts, "muted")
	} else if c.Level != "" {
		parts = append(parts, term.Printable(c.Level)+" only")
	}
	if len(c.Labels) > 0 {
		parts = append(parts, "labelled "+labelsText(c.Labels))
	}
	if !c.Threads.IsZero() {
		parts = append(parts, "threads "+threadsText(c.Threads))
	}
	if m := c.LastMessage; m != nil {
		parts = append(parts, fmt.Sprintf("last %s from %s", term.Printable(m.ID), term.Printable(m.From)))
	}
	return strings.Join(parts, ", ")
}

// describeThread is a thread in words.
func describeThread(t events.Thread) string {
	parts := []string{fmt.Sprintf("%d unread", t.Unread)}
	if t.Mentions > 0 {
		parts = append(parts, term.Several(t.Mentions, "mention"))
	}
	if t.Muted {
		parts = append(parts, "muted")
	}
	if m := t.LastMessage; m != nil {
		parts = append(parts, fmt.Sprintf("last %s from %s", term.Printable(m.ID), term.Printable(m.From)))
	}
	return strings.Join(parts, ", ")
}
