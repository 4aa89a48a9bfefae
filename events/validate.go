package events

import "strconv"

// Validate reports why the command would be refused, with the reasons that
// [Decode] gives. It also refuses a field that the command's verb does not
// have, which an encoding would lose. Whether the payload is larger than
// [MaxPayload] only encoding shows.
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
	return c.checkPlace()
}

func (c *Command) checkTarget() error {
	switch {
	case c.Verb == NoVerb || c.Verb >= verbs:
		return invalid("unknown verb")
	case c.Verb.Inbox() == "" && c.Inbox != "":
		return invalid("a " + c.Verb.String() + " has no inbox")
	case c.Verb.Inbox() == "":
		return nil
	}
	return CheckID(c.Verb.Inbox(), c.Inbox)
}

// checkPlace refuses a purge that does not say up to where.
func (c *Command) checkPlace() error {
	if c.Verb == GroupPurge && c.Before == "" && !c.HasBeforeAt {
		return invalid("before or before_at is missing")
	}
	return nil
}

// checkField applies a field's own rules to its value.
func (c *Command) checkField(f field) error {
	spec := &fieldSpecs[f]
	switch spec.shape {
	case shapeID:
		return CheckID(spec.name, *spec.id(c))
	case shapeTime:
		at, _ := spec.time(c)
		return checkTime(f, *at)
	case shapeList:
		list := *spec.list(c)
		if len(list) > spec.max {
			return tooMany(f)
		}
		for _, id := range list {
			if err := spec.checkEntry(id); err != nil {
				return err
			}
		}
	case shapeRecord, shapeRecords:
		return spec.record.check(c)
	case shapeWord:
		var again Command
		return spec.word.set(&again, spec.word.text(c))
	}
	return nil
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

func outOfRange(f field) error {
	return outside(fieldSpecs[f].name)
}

// outside refuses a time or a count that is too small or too large.
func outside(what string) error { return invalid(what + " is outside 0 to 2^53-1") }
