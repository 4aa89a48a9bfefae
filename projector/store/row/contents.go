package row

import "reddot/projector/fold"

// Contents is what stands in a row, for people.
type Contents struct {
	Fields   any            // a struct or a value; nil of a row that has messages alone
	Log      fold.Key       // whose messages they are
	First    fold.Pos       // of the messages, or where they would begin
	Messages []fold.Message // those that are stored in the row
}

// ConversationContents reads the messages out of a conversation.
func ConversationContents(key string, c *fold.Conversation) (Contents, error) {
	t := Contents{Fields: *c}
	if k, _ := ParseConversation(key); c.Log != nil { // the key was decoded
		var err error
		if t, err = tailContents(k, c.Log); err != nil {
			return t, err
		}
		t.Fields = *c
	}
	return t, nil
}

// LogContents reads the messages out of the log of a group.
func LogContents(key string, l *fold.Log) (Contents, error) {
	t, err := tailContents(fold.GroupKey(key[1:]), l)
	t.Fields = *l
	return t, err
}

// tailContents takes the messages of the unfinished page out of a log.
func tailContents(lk fold.Key, l *fold.Log) (c Contents, err error) {
	c = Contents{Log: lk, First: FirstOf(PageNo(max(l.Head.Pos, 1)))}
	if l.Tail != "" {
		c.Messages, err = TailOf(l).Messages(lk, c.First)
	}
	l.Tail = ""
	return c, err
}

// PageContents reads the messages of a page.
func PageContents(key string, p *Page) (c Contents, err error) {
	log, no, ok := ParsePage(key)
	if !ok {
		return c, ErrCorruptRow
	}
	c = Contents{Log: log, First: FirstOf(no)}
	log.User, _ = CutEra(log.User)
	c.Messages, err = p.Messages(log, c.First)
	return c, err
}
