package fold

// Sender is what the log of a group knows of one who has written in it, a member or
// not (rule own). It stays when the sender leaves: whoever reads the log may ask for
// the messages of one sender.
type Sender struct {
	Own      Set // ordinals of the sender's messages that count in the conversation, not revoked
	OwnAp    Set // of those that count apart
	Recalled Set // of those that counted in the conversation, and were revoked
}

// set is the set that a message of the sender is in.
func (s *Sender) set(k Key, apart bool) (*Set, SetKey) {
	if apart {
		return &s.OwnAp, k.Set(SetOwnAp)
	}
	return &s.Own, k.Set(SetOwn)
}

// countOwn notes whose a message is that counts (rule own).
func (s *step) countOwn(k Key, m *Message) {
	sender := s.Sender(k)
	if sender == nil {
		sender = new(Sender)
	}
	set, key := sender.set(k, m.Apart)
	set.Add(s, key, m.Ord)
	s.PutSender(k, sender)
}

// disown takes a recalled message from its sender.
func (s *step) disown(k Key, m *Message, o Ord) {
	sender := s.Sender(k)
	if sender == nil {
		return
	}
	if set, key := sender.set(k, m.Apart); set.Remove(s, key, o) {
		if !m.Apart {
			sender.Recalled.Add(s, k.Set(SetRecalled), o)
		}
		s.PutSender(k, sender)
	}
}
