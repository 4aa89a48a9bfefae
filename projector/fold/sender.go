package fold

// Sender is what the log of a group knows of one who has written in it, a member or
// not (rule own). It stays when the sender leaves: whoever reads the log may ask for
// the messages of one sender.
type Sender struct {
	Own      Set // ordinals of the sender's messages that counted, not revoked
	Recalled Set // those that were
}

// countOwn notes whose a message is that counts (rule own).
func (s *step) countOwn(k Key, m *Message) {
	sender := s.Sender(k)
	if sender == nil {
		sender = new(Sender)
	}
	sender.Own.Add(s, k.Set(SetOwn), m.Ord)
	s.PutSender(k, sender)
}

// disown takes a recalled message from its sender.
func (s *step) disown(k Key, o Ord) {
	if sender := s.Sender(k); sender != nil && sender.Own.Remove(s, k.Set(SetOwn), o) {
		sender.Recalled.Add(s, k.Set(SetRecalled), o)
		s.PutSender(k, sender)
	}
}
