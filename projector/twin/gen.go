package twin

import (
	"math/rand/v2"
	"slices"
	"strconv"

	"reddot/events"
)

// Config is the world a Generator plays in. Its zero value is a small world
// where commands meet often.
type Config struct {
	Users   int     // 6 if zero
	Groups  int     // 3 if zero
	Deep    bool    // the weights for long conversations; see Deep
	Without Feature // what no command makes use of
}

// Feature is a set of features that a Generator can do without.
type Feature uint16

// The features.
const (
	Levels Feature = 1 << iota // labels too
	Filters
	Blocks
	Clears
	Purges
	Imports
	Threads
	Apart
	Edits
	Receipts
	Expiry
	Everything = 1<<iota - 1
)

// verbFeatures are the features that a verb is nothing without.
var verbFeatures = map[events.Verb]Feature{
	events.UserLevel: Levels, events.UserLabel: Levels, events.UserFilter: Filters, events.UserBlock: Blocks,
	events.UserClear: Clears, events.GroupPurge: Purges, events.UserImport: Imports, events.UserFollow: Threads,
	events.UserEdit: Edits, events.GroupEdit: Edits, events.ClockSet: Expiry,
}

// Deep returns the profile for long conversations: within 20,000 commands one
// group and one C2C conversation get thousands of messages each, and their
// read positions move far back and forth in them.
func Deep() Config { return Config{Users: 3, Groups: 1, Deep: true} }

// weights are how often each verb is drawn, of the sum of the column. A deep
// world never erases a user, since that would end its C2C conversations.
var weights = [...]struct {
	verb        events.Verb
	small, deep int
}{
	{events.UserMessage, 220, 2600},
	{events.UserSent, 80, 250},
	{events.UserRevoke, 70, 250},
	{events.UserRead, 150, 80},
	{events.UserReadAll, 20, 10},
	{events.UserUnread, 60, 300},
	{events.UserMute, 35, 30},
	{events.UserDelete, 35, 10},
	{events.UserErase, 5, 0},
	{events.GroupMessage, 220, 6000},
	{events.GroupRevoke, 60, 300},
	{events.GroupJoin, 60, 40},
	{events.GroupLeave, 20, 5},
	{events.GroupDismiss, 5, 1},
	{events.PolicySet, 12, 1},
	{events.UserLevel, 30, 20},
	{events.UserLabel, 30, 20},
	{events.UserFilter, 12, 5},
	{events.UserClear, 20, 1},
	{events.UserImport, 14, 1},
	{events.GroupPurge, 10, 1},
	{events.UserBlock, 25, 5},
	{events.UserFollow, 40, 60},
	{events.UserEdit, 20, 60},
	{events.GroupEdit, 40, 120},
	{events.ClockSet, 15, 30},
}

// How often a command has a trait, per cent.
const (
	perCentAt        = 50 // a time of its own
	perCentJitter    = 25 // of those: out of order by up to jitter
	perCentOdd       = 2  // of those: a time at the edge of what is allowed
	perCentDuplicate = 7  // an id the conversation has had
	perCentOther     = 40 // of those, in a group: from anybody, not from its sender
	perCentAwaited   = 15 // an id that was read or revoked before it came
	perCentUnknown   = 12 // a read or revoke of an id yet to come
	perCentOld       = 35 // a read or revoke of any id, however old
	perCentSilent    = 12
	perCentHidden    = 8
	perCentMentions  = 20
	perCentAll       = 6
	perCentThread    = 30 // of messages: in a thread
	perCentDeep      = 8  // the same in a deep world
	perCentRoot      = 50 // of those: one that hangs on a message
	perCentNewRoot   = 4  // of those: one that nothing hung on yet
	perCentTimeline  = 35 // of reads, unreads and mutes: one timeline only
	perCentMain      = 25 // of those: the main one
	perCentThreads   = 25 // of read-alls: the threads only
	perCentBroadcast = 20
	perCentReceipt   = 30
	perCentExpires   = 15
	perCentPrompt    = 80 // of those: soon
	perCentArchived  = 40 // of labels
	perCentDrop      = 25 // of filters: one is dropped
	perCentPrivate   = 15
	perCentMark      = 35 // an unread without a message id
	perCentBounded   = 50 // a read-all up to a time, a delete up to a position
	perCentEager     = 2  // of reads: the first of many up to messages yet to come
	perCentGoOn      = 85 // one more of those follows
	perCentStranger  = 4  // a user or group that is seldom heard of
	perCentFocus     = 85 // in a deep world: the one C2C conversation
)

const (
	maxPause   = 1_000   // ms between two commands
	jitter     = 60_000  // ms that a command's time may be off
	recent     = 8       // the last ids of a conversation are aimed at most
	maxAwaited = 12      // ids of a conversation that are yet to come
	strangers  = 4       // users that are seldom heard of
	longEvery  = 101     // every so many ids one is as long as allowed
	soon       = 100_000 // ms until a message expires
	topics     = 2       // threads of a conversation that hang on no message
	hanging    = 3       // those that hang on one, at a time
	filters    = 3       // names of filters; seldom one of many more
	// start is when the first command comes after, in ms: in the year 2100, so that
	// nothing expires by the clock of those who run while a test does.
	start = 4_102_444_800_000
)

