package twin

import (
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
	mentions []string
	all      bool // it mentions all
	silent   bool
	hidden   bool
	never    bool // revoked before it came: it never counted
	revoked  bool // revoked after it came, when it had counted
	recalled bool // revoked when it was the last message
}

// quiet reports whether a message never raised anybody's unread (rules silent,
// hidden, revoke).
func (m *message) quiet() bool { return m.silent || m.hidden || m.never }

// names reports whether a message mentions a user or all.
func (m *message) names(user string) bool {
	return m.all || slices.Contains(m.mentions, user)
}

// chat is one log of messages with those who look at it: a group with its
// members, or what one user (the only view) wrote and got in one C2C
// conversation.
type chat struct {
	log     []message
	revokes map[string]bool // ids revoked before they came
	views   map[string]*view
}

func newChat() *chat {
	return &chat{revokes: map[string]bool{}, views: map[string]*view{}}
}

// find returns the index of a message in the log, or -1.
func (c *chat) find(id string) int {
	return slices.IndexFunc(c.log, func(m message) bool { return m.id == id })
}

// last returns the index of the newest message that shows (rule hidden), or -1.
func (c *chat) last() int {
	for i := len(c.log) - 1; i >= 0; i-- {
		if !c.log[i].hidden {
			return i
		}
	}
	return -1
}

// view is one user's view of a chat.
type view struct {
	chat *chat
	user string
	name events.ConversationID

	listed  bool // the conversation is in the user's list
	read    int  // the read position: so many messages of the log are read
	readAt  events.Time
	readSeq events.Seq
	marked  bool
	muted   bool
	pending []pendingRead   // the oldest first
	receipt *events.Receipt // the last one sent to the peer
	told    int             // so many messages of the log are read, as the peer was ever notified of
	version events.Seq

	joined  int // the length of the log at the join; 0 in C2C
	joinSeq events.Seq
}

// pendingRead is a read up to a message that has not come yet (rule read-early):
// the first one up to it, and the first one that the peer is notified of.
type pendingRead struct {
	upto string
	at   events.Time
	seq  events.Seq

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

// yetToCome reports whether a message has not arrived, for anybody.
func (v *view) yetToCome(id string) bool { return v.chat.find(id) < 0 }

// exists reports whether the conversation has come into being: in C2C with the
// first message that shows.
func (v *view) exists() bool { return v.name.Kind == events.Group || v.chat.last() >= 0 }

// own reports whether a message is the user's own.
func (v *view) own(m *message) bool { return m.from == v.user }

// counted reports whether a message raised somebody's unread when it came (rules
// count, silent, revoke). Nobody counts an own C2C message: its only reader
// wrote it.
func (v *view) counted(m *message) bool {
	if v.name.Kind == events.C2C && v.own(m) {
		return false
	}
	return !m.quiet()
}

// unread returns the messages that make up the count, the oldest first.
func (v *view) unread() []*message {
	return v.countFrom(v.read)
}

// countFrom returns the messages that would make up the count if the first n of
// the log were read.
func (v *view) countFrom(n int) []*message {
	var all []*message
	for i := n; i < len(v.chat.log); i++ {
		m := &v.chat.log[i]
		if v.counted(m) && !v.own(m) && !m.revoked {
			all = append(all, m)
		}
	}
	return all
}

// mentions returns how many unread messages name the user (rule mention).
func (v *view) mentions() uint64 {
	n := uint64(0)
	for _, m := range v.unread() {
		if m.names(v.user) {
			n++
		}
	}
	return n
}

// activity is what the list is ordered by: the seq of the last message that
// shows, in a group not before the join.
func (v *view) activity() events.Seq {
	if last := v.chat.last(); last >= 0 {
		return max(v.chat.log[last].seq, v.joinSeq)
	}
	return v.joinSeq
}

// readUpto returns the id of the last message at or before the read position.
func (v *view) readUpto() string {
	if v.read == 0 {
		return ""
	}
	return v.chat.log[v.read-1].id
}

// holds reports whether anything about the conversation is remembered.
func (v *view) holds() bool {
	return v.name.Kind == events.Group || len(v.chat.log) > 0 || len(v.chat.revokes) > 0 || v.muted || len(v.pending) > 0
}
