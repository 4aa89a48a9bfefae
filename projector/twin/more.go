package twin

import (
	"slices"
	"strconv"

	"reddot/events"
)

// policies draws which policies hold from here on.
func (g *Generator) policies(c *events.Command) {
	c.OwnMessage = pick(g, []events.OwnPolicy{
		events.OwnKeep, events.OwnKeep, events.OwnAdvance, events.OwnAdvance, events.NoPolicy,
	})
	if g.has&Apart != 0 {
		c.ThreadPolicy = pick(g, []events.ThreadPolicy{events.ThreadsIn, events.ThreadsApart, events.ThreadsApart, events.NoThreadPolicy})
	}
	if g.has&Receipts != 0 {
		c.GroupReceipts = pick(g, []events.ReceiptPolicy{
			events.ReceiptsOff, events.ReceiptsSender, events.ReceiptsMembers, events.ReceiptsMembers, events.NoReceiptPolicy,
		})
	}
}

// clock draws what the time is.
func (g *Generator) clock() events.Time {
	if g.chance(perCentOld) {
		return g.before()
	}
	return g.now
}

// thread draws the thread of a message: most often none.
func (g *Generator) thread(chat *ids) string {
	perCent := perCentThread
	if g.deep {
		perCent = perCentDeep
	}
	if g.has&Threads == 0 || !g.chance(perCent) {
		return ""
	}
	return g.someThread(chat)
}

// someThread draws a thread of a conversation: one of few that hang on a message,
// or one that hangs on none.
func (g *Generator) someThread(chat *ids) string {
	if len(chat.used) == 0 || !g.chance(perCentRoot) {
		return "thread" + strconv.Itoa(g.rng.IntN(topics))
	}
	switch {
	case len(chat.roots) < hanging:
		chat.roots = append(chat.roots, g.used(chat))
	case g.chance(perCentNewRoot):
		chat.roots[g.rng.IntN(hanging)] = g.used(chat)
	}
	return pick(g, chat.roots)
}

// timeline draws whether a command is about one timeline only.
func (g *Generator) timeline(c *events.Command, chat *ids) {
	if g.has&Threads == 0 || !g.chance(perCentTimeline) {
		return
	}
	c.HasThread = true
	if !g.chance(perCentMain) {
		c.Thread = g.someThread(chat)
	}
}

// place draws before what place a group's messages are gone.
func (g *Generator) place(c *events.Command, chat *ids) {
	form := g.rng.IntN(5)
	if form < 3 {
		c.Before = g.target(chat)
	}
	if form > 1 {
		c.BeforeAt, c.HasBeforeAt = g.past(), true
	}
}

// account draws what concerns a user in no one conversation, and imports.
func (g *Generator) account(c *events.Command) {
	switch c.Verb {
	case events.UserBlock:
		for range 1 + g.rng.IntN(2) {
			c.Users = append(c.Users, g.anyone())
		}
		c.Blocked = g.chance(60)
	case events.UserFilter:
		c.Name = "filter" + strconv.Itoa(g.rng.IntN(filters))
		if g.chance(perCentOdd) {
			c.Name = "filter" + strconv.Itoa(g.rng.IntN(2*events.MaxFilters))
		}
		if !g.chance(perCentDrop) {
			c.Filter = g.filter()
		}
	case events.UserImport:
		for range 1 + g.rng.IntN(3) {
			e := g.imported(c.Inbox)
			if !slices.ContainsFunc(c.Conversations, func(x events.Import) bool { return x.Conversation == e.Conversation }) {
				c.Conversations = append(c.Conversations, e)
			}
		}
	}
}

func (g *Generator) filter() *events.Filter {
	f := &events.Filter{
		Kind:      pick(g, []events.Kind{events.NoKind, events.NoKind, events.C2C, events.Group}),
		Mentioned: g.chance(25), IncludeMuted: g.chance(30),
	}
	switch g.rng.IntN(5) {
	case 0:
		f.Label = new("")
	case 1, 2:
		f.Label = new(g.aLabel())
	}
	if g.chance(30) {
		f.Without = g.aLabel()
	}
	return f
}

func (g *Generator) aLabel() string {
	if g.chance(perCentArchived) {
		return events.LabelArchived
	}
	return pick(g, []string{"pinned", "work", "工作"})
}

// labels draws none to two labels; seldom so many that there are too many.
func (g *Generator) labels(all []string) []string {
	for range g.rng.IntN(3) {
		all = append(all, g.aLabel())
	}
	if g.chance(2) {
		for i := range events.MaxLabels - len(all) {
			all = append(all, "l"+strconv.Itoa(i))
		}
	}
	return all
}

// imported draws what a conversation was before.
func (g *Generator) imported(user string) events.Import {
	key := chatKey{events.C2C, user, g.anyone()}
	if g.chance(50) {
		key = chatKey{kind: events.Group, id: g.groupName()}
	}
	e := events.Import{Conversation: events.ConversationID{Kind: key.kind, ID: key.id}, MarkedUnread: g.chance(20)}
	e.Unread = uint64(g.rng.IntN(20))
	if g.has&Levels != 0 && g.chance(40) {
		e.Level = events.Level(1 + g.rng.IntN(3))
		e.Labels = g.labels(nil)
	}
	if e.Unread > 0 && g.chance(50) {
		e.Mentions = uint64(g.rng.IntN(int(e.Unread) + 1))
	}
	if g.chance(60) {
		e.ReadAt, e.HasReadAt = g.past(), true
	}
	chat := g.chat(key)
	if g.chance(60) {
		id := g.send(chat)
		e.LastMessage = &events.ImportMessage{ID: id, From: g.importedFrom(key, user, id), At: g.past()}
	}
	if key.kind == events.C2C && g.chance(40) {
		e.Receipt = &events.ImportReceipt{Upto: g.target(chat), At: g.past()}
	}
	return e
}

// importedFrom draws who wrote the last message.
func (g *Generator) importedFrom(key chatKey, user, id string) string {
	if key.kind == events.C2C {
		return pick(g, []string{user, key.id})
	}
	if from, ok := g.chat(key).senders[id]; ok {
		return from
	}
	from := g.anyone()
	g.chat(key).senders[id] = from
	return from
}

// chatOf returns the ids of the conversation that a message is of.
func (g *Generator) chatOf(c *events.Command) *ids {
	if c.Verb == events.GroupMessage {
		return g.chat(chatKey{kind: events.Group, id: c.Inbox})
	}
	return g.chat(chatKey{events.C2C, c.Inbox, c.From + c.To})
}
