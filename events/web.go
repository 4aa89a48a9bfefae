package events

import (
	"fmt"
	"strconv"
	"time"
)

// Names of the queries that are answered over HTTP alone; a resume is part of a stream.
const (
	QueryGet     = "conversations/get"
	QueryBatch   = "totals/batch"
	QueryUsers   = "users"
	QueryGroup   = "group"
	QueryMembers = "group/members"
	QueryResume  = "resume"
)

// MaxTotalsUsers is how many users' totals one request may ask for.
const MaxTotalsUsers = 1000

// ConversationsGetRequest asks for some conversations of a user's list.
type ConversationsGetRequest struct {
	Conversations []ConversationID `json:"conversations"` // 1 to MaxLimit
	Wait
}

// Validate reports what is wrong with the request.
func (r ConversationsGetRequest) Validate() error {
	if err := r.Wait.Validate(); err != nil {
		return err
	}
	if n := len(r.Conversations); n == 0 || n > MaxLimit {
		return invalid(fmt.Sprintf("conversations: want 1 to %d, got %d", MaxLimit, n))
	}
	for i, c := range r.Conversations {
		if err := checkConversation(c); err != nil {
			return invalid(fmt.Sprintf("conversations[%d]: %v", i, err))
		}
	}
	return nil
}

// ConversationsGetReply answers a ConversationsGetRequest: those that are in the list,
// in the order asked for.
type ConversationsGetReply struct {
	User          string         `json:"user"`
	Version       Seq            `json:"version"`
	Conversations []Conversation `json:"conversations"`
}

// TotalsBatchRequest asks for the totals of some users.
type TotalsBatchRequest struct {
	Users        []string `json:"users"` // 1 to MaxTotalsUsers
	Kind         Kind     `json:"kind,omitempty"`
	IncludeMuted bool     `json:"include_muted,omitempty"`
	Wait
}

// Validate reports what is wrong with the request.
func (r TotalsBatchRequest) Validate() error {
	if err := r.Wait.Validate(); err != nil {
		return err
	}
	if n := len(r.Users); n == 0 || n > MaxTotalsUsers {
		return invalid(fmt.Sprintf("users: want 1 to %d, got %d", MaxTotalsUsers, n))
	}
	for i, user := range r.Users {
		if err := CheckID("users["+strconv.Itoa(i)+"]", user); err != nil {
			return err
		}
	}
	return checkKind(r.Kind)
}

// UserTotals are the totals of one of the users asked for.
type UserTotals struct {
	User    string `json:"user"`
	Version Seq    `json:"version"`
	Totals  Totals `json:"totals"`
}

// TotalsBatchReply answers a TotalsBatchRequest, in the order asked for.
type TotalsBatchReply struct {
	Applied Seq          `json:"applied"` // that all of them show
	Totals  []UserTotals `json:"totals"`
}

// UsersRequest asks for one page of the users who have a conversation, by id.
type UsersRequest struct {
	Prefix string `json:"prefix,omitempty"` // of the ids; empty: all
	Limit  *int   `json:"limit,omitempty"`  // 1 to MaxLimit; nil: DefaultLimit
	After  string `json:"after,omitempty"`  // Next of the page before; empty: the first one
	Wait
}

// Validate reports what is wrong with the request.
func (r UsersRequest) Validate() error {
	if err := r.Wait.Validate(); err != nil {
		return err
	}
	if r.Prefix != "" {
		if err := CheckID("prefix", r.Prefix); err != nil {
			return err
		}
	}
	return checkPage(r.Limit, r.After)
}

// Most is how many users the page has at most.
func (r UsersRequest) Most() int { return limitOf(r.Limit) }

// UsersReply answers a UsersRequest. Next is empty on the last page.
type UsersReply struct {
	Users []string `json:"users"`
	Next  string   `json:"next,omitempty"`
}

// GroupRequest asks for a group.
type GroupRequest struct {
	Group string `json:"group"`
	Wait
}

// Validate reports what is wrong with the request.
func (r GroupRequest) Validate() error {
	if err := r.Wait.Validate(); err != nil {
		return err
	}
	return CheckID("group", r.Group)
}

// GroupReply answers a GroupRequest.
type GroupReply struct {
	Group    string       `json:"group"`
	Members  uint64       `json:"members"`
	Head     Seq          `json:"head"`          // of the command that brought the newest message; 0: none
	Messages uint64       `json:"messages"`      // that were ever written, silent and recalled ones among them
	Last     []LogMessage `json:"last_messages"` // the newest first
}

// LogMessage is one of the newest messages of a group.
type LogMessage struct {
	ID      string `json:"id"`
	From    string `json:"from"`
	At      Time   `json:"at"`
	Seq     Seq    `json:"seq"`
	Thread  string `json:"thread,omitempty"`
	Silent  bool   `json:"silent,omitempty"`
	Hidden  bool   `json:"hidden,omitempty"`
	Revoked bool   `json:"revoked,omitempty"`
}

// MembersRequest asks for one page of a group's members, by id.
type MembersRequest struct {
	Group string `json:"group"`
	Limit *int   `json:"limit,omitempty"`
	After string `json:"after,omitempty"`
	Wait
}

// Validate reports what is wrong with the request.
func (r MembersRequest) Validate() error {
	if err := r.Wait.Validate(); err != nil {
		return err
	}
	if err := CheckID("group", r.Group); err != nil {
		return err
	}
	return checkPage(r.Limit, r.After)
}

// Most is how many members the page has at most.
func (r MembersRequest) Most() int { return limitOf(r.Limit) }

// GroupMember is a member, and how many messages of the group the member has unread.
type GroupMember struct {
	User   string `json:"user"`
	Unread uint64 `json:"unread"`
}

// MembersReply answers a MembersRequest. Next is empty on the last page.
type MembersReply struct {
	Members []GroupMember `json:"members"`
	Next    string        `json:"next,omitempty"`
}

// PastPoint is a state of the past: that after the command Seq, or at a time.
type PastPoint struct {
	Seq  Seq
	Time time.Time // zero: Seq says it
	Text string    // as it was asked for
}
