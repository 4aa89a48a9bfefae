package fold

import "reddot/events"

// Receipt is the last read receipt a reader has sent to a C2C peer. Receipts only
// grow: it is the furthest, too.
type Receipt struct {
	Upto string
	Pos  Pos // of that message
	At   events.Time
	Seq  events.Seq // of the command that sent it
}

// PeerMark is the newest message of the peer in a C2C log.
type PeerMark struct {
	Pos Pos
	ID  string
}

// ReceiptPos is the position up to which the peer of a C2C conversation was ever sent
// a receipt; 0: none was sent.
func (c *Conversation) ReceiptPos() Pos {
	if c.Receipt == nil {
		return 0
	}
	return c.Receipt.Pos
}

// OwesReceipt reports whether a C2C conversation is read up to its end, and the peer
// has not been sent a receipt for all of that.
func (c *Conversation) OwesReceipt() bool {
	return c.Read == c.Log.Head && c.Peer.Pos > c.ReceiptPos()
}

// receipt sends a C2C peer a receipt, if their messages are read further than one was
// ever sent for (rule receipt). It reports whether it does.
func (s *step) receipt(k Key, c *Conversation, at events.Time) bool {
	sent := c.ReceiptPos()
	if c.Read.Pos <= sent {
		return false
	}
	pos, id := c.Peer.Pos, c.Peer.ID
	if c.Read.Pos < pos {
		m := s.Message(k, c.Read.Pos)
		pos, id = c.Read.Pos, m.ID
		if m.From == k.User {
			if pos = m.PrevPeer; pos > sent {
				id = s.Message(k, pos).ID
			}
		}
	}
	if pos <= sent {
		return false
	}
	c.Receipt = &Receipt{Upto: id, Pos: pos, At: at, Seq: s.seq}
	s.fx.Receipts = append(s.fx.Receipts, k)
	return true
}
