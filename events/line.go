package events

import (
	"errors"
	"fmt"
)

// LineParser reads commands from JSON lines, one object a line:
//
//	{"subject":"unread.cmd.user.alice.message","payload":{"id":"m1","from":"bob"}}
//
// Further fields are ignored. It uses its memory again from line to line and
// is not safe for concurrent use.
type LineParser struct {
	// AnyPrefix takes commands for another prefix, too, as if they were for this
	// one.
	AnyPrefix bool

	subjects Subjects
	json     jsonTokens // over the caller's line
	payload  Decoder
	command  Command
}

// NewLineParser returns a parser for commands on the given subjects.
func NewLineParser(s Subjects) *LineParser { return &LineParser{subjects: s} }

// Parse reads one line, white space around it allowed, and checks the command
// as it will be checked when it is applied. The payload is the part of the
// line that holds it, byte for byte, and shares the line's memory. Errors say
// what is wrong with the line; those of the command are *Invalid.
func (p *LineParser) Parse(line []byte) (subject string, payload []byte, err error) {
	if subject, payload, err = p.split(line); err != nil {
		return "", nil, err
	}
	if p.AnyPrefix {
		subject = p.subjects.adopt(subject)
	}
	target, err := p.subjects.ParseCommand(subject)
	if err != nil {
		return "", nil, fmt.Errorf("subject %q: %w", subject, err)
	}
	if err := p.payload.Decode(target, payload, &p.command); err != nil {
		return "", nil, fmt.Errorf("payload of %s: %w", target.Verb, err)
	}
	return subject, payload, nil
}

// At is the time of the last line's command, if it has one.
func (p *LineParser) At() (at Time, has bool) { return p.command.At, p.command.HasAt }

// ParseLine is [LineParser.Parse] with a parser of its own: for a line now
// and then.
func (s Subjects) ParseLine(line []byte) (subject string, payload []byte, err error) {
	return NewLineParser(s).Parse(line)
}

// split takes the line apart without looking into the parts.
func (p *LineParser) split(line []byte) (subject string, payload []byte, err error) {
	p.json.reset(line)
	if p.json.peek() != '{' {
		return "", nil, errors.New(`line is not a JSON object {"subject": "...", "payload": {...}}`)
	}
	if err := p.json.next(); err != nil {
		return "", nil, lineError(err)
	}
	named := false
	for p.json.peek() == '"' {
		if err := p.json.next(); err != nil {
			return "", nil, lineError(err)
		}
		switch string(p.json.text) {
		case "subject":
			subject, err = p.readSubject()
			named = true
		case "payload":
			payload, err = p.readPayload(line)
		default:
			err = p.json.skip(maxJSONDepth)
		}
		if err != nil {
			return "", nil, lineError(err)
		}
	}
	if err := p.json.next(); err != nil {
		return "", nil, lineError(err)
	}
	switch {
	case !p.json.atEnd():
		return "", nil, errors.New("line goes on after its JSON object")
	case !named:
		return "", nil, errors.New("subject is missing")
	case payload == nil:
		return "", nil, errors.New("payload is missing")
	}
	return subject, payload, nil
}

func (p *LineParser) readSubject() (string, error) {
	if kind := p.json.peek(); kind != '"' && kind != 0 {
		return "", errors.New("subject is not a string")
	}
	if err := p.json.next(); err != nil {
		return "", err
	}
	return string(p.json.text), nil
}

func (p *LineParser) readPayload(line []byte) ([]byte, error) {
	if kind := p.json.peek(); kind != '{' && kind != 0 {
		return nil, errors.New("payload is not an object")
	}
	start := p.json.start
	if err := p.json.skip(maxJSONDepth); err != nil {
		return nil, err
	}
	return line[start:p.json.at:p.json.at], nil
}

// lineError says where a line stops being JSON; other errors stay.
func lineError(err error) error {
	syntax, ok := errors.AsType[*syntaxError](err)
	switch {
	case !ok:
		return err
	case syntax.reason == reasonTwice:
		return fmt.Errorf("line has a field twice, at byte %d", syntax.offset)
	}
	return fmt.Errorf("line is not well-formed JSON at byte %d", syntax.offset)
}
