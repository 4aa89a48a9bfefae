package events

import "testing"

// TestAccessors: each field has the accessor of its shape and no other, and what
// it reaches belongs to the field alone. So a field that is added without one
// fails here, and not where somebody publishes it.
func TestAccessors(t *testing.T) {
	for f := range fields {
		spec := &fieldSpecs[f]
		if named := fieldNamed([]byte(spec.name)); spec.name == "" || named != f && namesakes[named] != f {
			t.Errorf("field %d is called %q, which finds field %d", f, spec.name, named)
		}
		has := [...]bool{
			shapeID: spec.id != nil, shapeWord: spec.word != nil, shapeFlag: spec.flag != nil,
			shapeTime: spec.time != nil, shapeList: spec.list != nil,
			shapeRecord: spec.record != nil, shapeRecords: spec.record != nil,
		}
		for i, has := range has {
			if s := shape(i); has != (s == spec.shape || isRecord(s) && isRecord(spec.shape)) {
				t.Errorf("%s: shape %d, accessor of shape %d: %v", spec.name, spec.shape, i, has)
			}
		}
		many := spec.shape == shapeList || spec.shape == shapeRecords
		if many != (spec.max > 0) || many != (spec.entry != "") {
			t.Errorf("%s: a list of %d entries, each %q", spec.name, spec.max, spec.entry)
		}
		if t.Failed() {
			continue
		}
		var c Command
		fill(t, &c, f)
		if got := c.present(); got != fieldSetOf(f) {
			t.Errorf("%s is set, and fields %b are present", spec.name, got)
		}
	}
}

func isRecord(s shape) bool { return s == shapeRecord || s == shapeRecords }

// TestFieldsUsed: every field is one of some verb's, and no verb has an optional
// field that it requires.
func TestFieldsUsed(t *testing.T) {
	var used fieldSet
	for _, verb := range Verbs() {
		form := forms[verb]
		used |= form.known()
		if both := form.required & form.optional; both != 0 {
			t.Errorf("%v: fields %b are required and optional", verb, both)
		}
		if form.open != openVerbs[verb] {
			t.Errorf("%v: ignores unknown fields: %v", verb, form.open)
		}
	}
	for f := range fields {
		if !used.has(f) {
			t.Errorf("%s is a field of no verb", fieldSpecs[f].name)
		}
	}
}

// fill gives a command a value for one field.
func fill(t *testing.T, c *Command, f field) {
	t.Helper()
	switch spec := &fieldSpecs[f]; spec.shape {
	case shapeID:
		*spec.id(c) = "x"
	case shapeFlag:
		*spec.flag(c) = true
	case shapeTime:
		at, has := spec.time(c)
		*at, *has = 1, true
	case shapeList:
		*spec.list(c) = []string{"x"}
	case shapeRecord:
		c.Filter = new(Filter)
	case shapeRecords:
		c.Conversations = []Import{{Conversation: ConversationID{C2C, "x"}}}
	case shapeWord:
		for _, text := range []string{"c2c_x", "group", "keep", "in", "off", "none", "x"} {
			if spec.word.set(c, text) == nil {
				return
			}
		}
		t.Fatalf("%s takes none of the words known here", spec.name)
	}
}
