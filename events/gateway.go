package events

import "strconv"

// MaxGatewayUsers is how many users one request may put on a gateway's stream, or take off.
const MaxGatewayUsers = 1000

// GatewayUser is a user on a gateway's stream, and up to where the gateway was told the
// user's events; an empty cursor: nothing.
type GatewayUser struct {
	User   string
	Cursor string
}

// GatewayRequest opens a gateway's stream.
type GatewayRequest struct {
	Users    []GatewayUser
	Receipts bool // are wanted
	Watch    bool // large groups are watched; true unless it says otherwise
}

// GatewayUsers changes whose events a gateway's stream tells.
type GatewayUsers struct {
	Stream string
	Add    []GatewayUser
	Remove []string
}

// DecodeGateway reads {"users": [{"user", "cursor"?}], "receipts"?, "watch"?}. Any bytes are
// safe to give; errors are *Invalid.
func DecodeGateway(request []byte) (r GatewayRequest, err error) {
	r.Watch = true
	err = decodeMembers(request, func(v jsonValues, name string) (err error) {
		switch name {
		case "users":
			r.Users, err = gatewayUsers(v, name)
		case "receipts":
			err = v.flagOf(name, &r.Receipts)
		case "watch":
			err = v.flagOf(name, &r.Watch)
		default:
			err = unknownField([]byte(name))
		}
		return err
	})
	return r, err
}

// DecodeGatewayUsers reads {"stream", "add"?: [{"user", "cursor"?}], "remove"?: [user]}.
// Any bytes are safe to give; errors are *Invalid.
func DecodeGatewayUsers(request []byte) (r GatewayUsers, err error) {
	err = decodeMembers(request, func(v jsonValues, name string) (err error) {
		switch name {
		case "stream":
			err = v.textOf(name, &r.Stream)
		case "add":
			r.Add, err = gatewayUsers(v, name)
		case "remove":
			r.Remove, err = gatewayIDs(v, name)
		default:
			err = unknownField([]byte(name))
		}
		return err
	})
	if err == nil && r.Stream == "" {
		err = invalid("stream is missing")
	}
	return r, err
}

// decodeMembers reads an object, of whose members member reads the values but null, which
// is the same as absent.
func decodeMembers(request []byte, member func(v jsonValues, name string) error) error {
	var d Decoder
	d.json.reset(request)
	if d.json.peek() != '{' {
		return invalid("request is not a JSON object")
	}
	v := jsonValues{&d}
	err := v.object(func(name []byte) error {
		field := string(name)
		if d.json.peek() == 'n' {
			return v.skip()
		}
		return member(v, field)
	})
	if err == nil && !d.json.atEnd() {
		err = invalid(reasonTrailing)
	}
	return err
}

// flagOf reads true or false.
func (v jsonValues) flagOf(name string, into *bool) (err error) {
	if kind, err := v.peek(); err != nil || kind != valueFlag {
		return or(err, name+" is not true or false")
	}
	*into, err = v.flag()
	return err
}

// textOf reads a string.
func (v jsonValues) textOf(name string, into *string) error {
	if kind, err := v.peek(); err != nil || kind != valueText {
		return or(err, name+" is not a string")
	}
	text, err := v.text()
	*into = string(text)
	return err
}

// or is an error of the tokenizer, or else what is wrong with a value.
func or(err error, reason string) error {
	if err != nil {
		return err
	}
	return invalid(reason)
}

// listOf reads a list of so many entries at most.
func (v jsonValues) listOf(name string, entry func(at string) error) error {
	if kind, err := v.peek(); err != nil || kind != valueList {
		return or(err, name+" is not a list")
	}
	n := 0
	return v.list(func() error {
		if n == MaxGatewayUsers {
			return invalid(name + " has more than " + strconv.Itoa(MaxGatewayUsers) + " entries")
		}
		n++
		return entry(name + "[" + strconv.Itoa(n-1) + "]")
	})
}

// gatewayUsers reads a list of users, none of whom stands there twice.
func gatewayUsers(v jsonValues, name string) (all []GatewayUser, err error) {
	seen := map[string]bool{}
	err = v.listOf(name, func(at string) error {
		if kind, err := v.peek(); err != nil || kind != valueObject {
			return or(err, at+" is not an object")
		}
		var u GatewayUser
		err := v.object(func(name []byte) error {
			field := string(name)
			switch kind, err := v.peek(); {
			case err != nil:
				return err
			case kind == valueNull:
				return v.skip()
			case field == "user":
				return v.textOf(at+".user", &u.User)
			case field == "cursor":
				return v.textOf(at+".cursor", &u.Cursor)
			}
			return unknownField(name)
		})
		if err != nil {
			return err
		}
		all = append(all, u)
		return once(seen, at+".user", u.User)
	})
	return all, err
}

func gatewayIDs(v jsonValues, name string) (all []string, err error) {
	seen := map[string]bool{}
	err = v.listOf(name, func(at string) error {
		var id string
		if err := v.textOf(at, &id); err != nil {
			return err
		}
		all = append(all, id)
		return once(seen, at, id)
	})
	return all, err
}

// once checks an id that may stand in a list once.
func once(seen map[string]bool, at, id string) error {
	if err := CheckID(at, id); err != nil {
		return err
	}
	if seen[id] {
		return invalid(at + " is named twice")
	}
	seen[id] = true
	return nil
}
