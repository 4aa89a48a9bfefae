package stream

import "reddot/events"

// readyLocked has a member told something.
func (h *Hub) readyLocked(m *member) {
	if m.listed {
		return
	}
	m.listed = true
	m.conn.ready = append(m.conn.ready, m)
	poke(m.conn.wake)
}

// poke wakes who waits on a channel with room for one.
func poke(c chan<- struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// next is what a stream is to be told next: a frame of a member, or, without one, the
// member's state. nil: nothing. safe is what the member's receipts are told up to with it.
func (h *Hub) next(c *conn) (m *member, f *frame, safe events.Seq) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for len(c.ready) > 0 {
		m = c.ready[0]
		if m.open && len(m.queue) == 0 {
			h.unreadyLocked(c)
			continue
		}
		if !m.open {
			h.unreadyLocked(c)
			return m, nil, 0
		}
		f = m.queue[0]
		m.queue[0] = nil
		m.queue = m.queue[1:]
		h.countLocked(m, len(m.queue)+1, -f.size())
		safe = f.emitted
		if len(m.queue) == 0 { // it knows all that was heard
			m.queue, safe = nil, h.mu.emitted
			h.unreadyLocked(c)
		} else if len(c.ready) > 1 { // the others have their turn
			h.unreadyLocked(c)
			h.readyLocked(m)
		}
		return m, f, safe
	}
	c.ready = nil
	return nil, nil, 0
}

func (h *Hub) unreadyLocked(c *conn) {
	c.ready[0].listed = false
	c.ready[0] = nil
	c.ready = c.ready[1:]
}

// begin has events kept for a member whose state is about to be read: what it shows need
// not be kept. It says whether the member is behind.
func (h *Hub) begin(m *member) (behind bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	behind, m.behind = m.behind, false
	h.dropLocked(m)
	m.open, m.live = true, false
	return behind
}

// began has a member that is told its state go behind if it does not take what comes.
func (h *Hub) began(m *member) {
	h.mu.Lock()
	defer h.mu.Unlock()
	m.live = true
}

// pushLocked keeps an event for a member. Too many, and there is none of them: the state
// says what they did.
func (h *Hub) pushLocked(m *member, f *frame) {
	if !m.open || f.name == eventReceipts && !m.receipts {
		return
	}
	full := len(m.queue) >= maxQueue || len(m.queue) > 0 && m.bytes+f.size() > maxQueueBytes
	if !full && h.mu.queued+f.size() > maxQueued {
		h.relieveLocked()
		full = h.mu.queued+f.size() > maxQueued
	}
	if full {
		h.shutLocked(m, m.live)
		return
	}
	m.queue = append(m.queue, f)
	h.countLocked(m, len(m.queue)-1, f.size())
	h.readyLocked(m)
}

// countLocked counts a queue that had before events, and has more bytes or less.
func (h *Hub) countLocked(m *member, before, bytes int) {
	m.bytes += bytes
	h.mu.queued += bytes
	if before > fewQueued {
		h.mu.many--
	}
	if len(m.queue) > fewQueued {
		h.mu.many++
	}
}

func (h *Hub) dropLocked(m *member) {
	before := len(m.queue)
	m.queue = nil
	h.countLocked(m, before, -m.bytes)
}

// shutLocked has a member's state read again. One that is behind is told it whole.
func (h *Hub) shutLocked(m *member, behind bool) {
	h.dropLocked(m)
	m.open, m.behind = false, m.behind || behind
	h.readyLocked(m)
}

// relieveLocked makes room in memory: those who have much waiting go behind.
func (h *Hub) relieveLocked() {
	if h.mu.many == 0 {
		return
	}
	for _, u := range h.mu.users {
		for _, m := range u.members {
			if len(m.queue) > fewQueued {
				h.shutLocked(m, m.live)
			}
		}
	}
}

// doubtLocked has the states of a user's members read again: events may be missing.
func (h *Hub) doubtLocked(u *user) {
	for _, m := range u.members {
		if m.open {
			h.shutLocked(m, false)
		}
	}
}

func (h *Hub) doubtAllLocked() {
	for _, u := range h.mu.users {
		u.stored = [kinds]uint64{}
		h.doubtLocked(u)
	}
}
