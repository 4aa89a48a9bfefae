package events

// Import is what a conversation was before everything that reddot was told of it
// (rule import).
type Import struct {
	Conversation ConversationID
	Unread       uint64 // messages, which have no ids
	Mentions     uint64 // of them naming the user
	MarkedUnread bool
	Level        Level // NoLevel: that of every conversation
	Labels       []string
	ReadAt       Time // if HasReadAt
	HasReadAt    bool
	LastMessage  *ImportMessage
	Receipt      *ImportReceipt
}

// ImportMessage is the newest message of a conversation.
type ImportMessage struct {
	ID, From string
	At       Time
}

// ImportReceipt is the last receipt that the user has sent to the peer.
type ImportReceipt struct {
	Upto string
	At   Time
}

const imports = "conversations"

var importMessageMembers = []member[ImportMessage]{
	textMember("id", true, func(m *ImportMessage) *string { return &m.ID }),
	textMember("from", true, func(m *ImportMessage) *string { return &m.From }),
	numberMember(imports, "at", true, func(m *ImportMessage) *Time { return &m.At }),
}

var importReceiptMembers = []member[ImportReceipt]{
	textMember("upto", true, func(r *ImportReceipt) *string { return &r.Upto }),
	numberMember(imports, "at", true, func(r *ImportReceipt) *Time { return &r.At }),
}

var importMembers = []member[Import]{
	{"conversation", valueText, true, func(v values, i *Import) error {
		s, err := v.text()
		if err == nil {
			i.Conversation, err = ParseConversation(string(s))
		}
		return err
	}},
	numberMember(imports, "unread", true, func(i *Import) *uint64 { return &i.Unread }),
	numberMember(imports, "mentions", false, func(i *Import) *uint64 { return &i.Mentions }),
	flagMember("marked_unread", func(i *Import) *bool { return &i.MarkedUnread }),
	{"level", valueText, false, func(v values, i *Import) error {
		s, err := v.text()
		if err == nil {
			i.Level, err = ParseLevel(string(s))
		}
		return err
	}},
	{"labels", valueList, false, func(v values, i *Import) error {
		return v.list(func() error {
			if kind, err := v.peek(); err != nil {
				return err
			} else if kind != valueText {
				return invalid(imports + ": a label is not a string")
			}
			if len(i.Labels) == MaxLabels {
				return tooManyLabels()
			}
			s, err := v.text()
			i.Labels = append(i.Labels, string(s))
			return err
		})
	}},
	{"read_at", valueNumber, false, func(v values, i *Import) (err error) {
		i.HasReadAt = true
		i.ReadAt, err = readNumber[Time](v, imports+": read_at")
		return err
	}},
	{"last_message", valueObject, false, func(v values, i *Import) error {
		i.LastMessage = new(ImportMessage)
		return readObject(v, imports+": last_message", importMessageMembers, i.LastMessage)
	}},
	{"receipt", valueObject, false, func(v values, i *Import) error {
		i.Receipt = new(ImportReceipt)
		return readObject(v, imports+": receipt", importReceiptMembers, i.Receipt)
	}},
}

// Validate reports what is wrong with one conversation of an import.
func (i *Import) Validate() error {
	if _, err := ParseConversation(i.Conversation.String()); err != nil {
		return err
	}
	switch {
	case i.Unread > uint64(MaxTime):
		return outside(imports + ": unread")
	case i.Mentions > i.Unread:
		return invalid(imports + ": mentions is more than unread")
	case i.Level > LevelNone:
		_, err := ParseLevel("")
		return err
	case i.ReadAt < 0 || i.ReadAt > MaxTime:
		return outside(imports + ": read_at")
	case len(i.Labels) > MaxLabels:
		return tooManyLabels()
	}
	for _, label := range i.Labels {
		if err := CheckLabel(imports+": a label", label); err != nil {
			return err
		}
	}
	if m := i.LastMessage; m != nil {
		if err := CheckID(imports+": last_message: id", m.ID); err != nil {
			return err
		}
		if err := CheckID(imports+": last_message: from", m.From); err != nil {
			return err
		}
		if m.At < 0 || m.At > MaxTime {
			return outside(imports + ": at")
		}
	}
	if r := i.Receipt; r != nil {
		if r.At < 0 || r.At > MaxTime {
			return outside(imports + ": at")
		}
		return CheckID(imports+": receipt: upto", r.Upto)
	}
	return nil
}

const tooManyImports = imports + " has more than 1000 entries"

func tooManyLabels() error { return invalid(imports + ": labels has more than 32 entries") }

// checkImports applies the rules of an import's conversations.
func (c *Command) checkImports() error {
	if len(c.Conversations) > MaxImports {
		return invalid(tooManyImports)
	}
	named := make(map[ConversationID]bool, len(c.Conversations))
	for i := range c.Conversations {
		entry := &c.Conversations[i]
		if err := entry.Validate(); err != nil {
			return err
		}
		if named[entry.Conversation] {
			return invalid(imports + ": a conversation is named twice")
		}
		named[entry.Conversation] = true
		if m := entry.LastMessage; m != nil && entry.Conversation.Kind == C2C && m.From != entry.Conversation.ID && m.From != c.Inbox {
			return invalid(imports + ": last_message: from is neither the user nor the peer")
		}
	}
	return nil
}

var importRecord = record{
	has: func(c *Command) bool { return len(c.Conversations) > 0 },
	read: func(c *Command, v values) error {
		err := v.list(func() error {
			if len(c.Conversations) == MaxImports {
				return invalid(tooManyImports)
			}
			var i Import
			err := readObject(v, imports, importMembers, &i)
			c.Conversations = append(c.Conversations, i)
			return err
		})
		if err != nil {
			return err
		}
		return c.checkImports()
	},
	check: (*Command).checkImports,
	pairs: func(c *Command) (all []any) {
		for i := range c.Conversations {
			all = append(all, c.Conversations[i].pairs())
		}
		return all
	},
}

func (i *Import) pairs() []pair {
	all := []pair{{"conversation", i.Conversation.String()}, {"unread", int64(i.Unread)}}
	if i.Mentions > 0 {
		all = append(all, pair{"mentions", int64(i.Mentions)})
	}
	all = append(all, pairsOf(pair{"marked_unread", i.MarkedUnread}, pair{"level", i.Level.String()}, pair{"labels", i.Labels})...)
	if i.HasReadAt {
		all = append(all, pair{"read_at", int64(i.ReadAt)})
	}
	if m := i.LastMessage; m != nil {
		all = append(all, pair{"last_message", []pair{{"id", m.ID}, {"from", m.From}, {"at", int64(m.At)}}})
	}
	if r := i.Receipt; r != nil {
		all = append(all, pair{"receipt", []pair{{"upto", r.Upto}, {"at", int64(r.At)}}})
	}
	return all
}
