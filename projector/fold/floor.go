package fold

// Floor is the place up to which the user has no history: what was cleared (rule
// clear), or purged for all (rule purge).
func (c *Conversation) Floor(log *Log) Cursor { return further(c.Cleared, log.Purged) }

// From is the place after which messages count for the user: the read position, which
// a purge leaves where it is.
func (c *Conversation) From(log *Log) Cursor { return further(c.Read, log.Purged) }

// further is the further one of two places.
func further(a, b Cursor) Cursor {
	if b.Pos > a.Pos {
		return b
	}
	return a
}
