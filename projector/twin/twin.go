package twin

import (
	"fmt"
	"maps"
	"slices"

	"reddot/events"
)

// The reasons of rules once and stranger.
const (
	otherSender = "the id is another sender's message"
	notMember   = "not a member of the group"
	noMessage   = "the conversation does not have the message"
)

// Model is the state after some commands. It is not safe for concurrent use.
type Model struct {
	policy   events.OwnPolicy
	chats    map[chatKey]*chat
	versions map[string]events.Seq // by user; they outlive leave and erase
}

// chatKey names a chat: owner and peer in C2C, no owner and the group else.
type chatKey struct {
	kind      events.Kind
	owner, id string
}

// New returns the model before the first command.
func New() *Model {
	return &Model{policy: events.OwnKeep, chats: map[chatKey]*chat{}, versions: map[string]events.Seq{}}
}

// Result is what one command came to: refused, ignored or else applied.
type Result struct {
	Refused  string           // the reason; empty if the command was accepted
	Ignored  bool             // accepted, but it changed nothing
	Receipts []events.Receipt // sent by it, ordered by User
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
	switch c.Verb {
	case events.UserMessage:
		return m.message(s, m.c2c(c.Inbox, c.From).chat, c.From)
	case events.UserSent:
		return m.message(s, m.c2c(c.Inbox, c.To).chat, c.Inbox)
	case events.UserRevoke:
		return m.revokeC2C(s, m.c2c(c.Inbox, c.From))
	case events.GroupMessage:
		return m.message(s, m.group(c.Inbox), c.From)
	case events.GroupRevoke:
		return m.revokeGroup(s, m.group(c.Inbox))
	case events.GroupJoin:
		return m.join(s, m.group(c.Inbox))
	case events.GroupLeave:
		return m.leave(s, m.group(c.Inbox), c.Users)
	case events.GroupDismiss:
		g := m.group(c.Inbox)
		return m.leave(s, g, slices.Collect(maps.Keys(g.views)))
	case events.UserReadAll:
		return m.readAll(s)
	case events.UserErase:
		return m.erase(s)
	case events.PolicySet:
		return m.setPolicy(c.OwnMessage)
	}
	v := m.view(c.Inbox, c.Conversation)
	if v == nil {
		return refused(notMember) // rule stranger
	}
	switch c.Verb {
	case events.UserRead:
		return m.read(s, v)
	case events.UserUnread:
		return m.unread(s, v)
	case events.UserMute:
		return m.mute(s, v)
	case events.UserDelete:
		return m.delete(s, v)
	}
	panic(fmt.Sprintf("twin: no such verb: %d", c.Verb))
}

// setPolicy sets the policy that rule own goes by from here on.
func (m *Model) setPolicy(p events.OwnPolicy) Result {
	if p == events.NoPolicy || p == m.policy {
		return ignoredUnless(false)
	}
	m.policy = p
	return ignoredUnless(true)
}

// c2c returns the owner's view of the C2C conversation with a peer.
func (m *Model) c2c(owner, peer string) *view {
	k := chatKey{events.C2C, owner, peer}
	if m.chats[k] == nil {
		c := newChat()
		c.views[owner] = &view{chat: c, user: owner, name: events.ConversationID{Kind: events.C2C, ID: peer}}
		m.chats[k] = c
	}
	return m.chats[k].views[owner]
}

// group returns the chat of a group.
func (m *Model) group(id string) *chat {
	k := chatKey{kind: events.Group, id: id}
	if m.chats[k] == nil {
		m.chats[k] = newChat()
	}
	return m.chats[k]
}

// view returns the user's view of a conversation: nil for a group that the
// user is not a member of.
func (m *Model) view(user string, id events.ConversationID) *view {
	if id.Kind == events.C2C {
		return m.c2c(user, id.ID)
	}
	return m.group(id.ID).views[user]
}

// views returns all views of a user, ordered by the conversation's name.
func (m *Model) views(user string) []*view {
	var all []*view
	for _, c := range m.chats {
		if v := c.views[user]; v != nil {
			all = append(all, v)
		}
	}
	slices.SortFunc(all, byName)
	return all
}

// touch notes that a command changed a conversation of a user's list.
func (m *Model) touch(v *view, seq events.Seq) {
	if !v.listed {
		return
	}
	v.version = seq
	m.versions[v.user] = seq
}
