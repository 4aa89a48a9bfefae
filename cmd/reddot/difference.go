package main

import (
	"fmt"
	"slices"
	"strings"

	"reddot/cmd/reddot/counts"
	"reddot/cmd/reddot/term"
	"reddot/events"
)

// difference is a conversation that was compared, and what of it differs.
type difference struct {
	Line         int              `json:"line,omitempty"` // of the row; 0: there is none
	User         string           `json:"user"`
	Conversation string           `json:"conversation"`
	NoRow        bool             `json:"no_row,omitempty"` // only reddot has it
	Fields       []differentField `json:"fields"`           // none: it is the same

	unread, reddotUnread uint64
}

// differentField is a field of which two things are said.
type differentField struct {
	Name   string `json:"name"`
	There  any    `json:"there"`  // what the row says
	Reddot any    `json:"reddot"` // what reddot says
}

// compare enters what was compared of a user's conversations: those of the rows, and
// unless these are not all, what reddot has unread beside them.
func (p *person) compare(list []events.Conversation, partial bool) {
	said := make(map[string]*events.Conversation, len(list))
	for i := range list {
		said[list[i].Conversation] = &list[i]
	}
	named := make(map[string]bool, len(p.rows))
	for i := range p.rows {
		row := &p.rows[i]
		name := row.Conversation.String()
		named[name] = true
		c := said[name]
		if c == nil {
			c = &events.Conversation{} // nothing is unread in what is in no list
		}
		p.found = append(p.found, difference{Line: row.Line, User: p.user, Conversation: name, Fields: differ(row, c),
			unread: row.Unread, reddotUnread: c.Unread})
	}
	for i := range list {
		if c := &list[i]; !partial && c.Unread > 0 && !named[c.Conversation] {
			p.found = append(p.found, difference{User: p.user, Conversation: c.Conversation, NoRow: true, reddotUnread: c.Unread,
				Fields: []differentField{{"unread", 0, c.Unread}}})
		}
	}
}

// differ is what a row and reddot say of one conversation, where the row says it.
func differ(row *counts.Row, c *events.Conversation) (fields []differentField) {
	add := func(name string, said bool, there, reddot any) {
		if said && there != reddot {
			fields = append(fields, differentField{name, there, reddot})
		}
	}
	last := events.LastMessage{}
	if c.LastMessage != nil {
		last = *c.LastMessage
	}
	saysLast := row.Last != events.LastMessage{}
	add("unread", true, row.Unread, c.Unread)
	add("mentions", row.HasMentions, row.Mentions, c.Mentions)
	add("read_at", row.HasReadAt, row.ReadAt, c.ReadAt)
	add("last_id", saysLast, row.Last.ID, last.ID)
	add("last_from", saysLast, row.Last.From, last.From)
	add("last_at", saysLast, row.Last.At, last.At)
	add("muted", row.HasMuted, row.Muted, c.Muted)
	labels := slices.Compact(slices.Sorted(slices.Values(row.Labels)))
	add("labels", row.HasLabels, strings.Join(labels, "|"), strings.Join(c.Labels, "|"))
	return fields
}

// text is a line for each field that differs. name is where the rows are from.
func (d *difference) text(name string) string {
	who := term.Printable(d.User) + " " + term.Printable(d.Conversation)
	if d.NoRow {
		return fmt.Sprintf("%s: not in %s, %d unread in reddot\n", who, term.Printable(name), d.reddotUnread)
	}
	if d.Line > 0 {
		name = fmt.Sprintf("%s (line %d)", name, d.Line)
	}
	var b strings.Builder
	for _, f := range d.Fields {
		fmt.Fprintf(&b, "%s: %s is %s in %s, %s in reddot\n", who, f.Name, valueText(f.There), term.Printable(name), valueText(f.Reddot))
	}
	return b.String()
}

// valueText shows what is said of a field.
func valueText(v any) string {
	switch v := v.(type) {
	case string:
		if v == "" {
			return "none"
		}
		return term.Printable(v)
	case events.Time:
		if v == 0 {
			return "none"
		}
	}
	return fmt.Sprint(v)
}