// Some names hold what is escaped in a subject or not ASCII; some read the same
// when put one after the other in two ways; some name both a user and a group.
var (
	userNames  = []string{"a", "ab", "ba", "b", "x.y%*> z", "紅點"}
	groupNames = []string{"a", "team.*%", "b"}
)

// Generator draws random valid commands. It remembers the ids it has used, to
// aim at them. The same seed and config give the same commands.
type Generator struct {
	rng    *rand.Rand
	deep   bool
	has    Feature
	total  int // the sum of the weights
	users  []string
	odd    []string // the strangers
	groups []string
	chats  map[chatKey]*ids
	now    events.Time
	eager  *events.Command // a read up to a message yet to come, while more of them follow
}

// NewGenerator returns a generator of the commands that a seed stands for.
func NewGenerator(seed uint64, cfg Config) *Generator {
	if cfg.Users == 0 {
		cfg.Users = 6
	}
	if cfg.Groups == 0 {
		cfg.Groups = 3
	}
	g := &Generator{
		rng:    rand.New(rand.NewPCG(seed, 0x726564646f74)),
		deep:   cfg.Deep,
		has:    Everything &^ cfg.Without,
		users:  world(userNames, "user", cfg.Users),
		odd:    world(nil, "stranger", strangers),
		groups: world(groupNames, "group", cfg.Groups),
		chats:  map[chatKey]*ids{},
		now:    start,
	}
	for i := range weights {
		g.total += g.weight(i)
	}
	return g
}

// world returns n names: the given ones first.
func world(names []string, prefix string, n int) []string {
	all := slices.Clone(names)
	for len(all) < n {
		all = append(all, prefix+strconv.Itoa(len(all)+1))
	}
	return all[:n]
}

// Now returns the stream's timestamp of the command that Next gave last. Times
// in commands lie around it.
func (g *Generator) Now() events.Time { return g.now }

// Next draws a command. It is well-formed; rule stranger may refuse it. It
// uses the memory of c's slices again.
func (g *Generator) Next(c *events.Command) {
	*c = events.Command{Mentions: c.Mentions[:0], Users: c.Users[:0], Add: c.Add[:0], Remove: c.Remove[:0], Conversations: c.Conversations[:0]}
	g.now += 1 + events.Time(g.rng.IntN(maxPause))
	if g.goesOn(c) {
		return
	}
	c.Verb = g.verb()
	if g.chance(perCentAt) {
		c.At, c.HasAt = g.time(), true
	}
	switch c.Verb {
	case events.UserMessage, events.UserSent, events.UserRevoke, events.UserEdit:
		g.c2c(c)
	case events.GroupMessage, events.GroupRevoke, events.GroupEdit, events.GroupPurge:
		g.group(c)
	case events.GroupJoin, events.GroupLeave, events.GroupDismiss:
		g.members(c)
	case events.PolicySet:
		g.policies(c)
	case events.ClockSet:
		c.At, c.HasAt = g.clock(), true
	default:
		g.user(c)
	}
}

// c2c fills the commands about one C2C message.
func (g *Generator) c2c(c *events.Command) {
	owner, peer := g.pair()
	c.Inbox = owner
	chat := g.chat(chatKey{events.C2C, owner, peer})
	switch c.Verb {
	case events.UserMessage:
		c.From = peer
		c.ID = g.send(chat)
		g.traits(c)
	case events.UserSent:
		c.To = peer
		c.ID = g.send(chat)
		c.Silent, c.Hidden = g.chance(perCentSilent), g.chance(perCentHidden)
		c.Thread = g.thread(chat)
	case events.UserRevoke:
		c.From = peer
		c.ID = g.target(chat)
	case events.UserEdit:
		c.From = peer
		c.ID = g.target(chat)
		g.mentions(c)
	}
}

// group fills the commands about one group message.
func (g *Generator) group(c *events.Command) {
	c.Inbox = g.groupName()
	chat := g.chat(chatKey{kind: events.Group, id: c.Inbox})
	switch c.Verb {
	case events.GroupRevoke:
		c.ID = g.target(chat)
		return
	case events.GroupEdit:
		c.ID = g.target(chat)
		g.mentions(c)
		c.MentionAll = g.chance(perCentAll)
		return
	case events.GroupPurge:
		g.place(c, chat)
		return
	}
	c.From = g.anyone()
	c.ID = g.send(chat)
	if from, ok := chat.senders[c.ID]; ok && !g.chance(perCentOther) {
		c.From = from
	} else if !ok {
		chat.senders[c.ID] = c.From
	}
	g.traits(c)
	c.MentionAll = g.chance(perCentAll)
	c.Broadcast = c.Thread != "" && g.has&Apart != 0 && g.chance(perCentBroadcast)
	c.Receipt = g.has&Receipts != 0 && g.chance(perCentReceipt)
}

