package events

import "strconv"

// Validate reports why the command would be refused, with the reasons that
// [Decode] gives. It also refuses a field that the command's verb does not
// have, which an encoding would lose. Whether the payload is larger than
// [MaxPayload] only encoding can tell.
func (c *Command) Validate() error {
	if err := c.checkTarget(); err != nil {
		return err
	}
	form, present := forms[c.Verb], c.present()
	for f := range fields {
		switch {
		case present.has(f) && !form.known().has(f):
			return invalid(fieldSpecs[f].name + " is not a field of " + c.Verb.String())
		case present.has(f) || form.required.has(f):
			if err := c.checkField(f); err != nil {
				return err
			}
		}
	}
	return nil
}

func (c *Command) checkTarget() error {
	switch {
	case c.Verb == NoVerb || c.Verb >= verbs:
		return invalid("unknown verb")
	case c.Verb == PolicySet && c.Inbox != "":
		return invalid("a policy has no inbox")
	case c.Verb == PolicySet:
		return nil
	case c.Verb >= GroupMessage:
		return CheckID("group", c.Inbox)
	}
	return CheckID("user", c.Inbox)
}

// checkField applies a field's own rules to its value.
func (c *Command) checkField(f field) error {
	spec := &fieldSpecs[f]
	switch spec.shape {
	case shapeID:
		return CheckID(spec.name, *c.idField(f))
	case shapeTime:
		at, _ := c.timeField(f)
		return checkTime(f, *at)
	case shapeList:
		list := *c.listField(f)
		if len(list) > spec.max {
			return tooMany(f)
		}
		for _, id := range list {
			if err := CheckID(spec.entry, id); err != nil {
				return err
			}
		}
	case shapeWord:
		return c.checkWord(f)
	}
	return nil
}

func (c *Command) checkWord(f field) error {
	switch f {
	case fieldConversation:
		if c.Conversation.Kind != C2C && c.Conversation.Kind != Group {
			_, err := ParseConversation("")
			return err
		}
		return CheckID("conversation", c.Conversation.ID)
	case fieldKind:
		_, err := ParseKind(c.Kind.String())
		return err
	default:
		_, err := parseOwnPolicy(c.OwnMessage.String())
		return err
	}
}

func checkTime(f field, at Time) error {
	if at < 0 || at > MaxTime {
		return outOfRange(f)
	}
	return nil
}

func tooMany(f field) error {
	spec := &fieldSpecs[f]
	return invalid(spec.name + " has more than " + strconv.Itoa(spec.max) + " entries")
}

func parseOwnPolicy(s string) (OwnPolicy, error) {
	switch s {
	case "keep":
		return OwnKeep, nil
	case "advance":
		return OwnAdvance, nil
	}
	return NoPolicy, invalid(`own_message is neither "keep" nor "advance"`)
}

func outOfRange(f field) error {
	return invalid(fieldSpecs[f].name + " is outside 0 to 2^53-1")
}
