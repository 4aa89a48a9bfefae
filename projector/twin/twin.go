package twin

import (
	"fmt"
	"maps"
	"slices"

	"reddot/events"
)

// The reasons of rules once and stranger, and of the limits that depend on what a
// user has.
const (
	otherSender    = "the id is another sender's message"
	notMember      = "not a member of the group"
	noMessage      = "the conversation does not have the message"
	tooManyLabels  = "more than 32 labels"
	tooManyFilters = "more than 20 filters"
	tooManyBlocked = "more than 1000 blocked users"
)

// Model is the state after some commands. It is not safe for concurrent use.
type Model struct {
	own      events.OwnPolicy
	threads  events.ThreadPolicy
	receipts events.ReceiptPolicy
	clock    events.Time // the latest; -1: there was none
	groups   map[string]*chat
	accounts map[string]*account
	versions map[string]events.Seq // by user; they outlive leave and erase
}

// New returns the model before the first command.
func New() *Model {
	return &Model{
		own: events.OwnKeep, threads: events.ThreadsIn, receipts: events.ReceiptsOff, clock: -1,
		groups: map[string]*chat{}, accounts: map[string]*account{}, versions: map[string]events.Seq{},
	}
}

// Result is what one command came to: refused, ignored or else applied.
type Result struct {
	Refused  string           // the reason; empty if the command was accepted
	Ignored  bool             // accepted, but it changed nothing
	Receipts []events.Receipt // sent by it, ordered by User and Thread
	Raised   []Raised         // messages that more members have read than before
}

// Raised is a message of a group whose sender is notified: a read has raised by how
// many it is read (rule receipts-sent).
type Raised struct {
	Sender, Group string
	events.GroupReceipt
}

func refused(reason string) Result { return Result{Refused: reason} }

func ignoredUnless(changed bool) Result { return Result{Ignored: !changed} }

// step is the command being applied: its place in the stream and its time.
type step struct {
	*events.Command
	seq events.Seq
	at  events.Time
}

// Apply applies one well-formed command. now is the stream's timestamp, used
// where the command has no time of its own. seq must grow from call to call.
// The command is the caller's again when Apply returns.
func (m *Model) Apply(seq events.Seq, now events.Time, c *events.Command) Result {
	s := step{Command: c, seq: seq, at: now}
	if c.HasAt {
		s.at = c.At
	}
	about, read := m.about(s), m.reads(s)
	r := m.apply(s)
	m.touch(s, append(about, m.about(s)...)) // it has ended some, or begun some
	r.Raised = raised(read)
	return r
}

func (m *Model) apply(s step) Result {
	switch s.Verb {
	case events.UserMessage:
		return m.message(s, m.c2c(s.Inbox, s.From).chat, s.From)
	case events.UserSent:
		return m.message(s, m.c2c(s.Inbox, s.To).chat, s.Inbox)
	case events.UserRevoke:
		return m.revokeC2C(s, m.c2c(s.Inbox, s.From))
	case events.UserEdit:
		return m.edit(s, m.c2c(s.Inbox, s.From).chat)
	case events.UserReadAll:
		return m.readAll(s)
	case events.UserErase:
		return m.erase(s)
	case events.UserFilter:
		return m.filter(s)
	case events.UserBlock:
		return m.block(s)
	case events.UserImport:
		return m.importAll(s)
	case events.PolicySet:
		return m.setPolicies(s)
	case events.ClockSet:
		return m.setClock(s)
	}
	if s.Verb.Inbox() == "group" {
		return m.applyToGroup(s, m.group(s.Inbox))
	}
	v := m.view(s.Inbox, s.Conversation)
	if v == nil {
		return refused(notMember) // rule stranger
	}
	return m.applyToView(s, v)
}