// traits draws what a message may have besides its id and its sender.
func (g *Generator) traits(c *events.Command) {
	c.Silent, c.Hidden = g.chance(perCentSilent), g.chance(perCentHidden)
	c.Thread = g.thread(g.chatOf(c))
	if g.chance(perCentMentions) {
		g.mentions(c)
	}
	if g.has&Expiry != 0 && g.chance(perCentExpires) {
		c.ExpiresAt, c.HasExpiresAt = g.before(), true
		if g.chance(perCentPrompt) {
			c.ExpiresAt = g.now + events.Time(g.rng.IntN(soon))
		}
	}
}

// mentions draws whom a message names.
func (g *Generator) mentions(c *events.Command) {
	for range g.rng.IntN(4) {
		c.Mentions = append(c.Mentions, g.anyone())
	}
}

// members fills the commands about who is in a group.
func (g *Generator) members(c *events.Command) {
	c.Inbox = g.groupName()
	if c.Verb == events.GroupDismiss {
		return
	}
	for range 1 + g.rng.IntN(3) {
		c.Users = append(c.Users, g.anyone())
	}
}

// user fills the commands of a user about the user's own conversations.
func (g *Generator) user(c *events.Command) {
	switch c.Verb {
	case events.UserErase:
		c.Inbox = g.anyone()
		return
	case events.UserFilter, events.UserBlock, events.UserImport:
		c.Inbox = pick(g, g.users)
		g.account(c)
		return
	}
	owner, peer := g.pair()
	c.Inbox = owner
	if c.Verb == events.UserReadAll {
		c.Kind = pick(g, []events.Kind{events.NoKind, events.NoKind, events.C2C, events.Group})
		c.Private = g.chance(perCentPrivate)
		c.Threads = g.has&Threads != 0 && g.chance(perCentThreads)
		if g.chance(perCentBounded) {
			c.UptoAt, c.HasUptoAt = g.past(), true
		}
		return
	}
	key := chatKey{events.C2C, owner, peer}
	if g.chance(50) {
		c.Inbox = pick(g, g.users)
		key = chatKey{kind: events.Group, id: g.groupName()}
	}
	c.Conversation = events.ConversationID{Kind: key.kind, ID: key.id}
	switch c.Verb {
	case events.UserRead:
		g.timeline(c, g.chat(key))
		g.position(c, g.chat(key))
		c.Private = g.chance(perCentPrivate)
		if g.chance(perCentEager) {
			g.eager = &events.Command{Verb: c.Verb, Inbox: c.Inbox, Conversation: c.Conversation, Thread: c.Thread, HasThread: c.HasThread}
		}
	case events.UserUnread:
		g.timeline(c, g.chat(key))
		if !g.chance(perCentMark) {
			c.From = g.target(g.chat(key))
		}
	case events.UserMute:
		c.Muted = g.chance(50)
		if g.has&Threads != 0 && g.chance(50) {
			c.Thread = g.someThread(g.chat(key))
		}
	case events.UserLevel:
		c.Level = pick(g, []events.Level{events.LevelAll, events.LevelMentions, events.LevelMentions, events.LevelNone})
	case events.UserLabel:
		c.Add, c.Remove = g.labels(c.Add), g.labels(c.Remove)
	case events.UserFollow:
		c.Thread, c.Following = g.someThread(g.chat(key)), g.chance(65)
	case events.UserClear:
		if g.deep || g.chance(perCentBounded) {
			c.Before = g.target(g.chat(key))
		}
	case events.UserDelete:
		if g.chance(perCentBounded) {
			g.position(c, g.chat(key))
		}
	}
}

// goesOn draws one more read up to a message that is yet to come, if there is one
// more.
func (g *Generator) goesOn(c *events.Command) bool {
	if g.eager == nil || !g.chance(perCentGoOn) {
		g.eager = nil
		return false
	}
	c.Verb, c.Inbox, c.Conversation = g.eager.Verb, g.eager.Inbox, g.eager.Conversation
	c.Thread, c.HasThread = g.eager.Thread, g.eager.HasThread
	key := chatKey{kind: c.Conversation.Kind, id: c.Conversation.ID}
	if key.kind == events.C2C {
		key.owner = c.Inbox
	}
	c.Upto, c.Private = g.unknown(g.chat(key)), g.chance(50)
	return true
}

// position draws up to where a read goes.
func (g *Generator) position(c *events.Command, chat *ids) {
	form := g.rng.IntN(10) // three of ten without a position, four by id, two by time, one by both
	if form >= 3 && form < 7 || form == 9 {
		c.Upto = g.target(chat)
	}
	if form >= 7 {
		c.UptoAt, c.HasUptoAt = g.past(), true
	}
}
