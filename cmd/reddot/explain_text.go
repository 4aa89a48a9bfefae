package main

import (
	"fmt"
	"strings"
	"time"

	"reddot/cmd/reddot/term"
	"reddot/events"
)

func renderExplanation(e events.Explanation, zone *time.Location) string {
	head := term.NewList()
	head.Add("User:", term.Printable(e.User))
	head.Add("Conversation:", term.Printable(e.Conversation))
	if e.Thread != nil {
		head.Add("Thread:", timelineName(*e.Thread))
	}
	head.Add("Version:", term.Number(e.Version))
	if read := readPosition(e.ReadUpto, e.ReadAt, e.ReadSeq, zone); read != "" {
		head.Add("Read up to:", read)
	}
	for _, early := range e.PendingReads {
		private := ""
		if early.Private {
			private = ", private"
		}
		head.Add("Early read:", "waits for "+readPosition(early.Upto, early.At, early.Seq, zone)+private)
	}
	if e.MarkedUnread {
		head.Add("Marked unread:", "yes, not part of the count")
	}
	if e.Muted {
		head.Add("Muted:", "yes, not part of the totals")
	} else if e.Level != "" {
		head.Add("Level:", term.Printable(e.Level)+", all that the totals have of it")
	}
	if len(e.Labels) > 0 {
		head.Add("Labels:", labelsText(e.Labels))
	}
	text := head.String() + "\n" + sumOf(&e).String()
	if len(e.Messages) > 0 {
		list := term.NewTable("MESSAGE", "FROM", "AT", ">SEQ", "MENTION", "THREAD")
		for _, m := range e.Messages {
			list.Add(term.Printable(m.ID), term.Printable(m.From), term.Clock(m.At, zone), term.Number(m.Seq), term.Yes(m.Mention), term.Printable(m.Thread))
		}
		text += "\n" + list.String()
	}
	if e.More > 0 {
		text += fmt.Sprintf("... and %d more\n", e.More)
	}
	return text
}

// sumOf is the arithmetic of a count. What is rare is left out where there is none.
func sumOf(e *events.Explanation) *term.Table {
	sum := term.NewSum()
	counted := "counted messages"
	if e.SinceRead == 1 {
		counted = "counted message"
	}
	sum.Add("", term.Number(e.SinceRead), counted+" after the read position")
	if e.Carried > 0 {
		sum.Add("+", term.Number(e.Carried), "carried over by an import")
	}
	sum.Add("-", term.Number(e.Own), "sent by "+term.Printable(e.User))
	sum.Add("-", term.Number(e.Revoked), "revoked")
	if e.Blocked > 0 {
		sum.Add("-", term.Number(e.Blocked), "of blocked senders")
	}
	if e.Purged > 0 {
		sum.Add("-", term.Number(e.Purged), "purged")
	}
	if e.Threads != 0 {
		sign, n := "+", uint64(e.Threads)
		if e.Threads < 0 {
			sign, n = "-", uint64(-e.Threads)
		}
		sum.Add(sign, term.Number(n), "of threads with a read position of their own, that are muted or count apart")
	}
	sum.Add("=", term.Number(e.Unread), "unread, of them "+term.Several(e.Mentions, "mention"))
	return sum
}

// timelineName is a thread's name, that of the main timeline too.
func timelineName(thread string) string {
	if thread == "" {
		return "none, the main timeline"
	}
	return term.Printable(thread)
}

// labelsText lists labels.
func labelsText(labels []string) string {
	shown := make([]string, len(labels))
	for i, label := range labels {
		shown[i] = term.Printable(label)
	}
	return strings.Join(shown, ", ")
}
