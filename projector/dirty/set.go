package dirty

import (
	"cmp"
	"slices"

	"reddot/events"
	"reddot/projector/fold"
)

// DefaultMany is from how many users, members or receipts on what one command
// touches is emitted in bulk: others need not wait for it.
const DefaultMany = 256

// maxBulks bounds the commands that are kept with a list of users of their own.
// Further ones go into the entries of single users, which are bounded by the users
// there are.
const maxBulks = 64

// Stamp is a command: its seq and the stream's time of it.
type Stamp struct {
	Seq events.Seq
	At  events.Time
}

// Later returns the later one of two commands.
func Later(a, b Stamp) Stamp {
	if b.Seq > a.Seq {
		return b
	}
	return a
}

// Set is what commands changed and listeners have not been notified of. It is for
// one goroutine. The zero value is empty. Whoever takes a set over reads its fields;
// only its methods change them.
type Set struct {
	// Many is from how many users or receipts on a command is emitted in bulk;
	// DefaultMany if zero.
	Many int

	Users    Ordered[string, User]
	Groups   Ordered[string, Stamp]         // with messages, or recalls of some
	Threads  Ordered[fold.ThreadKey, Stamp] // with messages that count apart, or recalls of some
	Receipts Ordered[fold.ReceiptKey, struct{}]
	Authors  Ordered[fold.Author, struct{}] // of messages in groups that have more readers
	Refused  bool                           // there is a refusal in the outbox

	Bulks        []Bulk                             // of commands that touch many
	BulkReceipts Ordered[fold.ReceiptKey, struct{}] // of such commands

	Begun []*fold.Sweep    // what commands did to so many that the fold does not name them
	Swept []fold.Departure // of whom it has named some since

	Joined []fold.Key // users' conversations with groups that they may have joined

	Last events.Seq // the last command that changed something, but for what is swept, which belongs to an earlier one
}

// User is a user whom commands touched.
type User struct {
	Stamp
	Left Conversations // that may have left the list
	Bulk bool          // only commands that touched many did it
}

// Conversations is a set of conversations.
type Conversations = Ordered[events.ConversationID, struct{}]

// Bulk is the users of one command, who have joined or left a group, or whose own
// view of it has changed.
type Bulk struct {
	Stamp
	Group string
	Left  bool
	Users []string
}

// Add enters what one command did.
func (s *Set) Add(seq events.Seq, at events.Time, fx *fold.Effects) {
	stamp := Stamp{seq, at}
	if len(fx.Changed)+len(fx.Noted)+len(fx.Groups)+len(fx.Threads)+len(fx.Receipts)+len(fx.Authors) > 0 || fx.Filtered != "" || fx.Begun != nil || fx.Refused != "" {
		s.Last = seq
	}
	s.Refused = s.Refused || fx.Refused != ""
	if len(fx.Changed) < s.many() || !s.addBulk(stamp, fx) {
		for _, k := range fx.Changed {
			s.user(k.User, stamp)
			if k.Kind == events.Group {
				s.Joined = append(s.Joined, k)
			}
		}
		for _, k := range fx.Noted {
			if k.User != "" {
				s.user(k.User, stamp).Left.At(k.ConversationID)
			}
		}
	}
	if fx.Filtered != "" {
		s.user(fx.Filtered, stamp)
	}
	for _, g := range fx.Groups {
		s.group(g, stamp)
	}
	s.addThreads(fx.Threads, stamp)
	s.addReceipts(fx.Receipts)
	s.addAuthors(fx.Authors)
	if fx.Begun != nil {
		s.Begun = append(s.Begun, fx.Begun)
	}
	s.Swept = append(s.Swept, fx.Swept...)
}

// AddAgain enters what a command that has been applied may have touched, as the rows
// say now. t is reset first. What left a list can't be found so: it is in the store's
// outbox.
func (s *Set) AddAgain(r fold.Reader, seq events.Seq, at events.Time, c *events.Command, t *fold.Touch) {
	fold.Touched(r, seq, c, t)
	stamp := Stamp{seq, at}
	if len(t.Users) >= s.many() {
		s.Bulks = append(s.Bulks, Bulk{Stamp: stamp, Group: c.Inbox, Users: slices.Clone(t.Users)})
	} else {
		for _, user := range t.Users {
			s.user(user, stamp)
		}
	}
	for _, group := range t.Groups {
		s.group(group, stamp)
	}
	s.addThreads(t.Threads, stamp)
	s.addReceipts(t.Receipts)
	s.addAuthors(t.Authors)
}

