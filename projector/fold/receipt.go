package fold

import (
	"math"

	"reddot/events"
)

// Receipt is the last read receipt a reader has sent to a C2C peer. Receipts only
// grow: it is the furthest, too.
type Receipt struct {
	Upto string
	Pos  Pos // of that message
	At   events.Time
	Seq  events.Seq // of the command that sent it

	Imported bool // it was sent before all that is known, and is not sent again; Seq is the import's
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
	return c.Peer.Pos > c.ReceiptPos() && c.Read == c.Log.Head
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
	s.fx.Receipts = append(s.fx.Receipts, ReceiptKey{Key: k})
	return true
}

// receiptOf sends a C2C peer the receipt of one timeline, if their messages in it are
// read further than one was ever sent for, of the conversation or of it. It reports
// whether it does. h is the thread, nil of the main timeline; the caller puts t.
func (s *step) receiptOf(k Key, c *Conversation, t *Timeline, h *Thread, at events.Time) bool {
	sent := c.ReceiptPos()
	if t.Receipt != nil {
		sent = max(sent, t.Receipt.Pos)
	}
	read := c.Position(t.Thread, t)
	if read.Pos <= sent {
		return false
	}
	pos := s.newestIn(k, c, t.Thread, h, read.Cursor)
	if pos <= sent {
		return false
	}
	t.Receipt = &Receipt{Upto: s.Message(k, pos).ID, Pos: pos, At: at, Seq: s.seq}
	s.fx.Receipts = append(s.fx.Receipts, ReceiptKey{k, true, t.Thread})
	return true
}

// toldTimelines returns what is left of a C2C conversation's timelines when it leaves the
// list: which receipts were sent, since they only grow (rule receipt).
func (s *step) toldTimelines(k Key, c *Conversation) (told []*Timeline) {
	if k.Kind != events.C2C {
		return nil
	}
	for _, t := range s.timelines(k, c) {
		if t.Receipt != nil {
			told = append(told, &Timeline{Thread: t.Thread, Receipt: t.Receipt})
		}
	}
	return told
}

// newestIn finds the peer's newest message in a timeline at or before a place; 0: there
// is none.
func (s *step) newestIn(k Key, c *Conversation, thread string, h *Thread, upto Cursor) Pos {
	if thread == "" {
		m, pos := s.Message(k, upto.Pos), upto.Pos
		if m.From == k.User {
			if pos = m.PrevPeer; pos == 0 {
				return 0
			}
			m = s.Message(k, pos)
		}
		if m.Thread != "" {
			pos = m.PrevMain
		}
		return pos
	}
	if h == nil {
		return 0
	}
	pos := h.Peer.Pos
	if pos > upto.Pos { // the next that counts is not far beyond
		if next := NextIn(s, h.In.At(k.SetOf(thread, SetIn)), upto.Ord); next > 0 {
			pos = positionOf(s, k, c.Log, next)
		}
	}
	for pos > upto.Pos {
		pos = s.Message(k, pos).PrevThread
	}
	return pos
}

// receiptsOfThreads sends a C2C peer the receipts of all threads that are read further
// than one was ever sent for.
func (s *step) receiptsOfThreads(k Key, c *Conversation, at events.Time) (sent bool) {
	for _, thread := range s.ThreadOrder(k, math.MaxUint64) {
		h := s.Thread(k, thread)
		if h.Last.Pos <= c.ReceiptPos() {
			break
		}
		if t := s.timeline(k, c, thread); s.receiptOf(k, c, t, h, at) {
			s.putTimeline(k, c, t)
			sent = true
		}
	}
	return sent
}
