package sim

import (
	"math/rand/v2"
	"slices"
	"strings"

	"reddot/events"
	"reddot/projector/twin"
)

// Ids that a hostile publisher chooses: those of others, of users and of groups,
// the longest ones, what separates or means something elsewhere. They are few, so
// that they meet: the same id by two senders, in two chats, before and after a join.
var (
	hostileIDs = []string{
		"a", "b", "m1", "c2c_a", "group_b", "team.*%", " ", "%41", ".", "*", ">", "\x01", "\x1f\x7f", "\n", "\u2028", "\u0085",
		strings.Repeat("x", events.MaxID), strings.Repeat("x", events.MaxID-1), strings.Repeat("é", events.MaxID/2),
	}
	hostileNames = []string{"a", "b", "team.*%", "m1", "\x01", "c2c_a", strings.Repeat("é", events.MaxID/2)}
)

// chooser draws commands as a twin.Generator does. Where it is hostile, ids are of
// its own choice.
type chooser struct {
	*rand.Rand
	g       *twin.Generator
	hostile bool

	said  map[string][]string // ids that groups have had
	queue []events.Command    // that belong together
}

func newChooser(rng *rand.Rand, g *twin.Generator, hostile bool) *chooser {
	return &chooser{Rand: rng, g: g, hostile: hostile, said: map[string][]string{}}
}

// next draws a command.
func (c *chooser) next(to *events.Command) {
	c.g.Next(to)
	if !c.hostile {
		return
	}
	if len(c.queue) > 0 {
		*to, c.queue = c.queue[0], c.queue[1:]
		return
	}
	switch c.IntN(30) {
	case 0:
		c.readsEarly()
	case 1:
		c.joinsAgain()
	}
	c.rename(to)
	if to.Verb == events.GroupMessage {
		c.said[to.Inbox] = append(c.said[to.Inbox], to.ID)
	}
}

// rename gives a command ids of the chooser's.
func (c *chooser) rename(to *events.Command) {
	for _, id := range []*string{&to.ID, &to.Upto} {
		if *id != "" && c.IntN(2) == 0 {
			*id = c.id()
		}
	}
	if to.Verb == events.UserUnread && to.From != "" && c.IntN(2) == 0 {
		to.From = c.id()
	}
	if c.IntN(6) == 0 {
		c.renameUsers(to)
	}
}

func (c *chooser) renameUsers(to *events.Command) {
	if to.Verb.Inbox() != "" && to.Verb != events.UserImport && c.IntN(2) == 0 { // an import's last message is one of its two
		to.Inbox = c.name()
	}
	if to.Conversation != (events.ConversationID{}) && c.IntN(2) == 0 {
		to.Conversation.ID = c.name()
	}
	if to.Verb != events.UserUnread && to.From != "" {
		to.From = c.name()
	}
	if to.To != "" {
		to.To = c.name()
	}
	for _, list := range [][]string{to.Users, to.Mentions} {
		for i := range list {
			list[i] = c.name()
		}
	}
}

func (c *chooser) id() string   { return hostileIDs[c.IntN(len(hostileIDs))] }
func (c *chooser) name() string { return hostileNames[c.IntN(len(hostileNames))] }

func (c *chooser) conversation() events.ConversationID {
	return events.ConversationID{Kind: []events.Kind{events.C2C, events.Group}[c.IntN(2)], ID: c.name()}
}

// readsEarly has a user read one conversation up to more ids than are kept, and
// some of their messages come, in any order.
func (c *chooser) readsEarly() {
	me, with := c.name(), c.conversation()
	if with.Kind == events.Group {
		c.queue = append(c.queue, events.Command{Verb: events.GroupJoin, Inbox: with.ID, Users: []string{me}})
	}
	ids := slices.Clone(hostileIDs)
	c.Shuffle(len(ids), func(i, j int) { ids[i], ids[j] = ids[j], ids[i] })
	n := 1 + c.IntN(events.MaxPendingReads+4)
	for range n + c.IntN(n) {
		c.queue = append(c.queue, events.Command{
			Verb: events.UserRead, Inbox: me, Conversation: with, Upto: ids[c.IntN(n)], Private: c.IntN(2) == 0,
		})
	}
	for range c.IntN(n) {
		id, from := ids[c.IntN(n)], c.name()
		message := events.Command{Verb: events.UserMessage, Inbox: me, ID: id, From: with.ID}
		if with.Kind == events.Group {
			message = events.Command{Verb: events.GroupMessage, Inbox: with.ID, ID: id, From: from}
		}
		message.Silent, message.Hidden = c.IntN(8) == 0, c.IntN(8) == 0
		c.queue = append(c.queue, message)
	}
}

// joinsAgain has a user leave a group, join it again, and then use ids from before.
func (c *chooser) joinsAgain() {
	me, group := c.name(), c.name()
	member := events.Command{Verb: events.GroupLeave, Inbox: group, Users: []string{me}}
	c.queue = append(c.queue, member)
	member.Verb = events.GroupJoin
	c.queue = append(c.queue, member)
	about := events.ConversationID{Kind: events.Group, ID: group}
	for range 1 + c.IntN(4) {
		id := c.id()
		if said := c.said[group]; len(said) > 0 {
			id = said[c.IntN(len(said))]
		}
		c.queue = append(c.queue, []events.Command{
			{Verb: events.UserRead, Inbox: me, Conversation: about, Upto: id},
			{Verb: events.UserUnread, Inbox: me, Conversation: about, From: id},
			{Verb: events.UserDelete, Inbox: me, Conversation: about, Upto: id},
			{Verb: events.GroupRevoke, Inbox: group, ID: id},
			{Verb: events.GroupMessage, Inbox: group, ID: id, From: c.name(), Mentions: []string{me}},
		}[c.IntN(5)])
	}
}
