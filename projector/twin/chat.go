package twin

import (
	"maps"
	"slices"

	"reddot/events"
)

// message is one message of a chat, for ever.
type message struct {
	id       string
	from     string
	at       events.Time
	seq      events.Seq
	thread   string
	apart    bool // it counts for its thread's followers instead of in the conversation
	mentions []string
	all      bool // it mentions all
	silent   bool
	hidden   bool
	never    bool        // revoked before it came: it never counted
	revoked  bool        // revoked after it came, when it had counted
	recalled bool        // revoked when it was the last message
	gone     bool        // revoked after it came, whatever it was
	expires  events.Time // at the first clock that is not before it, if the message is due
}

// quiet reports whether a message never raised anybody's unread (rules silent,
// hidden, revoke).
func (m *message) quiet() bool { return m.silent || m.hidden || m.never }

// names reports whether a message mentions a user or all.
func (m *message) names(user string) bool {
	return m.all || slices.Contains(m.mentions, user)
}

// last is how a message shows as the last one.
func (m *message) last() *events.LastMessage {
	return &events.LastMessage{ID: m.id, From: m.from, At: m.at, Revoked: m.never || m.gone}
}

// chat is one log of messages with those who look at it: a group with its
// members, or what one user (the only view) wrote and got in one C2C
// conversation.
type chat struct {
	key     chatKey
	log     []message
	revokes map[string]bool // ids revoked before they came
	views   map[string]*view
	purged  int   // so many messages of the log are gone for all (rule purge)
	wanted  []int // the messages whose senders are notified of readers, the oldest first
	due     []int // those that are to expire

	at     map[string]int // where in the log a message is, by id
	newest map[string]int // the newest message that shows in a timeline
}

// chatKey names a chat: owner and peer in C2C, no owner and the group else.
type chatKey struct {
	kind      events.Kind
	owner, id string
}

func (k chatKey) inbox() string {
	if k.kind == events.C2C {
		return k.owner
	}
	return k.id
}

func newChat(key chatKey) *chat {
	return &chat{key: key, revokes: map[string]bool{}, views: map[string]*view{}, at: map[string]int{}, newest: map[string]int{}}
}

// add puts a message at the end of the log, for ever.
func (c *chat) add(m message) {
	c.at[m.id] = len(c.log)
	if !m.hidden {
		c.newest[m.thread] = len(c.log)
	}
	c.log = append(c.log, m)
}

// find returns the index of a message in the log, or -1.
func (c *chat) find(id string) int {
	if i, ok := c.at[id]; ok {
		return i
	}
	return -1
}

// any reports whether one of the first n messages is.
func (c *chat) any(n int, is func(*message) bool) bool {
	for i := range n {
		if is(&c.log[i]) {
			return true
		}
	}
	return false
}

// last returns the index of the newest message that shows in the conversation
// (rules hidden, apart), or -1.
func (c *chat) last() int {
	for i := len(c.log) - 1; i >= 0; i-- {
		if !c.log[i].hidden && !c.log[i].apart {
			return i
		}
	}
	return -1
}

// lastOf returns the index of the newest message that shows in a timeline, or -1.
func (c *chat) lastOf(thread string) int {
	if i, ok := c.newest[thread]; ok {
		return i
	}
	return -1
}

// threads returns the threads with a message that shows, sorted.
func (c *chat) threads() []string {
	all := slices.Sorted(maps.Keys(c.newest))
	return slices.DeleteFunc(all, func(thread string) bool { return thread == "" })
}

// lastBy returns how many messages of the log there are up to the last one that is.
func (c *chat) lastBy(is func(*message) bool) int {
	for i := len(c.log) - 1; i >= 0; i-- {
		if is(&c.log[i]) {
			return i + 1
		}
	}
	return 0
}

// account is what concerns a user alone: the C2C chats, by peer, and what is of no one
// conversation.
type account struct {
	c2c      map[string]*chat
	filters  map[string]events.Filter
	blocked  map[string]bool
	imported map[events.ConversationID]bool
}

func newAccount() *account {
	return &account{c2c: map[string]*chat{}, filters: map[string]events.Filter{}, blocked: map[string]bool{}, imported: map[events.ConversationID]bool{}}
}

func (a *account) holds() bool { return len(a.filters)+len(a.blocked)+len(a.imported) > 0 }

