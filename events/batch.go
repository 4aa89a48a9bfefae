package events

import "strconv"

// MaxBatch is how many commands one request may ask for, and MaxBatchBytes how large
// it may be.
const (
	MaxBatch      = 1000
	MaxBatchBytes = 4 << 20
)

// The fields of a command in a batch that are not its payload's. No payload has
// fields of these names.
const (
	batchType  = "type"
	batchUser  = "user"
	batchGroup = "group"
)

// Batch is a request for commands, taken apart: what it says of itself, and the
// commands, each as one JSON object that shares the request's memory; see [SplitTyped].
type Batch struct {
	DoRequest
	Commands [][]byte
}

// SplitBatch takes a request {"commands": [...], "wait"?, "timeout_ms"?} apart. Any
// bytes are safe to give; errors are *Invalid.
func SplitBatch(request []byte) (b Batch, err error) {
	if len(request) > MaxBatchBytes {
		return b, invalid("request is larger than 4 MiB")
	}
	var d Decoder
	d.json.reset(request)
	if d.json.peek() != '{' {
		return b, invalid("request is not a JSON object")
	}
	if err := d.json.next(); err != nil {
		return b, jsonReason(err)
	}
	named := false
	for d.json.peek() == '"' {
		name, err := d.jsonText()
		if err != nil {
			return b, err
		}
		switch field := string(name); field {
		case "commands":
			named = true
			b.Commands, err = d.batchCommands(request)
		case requestWait, requestTimeout:
			err = d.requestField(&b.DoRequest, field)
		default:
			err = unknownField(name)
		}
		if err != nil {
			return b, err
		}
	}
	if err := d.endJSON(); err != nil {
		return b, err
	}
	switch n := len(b.Commands); {
	case !named:
		return b, invalid("commands is missing")
	case n == 0 || n > MaxBatch:
		return b, invalid("commands has " + strconv.Itoa(n) + " entries; use 1 to " + strconv.Itoa(MaxBatch))
	}
	return b, nil
}

// batchCommands finds where the entries of a list of objects lie.
func (d *Decoder) batchCommands(request []byte) (all [][]byte, err error) {
	if d.json.peek() != '[' {
		return nil, invalid("commands is not a list")
	}
	if err := d.json.next(); err != nil {
		return nil, jsonReason(err)
	}
	for d.json.peek() == '{' {
		start := d.json.start
		if err := d.skipJSON(); err != nil {
			return nil, err
		}
		all = append(all, request[start:d.json.at:d.json.at])
		if len(all) > MaxBatch {
			return nil, invalid("commands has more than " + strconv.Itoa(MaxBatch) + " entries")
		}
	}
	if kind := d.json.peek(); kind != ']' && kind != 0 {
		return nil, invalid("commands[" + strconv.Itoa(len(all)) + "] is not an object")
	}
	if err := d.json.next(); err != nil {
		return nil, jsonReason(err)
	}
	return all, nil
}

// Typed is a command of a batch, taken apart.
type Typed struct {
	Type    Verb
	User    *string // whose inbox it touches; nil: not said
	Group   *string
	Payload []byte // JSON, not checked
}

// SplitTyped takes a command of a batch apart: its payload, and with it the fields
// type, user and group that no payload has. Errors are *Invalid.
func (d *Decoder) SplitTyped(command []byte) (t Typed, err error) {
	var name *string
	t.Payload, err = d.splitOff(command, func(field []byte) **string {
		switch string(field) {
		case batchType:
			return &name
		case batchUser:
			return &t.User
		case batchGroup:
			return &t.Group
		}
		return nil
	})
	if err != nil {
		return t, err
	}
	if name == nil {
		return t, invalid("type is missing")
	}
	for v := NoVerb + 1; v < verbs; v++ {
		if forms[v].name == *name {
			t.Type = v
			return t, nil
		}
	}
	return t, invalid("type is no command's")
}

// Target is what the subject of the command would say. user is who asks, if it is a
// user, who need not say so; nobody else may be meant then, see [ErrForbidden].
func (t *Typed) Target(user string) (Target, error) {
	target := Target{Verb: t.Type}
	inbox, other, named, unfit := t.User, t.Group, batchUser, batchGroup
	if t.Type.Inbox() != batchUser {
		inbox, other, named, unfit = t.Group, t.User, batchGroup, batchUser
	}
	switch {
	case other != nil:
		return target, invalid(unfit + " is not a field of " + t.Type.String())
	case t.Type.Inbox() == "":
		if inbox != nil {
			return target, invalid(named + " is not a field of " + t.Type.String())
		}
		return target, nil
	case inbox != nil:
		target.Inbox = *inbox
	case user != "" && named == batchUser:
		target.Inbox = user
	default:
		return target, invalid(named + " is missing")
	}
	return target, CheckID(named, target.Inbox)
}

// SplitUserDo is [SplitDo] of JSON with one more field, user, that no payload has, and
// without the field key.
func SplitUserDo(request []byte) (r DoRequest, user *string, payload []byte, err error) {
	if len(request) > MaxPayload {
		return r, nil, nil, invalid(reasonSize)
	}
	if len(request) == 0 {
		return r, nil, nil, nil
	}
	rest, err := new(Decoder).splitOff(request, userBeside(&user))
	if err != nil {
		return r, nil, nil, err
	}
	if r, payload, err = splitJSON(rest); err == nil && r.Key != "" {
		err = unknownField([]byte(requestKey))
	}
	return r, user, payload, err
}

// userBeside says that the member user is split off.
func userBeside(into **string) func(field []byte) **string {
	return func(field []byte) **string {
		if string(field) == batchUser {
			return into
		}
		return nil
	}
}

// splitOff copies the members of an object but for those that beside says where to put
// them, which are strings.
func (d *Decoder) splitOff(object []byte, beside func(field []byte) **string) ([]byte, error) {
	d.json.reset(object)
	if d.json.peek() != '{' {
		return nil, invalid("request is not a JSON object")
	}
	if err := d.json.next(); err != nil {
		return nil, jsonReason(err)
	}
	rest := make([]byte, 1, len(object))
	rest[0] = '{'
	for d.json.peek() == '"' {
		begin := d.json.start
		name, err := d.jsonText()
		if err != nil {
			return nil, err
		}
		if into := beside(name); into != nil {
			if err := d.besideField(name, into); err != nil {
				return nil, err
			}
			continue
		}
		if err := d.skipJSON(); err != nil {
			return nil, err
		}
		if len(rest) > 1 {
			rest = append(rest, ',')
		}
		rest = append(rest, object[begin:d.json.at]...)
	}
	if err := d.endJSON(); err != nil {
		return nil, err
	}
	return append(rest, '}'), nil
}

// besideField reads a string; null is the same as absent.
func (d *Decoder) besideField(name []byte, into **string) error {
	switch d.json.peek() {
	case 'n', 0:
		return d.skipJSON()
	case '"':
		text, err := d.jsonText()
		if err != nil {
			return err
		}
		s := string(text)
		*into = &s
		return nil
	}
	return invalid(string(name) + " is not a string")
}

// SplitUser takes the field user, which is a string, out of a JSON object. No bytes at
// all are an empty object. Errors are *Invalid.
func SplitUser(request []byte) (user *string, rest []byte, err error) {
	if len(request) == 0 {
		return nil, []byte("{}"), nil
	}
	rest, err = new(Decoder).splitOff(request, userBeside(&user))
	return user, rest, err
}
