package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"reddot/cmd/reddot/term"
	"reddot/events"
)

// renderTotals is the head of what is shown of a user.
func renderTotals(user string, version events.Seq, t events.Totals) string {
	totals := term.NewList()
	totals.Add("User:", term.Printable(user))
	totals.Add("Version:", term.Number(version))
	totals.Add("Unread:", fmt.Sprintf("%d (c2c %d, group %d) in %s", t.Unread, t.C2C, t.Group, term.Several(t.Conversations, "conversation")))
	totals.Add("Mentions:", term.Number(t.Mentions))
	totals.Add("Muted:", term.Number(t.Muted))
	if !t.Threads.IsZero() {
		totals.Add("Threads:", threadsText(t.Threads))
	}
	return totals.String()
}

// threadsText is what counts apart, in words.
func threadsText(t events.ThreadTotals) string {
	text := fmt.Sprintf("%d unread in %s", t.Unread, term.Several(t.Threads, "thread"))
	if t.Mentions > 0 {
		text += ", " + term.Several(t.Mentions, "mention")
	}
	return text
}

func renderFilters(r events.TotalsReply) string {
	head := renderTotals(r.User, r.Version, r.Totals)
	if len(r.Filters) == 0 {
		return head + "\nno filters are kept\n"
	}
	list := term.NewTable("FILTER", ">UNREAD", ">C2C", ">GROUP", ">MENTIONS", ">CONVERSATIONS", ">MUTED", "THREADS")
	for _, name := range slices.Sorted(maps.Keys(r.Filters)) {
		t, threads := r.Filters[name], ""
		if !t.Threads.IsZero() {
			threads = threadsText(t.Threads)
		}
		list.Add(term.Printable(name), term.Number(t.Unread), term.Number(t.C2C), term.Number(t.Group), term.Number(t.Mentions),
			term.Number(t.Conversations), term.Number(t.Muted), threads)
	}
	return head + "\n" + list.String()
}

func renderList(r events.ConversationsReply, zone *time.Location) string {
	head := renderTotals(r.User, r.Version, r.Totals)
	if len(r.Conversations) == 0 {
		return head + "\nno conversations to show\n"
	}
	list := conversationTable(r.Conversations, zone)
	text := head + "\n" + list.String()
	if r.Next != "" {
		text += "... and more: --limit N or --all shows them\n"
	}
	return text
}

// conversationTable lists conversations. The columns that few chats need are there if
// one has something in them.
func conversationTable(all []events.Conversation, zone *time.Location) *term.Table {
	labelled := slices.ContainsFunc(all, func(c events.Conversation) bool { return len(c.Labels) > 0 })
	threaded := slices.ContainsFunc(all, func(c events.Conversation) bool { return !c.Threads.IsZero() })
	row := func(name, unread, mentions, flags, labels, threads string, rest ...string) []string {
		cells := []string{name, unread, mentions, flags}
		if labelled {
			cells = append(cells, labels)
		}
		if threaded {
			cells = append(cells, threads)
		}
		return append(cells, rest...)
	}
	list := term.NewTable(row("CONVERSATION", ">UNREAD", ">MENTIONS", "FLAGS", "LABELS", "THREADS", "FIRST UNREAD", "LAST MESSAGE", "FROM", "AT")...)
	for _, c := range all {
		last, threads := events.LastMessage{}, ""
		if c.LastMessage != nil {
			last = *c.LastMessage
		}
		if !c.Threads.IsZero() {
			threads = threadsText(c.Threads)
		}
		list.Add(row(term.Printable(c.Conversation), term.Number(c.Unread), term.Number(c.Mentions), flags(c), labelsText(c.Labels), threads,
			term.Printable(c.FirstUnread), term.Printable(last.ID), term.Printable(last.From), term.Clock(last.At, zone))...)
	}
	return list
}

// flags are what is said of a conversation beside its numbers.
func flags(c events.Conversation) string {
	var set []string
	if c.MarkedUnread {
		set = append(set, "marked")
	}
	if c.Muted {
		set = append(set, "muted")
	} else if c.Level != "" {
		set = append(set, term.Printable(c.Level)+" only")
	}
	if m := c.LastMessage; m != nil && m.Revoked {
		set = append(set, "recalled")
	}
	return strings.Join(set, ",")
}

func renderConversation(r events.ConversationReply, zone *time.Location) string {
	c := r.Conversation
	list := term.NewList()
	list.Add("User:", term.Printable(r.User))
	list.Add("Conversation:", term.Printable(c.Conversation))
	list.Add("Version:", fmt.Sprintf("%d (user %d)", c.Version, r.Version))
	list.Add("Unread:", term.Number(c.Unread))
	list.Add("Mentions:", term.Number(c.Mentions))
	if f := flags(c); f != "" {
		list.Add("Flags:", f)
	}
	if len(c.Labels) > 0 {
		list.Add("Labels:", labelsText(c.Labels))
	}
	if !c.Threads.IsZero() {
		list.Add("Threads:", threadsText(c.Threads))
	}
	if c.FirstUnread != "" {
		list.Add("First unread:", term.Printable(c.FirstUnread))
	}
	if m := c.LastMessage; m != nil {
		list.Add("Last message:", fmt.Sprintf("%s from %s at %s", term.Printable(m.ID), term.Printable(m.From), term.Clock(m.At, zone)))
	}
	if read := readPosition(c.ReadUpto, c.ReadAt, 0, zone); read != "" {
		list.Add("Read up to:", read)
	}
	return list.String()
}

// readPosition shows how far a conversation is read, by which command if
// seq is not 0, and nothing if it never was.
func readPosition(upto string, at events.Time, seq events.Seq, zone *time.Location) string {
	var parts []string
	if upto != "" {
		parts = append(parts, term.Printable(upto))
	}
	if at != 0 {
		parts = append(parts, "read at "+term.Clock(at, zone))
	}
	if seq != 0 {
		parts = append(parts, "by command "+term.Number(seq))
	}
	return strings.Join(parts, ", ")
}
