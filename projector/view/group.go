package view

import (
	"reddot/events"
	"reddot/projector/fold"
)

// lastMessages is how many messages of a group are shown.
const lastMessages = 20

// Group shows a group; false if there is none.
func Group(r fold.Reader, group string) (reply events.GroupReply, ok bool) {
	log := r.Group(group)
	if log == nil {
		return reply, false
	}
	reply = events.GroupReply{Group: group, Members: members(r, group, log), Messages: uint64(log.Head.Pos), Last: []events.LogMessage{}}
	lk := fold.GroupKey(group)
	for pos := log.Head.Pos; pos > log.Purged.Pos && len(reply.Last) < lastMessages; pos-- {
		m := r.Message(lk, pos)
		reply.Last = append(reply.Last, events.LogMessage{
			ID: m.ID, From: m.From, At: m.At, Seq: m.Seq, Thread: m.Thread, Silent: m.Silent, Hidden: m.Hidden,
			Revoked: fold.Unreadable(r, group, log, pos, &m),
		})
	}
	if log.Head.Pos > 0 {
		reply.Head = r.Message(lk, log.Head.Pos).Seq
	}
	return reply, true
}

// members counts the members of a group: its row counts those who were erased until
// they are swept.
func members(r fold.Reader, group string, log *fold.Log) (n uint64) {
	n = log.Members
	for range r.Sweeps().Erased() {
		n = 0
		r.EachMember(group, "", func(string, fold.Member) bool {
			n++
			return true
		})
		break
	}
	return n
}

// Members lists a group's members by name, with what they have unread there: one page.
// A group that is not there is events.ErrNotFound.
func Members(r fold.Reader, q events.MembersRequest) (events.MembersReply, error) {
	reply := events.MembersReply{Members: []events.GroupMember{}}
	after, err := parseUser(q.After)
	if err != nil {
		return reply, err
	}
	if r.Group(q.Group) == nil {
		return reply, events.ErrNotFound
	}
	var names []string
	r.EachMember(q.Group, after, func(user string, _ fold.Member) bool {
		names = append(names, user)
		return len(names) <= q.Most()
	})
	if len(names) > q.Most() {
		names = names[:q.Most()]
		reply.Next = userCursor(names[q.Most()-1])
	}
	for _, user := range names {
		member := events.GroupMember{User: user}
		if i, ok := load(r, fold.Key{User: user, ConversationID: fold.GroupKey(q.Group).ConversationID}); ok && i.in {
			member.Unread = i.tally(r).Unread()
		}
		reply.Members = append(reply.Members, member)
	}
	return reply, nil
}

// Users is one page of the users who have a conversation, by name, of what lists those
// that begin with a prefix and come after a name.
func Users(q events.UsersRequest, list func(prefix, after string, most int) ([]string, error)) (events.UsersReply, error) {
	reply := events.UsersReply{Users: []string{}}
	after, err := parseUser(q.After)
	if err != nil {
		return reply, err
	}
	names, err := list(q.Prefix, after, q.Most()+1)
	if err != nil {
		return reply, err
	}
	if len(names) > q.Most() {
		names = names[:q.Most()]
		reply.Next = userCursor(names[q.Most()-1])
	}
	reply.Users = append(reply.Users, names...)
	return reply, nil
}

// Some shows those of some conversations that are in a user's list, in the order in
// which they are named.
func Some(r fold.Reader, user string, q events.ConversationsGetRequest) events.ConversationsGetReply {
	reply := events.ConversationsGetReply{User: user, Version: Version(r, user), Conversations: []events.Conversation{}}
	for _, id := range q.Conversations {
		if c, ok := Conversation(r, fold.Key{User: user, ConversationID: id}); ok {
			reply.Conversations = append(reply.Conversations, c)
		}
	}
	return reply
}

// TotalsOf are the totals of some users, in the order in which they are named.
func TotalsOf(r fold.Reader, q events.TotalsBatchRequest) []events.UserTotals {
	all := make([]events.UserTotals, len(q.Users))
	for i, user := range q.Users {
		one := Totals(r, user, events.TotalsRequest{Kind: q.Kind, IncludeMuted: q.IncludeMuted})
		all[i] = events.UserTotals{User: user, Version: one.Version, Totals: one.Totals}
	}
	return all
}
