package fold

// Sender is what the log of a group knows of one who has written in it, or whom it names,
// a member or not (rules own, mention). It stays when the sender leaves: whoever reads the
// log may ask for the messages of one sender, and an import counts mentions of earlier.
type Sender struct {
	Own      Set // ordinals of the sender's messages that count in the conversation, not revoked
	OwnAp    Set // of those that count apart, revoked ones among them
	Recalled Set // those that counted in the conversation, and were revoked
	Named    Set // ordinals of messages that name the sender and count in the conversation, not revoked; none of those to all
	NamedAp  Set // of those that count apart
}

// set is the set that a message of the sender is in.
func (s *Sender) set(k Key, apart bool) (*Set, SetKey) {
	if apart {
		return &s.OwnAp, k.Set(SetOwnAp)
	}
	return &s.Own, k.Set(SetOwn)
}

// named is the set that a message which names the sender is in.
func (s *Sender) named(k Key, apart bool) (*Set, SetKey) {
	if apart {
		return &s.NamedAp, k.Set(SetNamedAp)
	}
	return &s.Named, k.Set(SetNamed)
}

// sender returns the row of one who writes or is named, an empty one if there is none.
func (s *step) sender(k Key) *Sender {
	if sender := s.Sender(k); sender != nil {
		return sender
	}
	return new(Sender)
}

// countOwn notes whose a message is that counts (rule own).
func (s *step) countOwn(k Key, m *Message) {
	sender := s.sender(k)
	set, key := sender.set(k, m.Apart)
	set.Add(s, key, m.Ord)
	s.PutSender(k, sender)
}

// disown takes a recalled message that counted in the conversation from its sender.
func (s *step) disown(k Key, o Ord) {
	sender := s.Sender(k)
	if sender == nil {
		return
	}
	if sender.Own.Remove(s, k.Set(SetOwn), o) {
		sender.Recalled.Add(s, k.Set(SetRecalled), o)
		s.PutSender(k, sender)
	}
}

// name notes whom a message names that counts.
func (s *step) name(k Key, m *Message) {
	sender := s.sender(k)
	set, key := sender.named(k, m.Apart)
	set.Add(s, key, m.Ord)
	s.PutSender(k, sender)
}

// unnamed takes a recalled message from one whom it names.
func (s *step) unnamed(k Key, apart bool, o Ord) {
	if sender := s.Sender(k); sender != nil {
		if set, key := sender.named(k, apart); set.Remove(s, key, o) {
			s.PutSender(k, sender)
		}
	}
}