func (m *Model) applyToGroup(s step, g *chat) Result {
	switch s.Verb {
	case events.GroupMessage:
		return m.message(s, g, s.From)
	case events.GroupRevoke:
		return m.revokeGroup(s, g)
	case events.GroupEdit:
		return m.edit(s, g)
	case events.GroupJoin:
		return m.join(s, g)
	case events.GroupLeave:
		return m.leave(g, s.Users)
	case events.GroupDismiss:
		return m.leave(g, slices.Collect(maps.Keys(g.views)))
	case events.GroupPurge:
		return m.purge(s, g)
	}
	panic(fmt.Sprintf("twin: no such verb: %d", s.Verb))
}

func (m *Model) applyToView(s step, v *view) Result {
	switch s.Verb {
	case events.UserRead:
		return m.read(s, v)
	case events.UserUnread:
		return m.unread(s, v)
	case events.UserMute:
		return m.mute(s, v)
	case events.UserLevel:
		return m.setLevel(v, s.Level)
	case events.UserLabel:
		return m.label(s, v)
	case events.UserFollow:
		return m.follow(s, v)
	case events.UserDelete:
		return m.delete(s, v)
	case events.UserClear:
		return m.clear(s, v)
	}
	panic(fmt.Sprintf("twin: no such verb: %d", s.Verb))
}

// setPolicies sets the policies that rules own, apart and seen go by from here on.
func (m *Model) setPolicies(s step) Result {
	before := []any{m.own, m.threads, m.receipts}
	if s.OwnMessage != events.NoPolicy {
		m.own = s.OwnMessage
	}
	if s.ThreadPolicy != events.NoThreadPolicy {
		m.threads = s.ThreadPolicy
	}
	if s.GroupReceipts != events.NoReceiptPolicy {
		m.receipts = s.GroupReceipts
	}
	return ignoredUnless(!slices.Equal(before, []any{m.own, m.threads, m.receipts}))
}

// c2c returns the owner's view of the C2C conversation with a peer.
func (m *Model) c2c(owner, peer string) *view {
	a := m.account(owner)
	if a.c2c[peer] == nil {
		a.c2c[peer] = newChat(chatKey{events.C2C, owner, peer})
		v := newView(a.c2c[peer], owner, events.ConversationID{Kind: events.C2C, ID: peer}, a)
		v.shown = v.shows()
	}
	return a.c2c[peer].views[owner]
}

// group returns the chat of a group.
func (m *Model) group(id string) *chat {
	if m.groups[id] == nil {
		m.groups[id] = newChat(chatKey{kind: events.Group, id: id})
	}
	return m.groups[id]
}

// account returns what concerns a user alone.
func (m *Model) account(user string) *account {
	if m.accounts[user] == nil {
		m.accounts[user] = newAccount()
	}
	return m.accounts[user]
}

// view returns the user's view of a conversation: nil for a group that the
// user is not a member of.
func (m *Model) view(user string, id events.ConversationID) *view {
	if id.Kind == events.C2C {
		return m.c2c(user, id.ID)
	}
	return m.group(id.ID).views[user]
}

// known returns the user's view of a conversation, nil if there is none yet, or no more.
func (m *Model) known(user string, id events.ConversationID) *view {
	var c *chat
	if id.Kind == events.Group {
		c = m.groups[id.ID]
	} else if a := m.accounts[user]; a != nil {
		c = a.c2c[id.ID]
	}
	if c == nil {
		return nil
	}
	return c.views[user]
}

// views returns all views of a user, ordered by the conversation's name.
func (m *Model) views(user string) []*view {
	var all []*view
	if a := m.accounts[user]; a != nil {
		for _, c := range a.c2c {
			all = append(all, c.views[user])
		}
	}
	for _, c := range m.groups {
		if v := c.views[user]; v != nil {
			all = append(all, v)
		}
	}
	slices.SortFunc(all, byName)
	return all
}

// chats returns all chats of all.
func (m *Model) chats() []*chat {
	all := slices.Collect(maps.Values(m.groups))
	for _, a := range m.accounts {
		all = slices.AppendSeq(all, maps.Values(a.c2c))
	}
	return all
}