// view is one user's view of a chat.
type view struct {
	chat    *chat
	user    string
	name    events.ConversationID
	account *account

	listed  bool // the conversation is in the user's list, whoever wrote in it
	deleted bool
	gone    int // the length of the log at the delete: what comes then brings it back
	read    int // the read position: so many messages of the log are read
	readAt  events.Time
	readSeq events.Seq
	cleared int  // so many messages of the log are gone for the user (rule clear)
	acted   bool // the user has read, cleared, deleted or marked unread in it
	marked  bool
	level   events.Level
	labels  []string      // sorted
	pending []pendingRead // the oldest first
	version events.Seq
	shown   *shown // after the last command that was about it (see touch)

	receipt *events.Receipt // the last one sent to the peer
	told    int             // so many messages of the log are read, as the peer was ever notified of
	seen    int             // so many are read, as senders in a group may ask
	seenAt  events.Time

	carried, carriedMentions uint64 // imported: messages without ids before the first one
	importSeq                events.Seq

	threadsRead    int                  // so many are read in every thread, those that are yet to come too
	timelines      map[string]*timeline // those with something of their own
	threadVersions map[string]events.Seq

	joined  int // the length of the log at the join; 0 in C2C
	joinSeq events.Seq
}

func newView(c *chat, user string, name events.ConversationID, a *account) *view {
	v := &view{chat: c, user: user, name: name, account: a, level: events.LevelAll, timelines: map[string]*timeline{}, threadVersions: map[string]events.Seq{}}
	c.views[user] = v
	return v
}

// timeline is what one user's view has of a thread, or of the main timeline.
type timeline struct {
	own       bool // it has a read position of its own
	read      int
	following bool
	from      int // messages that count apart do so from here on
	muted     bool

	receipt *events.Receipt // the last one sent to the peer for this timeline
	told    int
	seen    int
	seenAt  events.Time
}

// timeline returns what the view has of a timeline, to be changed.
func (v *view) timeline(thread string) *timeline {
	if v.timelines[thread] == nil {
		v.timelines[thread] = &timeline{}
	}
	return v.timelines[thread]
}

// of returns what the view has of a timeline, to be read.
func (v *view) of(thread string) timeline {
	if t := v.timelines[thread]; t != nil {
		return *t
	}
	return timeline{}
}

// pendingRead is a read up to a message that has not come yet (rule read-early):
// the first one up to it of a timeline, and the first one that is not private.
type pendingRead struct {
	upto   string
	thread *string // nil: all timelines
	at     events.Time
	seq    events.Seq

	open   bool // there is one that is not private
	openAt events.Time
}

// find returns the index of a message that the view has, or -1: what came
// before a member's join is unknown to the member (rule join).
func (v *view) find(id string) int {
	if i := v.chat.find(id); i >= v.joined {
		return i
	}
	return -1
}

// floor is how many messages of the log are before the user's history.
func (v *view) floor() int { return max(v.joined, v.cleared, v.chat.purged) }

// yetToCome reports whether a message has not arrived, for anybody.
func (v *view) yetToCome(id string) bool { return v.chat.find(id) < 0 }

// exists reports whether the conversation has come into being: in C2C with the
// first message that shows, or an import.
func (v *view) exists() bool {
	return v.name.Kind == events.Group || v.chat.last() >= 0 || v.account.imported[v.name]
}

// own reports whether a message is the user's own.
func (v *view) own(m *message) bool { return m.from == v.user }

// inList reports whether the conversation is in the user's list: since it is there
// for good, or since a message has brought it back whose sender is not blocked
// (rules delete, block).
func (v *view) inList() bool {
	if v.listed {
		return true
	}
	for i := v.gone; i < len(v.chat.log); i++ {
		if m := &v.chat.log[i]; !m.quiet() && !m.apart && !v.account.blocked[m.from] {
			return true
		}
	}
	return false
}

// readUpto returns the id of the last message at or before a position.
func (v *view) readUpto(read int) string {
	if read == 0 {
		return ""
	}
	return v.chat.log[read-1].id
}

// holds reports whether anything about the conversation is remembered.
func (v *view) holds() bool {
	return v.name.Kind == events.Group || len(v.chat.log) > 0 || len(v.chat.revokes) > 0 ||
		v.level != events.LevelAll || len(v.labels) > 0 || len(v.pending) > 0 || v.account.imported[v.name]
}
