package fold

import "reddot/events"

// Effects are what one command did, beside the rows: what listeners
// are to be notified of. The fold names what changed; the values are read from the
// rows when an event is made (rule quiet: what is not named here is not emitted).
type Effects struct {
	Refused string // the reason; "" if the command was accepted
	Ignored bool   // accepted, but it changed nothing that shows
	Unheard bool   // a message in a group without members: it counts for nobody

	Changed  []Key       // conversations whose view changed, or that left the list
	Groups   []string    // groups whose members' views may have changed
	Threads  []ThreadKey // whose followers' views may have changed, by what counts apart
	Receipts []ReceiptKey
	Authors  []Author // whose messages in a group have more readers
	Filtered string   // the user whose kept filters changed; "" if nobody's did

	// Noted are those of Changed that can't be found again from the command
	// and the rows: conversations that left the list, those that a message changed for
	// members who had read it before it came, and those in which messages expired. A
	// group's log among them is one of Groups; NotedThreads are those of Threads.
	Noted        []Key
	NotedThreads []ThreadKey

	// Begun is what the command has left to be swept, if it has left anything: who
	// is concerned is notified of it as of a change. Swept are conversations that left
	// the list by an earlier command, and whose rows are gone now.
	Begun *Sweep
	Swept []Departure
}

// ThreadKey names a thread of a group.
type ThreadKey struct{ Group, Thread string }

// ReceiptKey names the receipt of a reader that is to be sent: that of a C2C
// conversation, or of one timeline of it.
type ReceiptKey struct {
	Key
	One      bool
	Timeline string // if One
}

// Of is the timeline whose receipt it is; nil: the conversation's.
func (k ReceiptKey) Of() *string {
	if !k.One {
		return nil
	}
	return &k.Timeline
}

// Reset empties the effects and keeps their memory.
func (e *Effects) Reset() {
	*e = Effects{Changed: e.Changed[:0], Groups: e.Groups[:0], Threads: e.Threads[:0], Receipts: e.Receipts[:0], Authors: e.Authors[:0], Noted: e.Noted[:0], NotedThreads: e.NotedThreads[:0], Swept: e.Swept[:0]}
}

// Departure is a conversation that left its user's list by an earlier command.
type Departure struct {
	Key
	Seq events.Seq // of that command
	At  events.Time
}

func (s *step) refuse(reason string) { s.fx.Refused = reason }

func (s *step) ignore() { s.fx.Ignored = true }

// changed notes that a conversation's view is changed by this command, if it is in
// the list (rule quiet).
func (s *step) changed(k Key, c *Conversation, log *Log) {
	if c.Listed(s, k, log) {
		c.Version = s.seq
		s.touch(k)
	}
}

// touch notes that a user is to be notified of a conversation.
func (s *step) touch(k Key) {
	if n := len(s.fx.Changed); n == 0 || s.fx.Changed[n-1] != k {
		s.fx.Changed = append(s.fx.Changed, k)
	}
}

// left notes that a conversation leaves its user's list.
func (s *step) left(k Key) {
	s.fx.Changed = append(s.fx.Changed, k)
	s.fx.Noted = append(s.fx.Noted, k)
}