func (s *Set) many() int { return cmp.Or(s.Many, DefaultMany) }

// addThreads enters threads of one command.
func (s *Set) addThreads(keys []fold.ThreadKey, stamp Stamp) {
	for _, k := range keys {
		at := s.Threads.At(k)
		*at = Later(*at, stamp)
	}
}

// addReceipts enters the receipts of one command.
func (s *Set) addReceipts(keys []fold.ReceiptKey) {
	receipts := &s.Receipts
	if len(keys) >= s.many() {
		receipts = &s.BulkReceipts
	}
	for _, k := range keys {
		receipts.At(k)
	}
}

func (s *Set) addAuthors(all []fold.Author) {
	for _, a := range all {
		s.Authors.At(a)
	}
}

// AddRaised enters those whose messages in a group commands after a seq have brought
// readers.
func (s *Set) AddRaised(r fold.Reader, group string, since events.Seq) {
	w := r.Wanted(group)
	for i := 0; w != nil && i < len(w.Messages); i++ {
		if m := &w.Messages[i]; m.Seq > since {
			s.Authors.At(fold.Author{Group: group, User: m.From})
		}
	}
}

// addBulk enters a command that touched many, if it did so to members of a group,
// all alike.
func (s *Set) addBulk(stamp Stamp, fx *fold.Effects) bool {
	group := fx.Changed[0].ConversationID
	if group.Kind != events.Group || len(fx.Noted) > 0 && !slices.Equal(fx.Noted, fx.Changed) {
		return false
	}
	users := make([]string, len(fx.Changed))
	for i, k := range fx.Changed {
		if k.ConversationID != group {
			return false
		}
		users[i] = k.User
	}
	s.Bulks = append(s.Bulks, Bulk{Stamp: stamp, Group: group.ID, Left: len(fx.Noted) > 0, Users: users})
	return true
}

func (s *Set) user(user string, stamp Stamp) *User {
	u := s.Users.At(user)
	u.Bulk = false
	u.Stamp = Later(u.Stamp, stamp)
	return u
}

// single enters the users of a bulk one by one.
func (s *Set) single(b Bulk) {
	for _, user := range b.Users {
		before := s.Users.Get(user)
		u := s.user(user, b.Stamp)
		u.Bulk = before.Bulk || before.Seq == 0
		if b.Left {
			u.Left.At(events.ConversationID{Kind: events.Group, ID: b.Group})
		}
	}
}

func (s *Set) group(group string, stamp Stamp) {
	g := s.Groups.At(group)
	*g = Later(*g, stamp)
}

// Merge adds what is in o, which the caller gives up.
func (s *Set) Merge(o *Set) {
	if s.Empty() {
		*s = *o
		return
	}
	s.Last = max(s.Last, o.Last)
	s.Refused = s.Refused || o.Refused
	for user, added := range o.Users.All() {
		before := s.Users.Get(user)
		u := s.user(user, added.Stamp)
		u.Bulk = added.Bulk && (before.Bulk || before.Seq == 0)
		for c := range added.Left.All() {
			u.Left.At(c)
		}
	}
	for group, stamp := range o.Groups.All() {
		s.group(group, *stamp)
	}
	for k, stamp := range o.Threads.All() {
		s.addThreads([]fold.ThreadKey{k}, *stamp)
	}
	for k := range o.Receipts.All() {
		s.Receipts.At(k)
	}
	for k := range o.BulkReceipts.All() {
		s.BulkReceipts.At(k)
	}
	for a := range o.Authors.All() {
		s.Authors.At(a)
	}
	s.Begun = append(s.Begun, o.Begun...)
	s.Swept = append(s.Swept, o.Swept...)
	s.Bulks = append(s.Bulks, o.Bulks...)
	for len(s.Bulks) > maxBulks {
		s.single(s.Bulks[0])
		s.Bulks = s.Bulks[1:]
	}
}

// Empty reports whether nothing is in the set.
func (s *Set) Empty() bool {
	return s.Users.Len()+s.Groups.Len()+s.Threads.Len()+s.Receipts.Len()+s.BulkReceipts.Len()+s.Authors.Len()+len(s.Bulks)+len(s.Begun)+len(s.Swept) == 0 && !s.Refused
}
