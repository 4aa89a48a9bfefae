package events

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/vmihailenco/msgpack/v5"
)

func FuzzDecode(f *testing.F) {
	for _, verb := range Verbs() {
		text := object(verb, nil)
		f.Add(uint8(verb), []byte(text))
		f.Add(uint8(verb), toMsgpack(f, text))
		f.Add(uint8(verb), []byte(`{"x":[1,{"y":null}],"at":5,"id":"\u006d","conversation":"group_g","muted":false}`))
	}
	f.Add(uint8(UserErase), []byte("\x82\xa1x\xc7\x01\x02\x03\xa2at\xcf\x00\x1f\xff\xff\xff\xff\xff\xff"))
	f.Add(uint8(UserErase), []byte("\xdf\xff\xff\xff\xff"))
	f.Fuzz(func(t *testing.T, verb uint8, payload []byte) { checkDecode(t, Verb(verb), payload) })
}

// checkDecode wants a payload to be decoded alike each time, and what is taken to
// be a command that encodes to one.
func checkDecode(t *testing.T, verb Verb, payload []byte) {
	t.Helper()
	to := target(verb)
	var d Decoder
	var c, again Command
	buffer := bytes.Clone(payload)
	err := d.Decode(to, buffer, &c)
	clear(buffer) // c must not notice
	if a, b := reason(t, err), reason(t, d.Decode(to, payload, &again)); a != b {
		t.Fatalf("%q: once %q, once %q", payload, a, b)
	}
	if err != nil {
		return
	}
	if d := diff(c, again); d != "" {
		t.Fatalf("%q: the second time\n%s", payload, d)
	}
	if err := c.Validate(); err != nil {
		t.Fatalf("%q: accepted, yet %v", payload, err)
	}
	checkRoundTrip(t, &c)
	if len(payload) > 0 && payload[0] != '{' {
		checkAgainstLibrary(t, payload)
	}
}

// checkAgainstLibrary wants the msgpack library to see one value, and no
// bytes after it, where the check saw that.
func checkAgainstLibrary(t *testing.T, payload []byte) {
	t.Helper()
	in := bytes.NewReader(payload)
	if err := msgpack.NewDecoder(in).Skip(); err != nil || in.Len() > 0 {
		t.Errorf("% x: the library leaves %d bytes, %v", payload, in.Len(), err)
	}
}

func FuzzLine(f *testing.F) {
	s := unread(f)
	for _, verb := range Verbs() {
		line := `{"subject":"` + s.Command(target(verb)) + `","payload":` + object(verb, map[string]string{"users": `["a"]`}) + `}`
		f.Add([]byte(line))
	}
	f.Add([]byte(` {"payload":{ "x" : [] },"note":{"a":1},"subject":"unread\u002ecmd.policy"}` + "\n"))
	f.Fuzz(checkLine)
}

// checkLine wants a line that is taken to be what the library sees in it.
func checkLine(t *testing.T, line []byte) {
	t.Helper()
	s := unread(t)
	subject, payload, err := s.ParseLine(line)
	if err != nil {
		return
	}
	var parts map[string]json.RawMessage
	if err := json.Unmarshal(line, &parts); err != nil {
		t.Fatalf("%q is taken, yet %v", line, err)
	}
	var want string
	if err := json.Unmarshal(parts["subject"], &want); err != nil || subject != want {
		t.Errorf("%q: subject %q, want %q, %v", line, subject, want, err)
	}
	if !bytes.Equal(payload, parts["payload"]) {
		t.Errorf("%q: payload %q, want %q", line, payload, parts["payload"])
	}
	var c Command
	if err := s.Decode(subject, payload, &c); err != nil {
		t.Errorf("%q: %v", line, err)
	}
}

// FuzzUnmarshal only wants no panic and no memory beyond reason.
func FuzzUnmarshal(f *testing.F) {
	for _, g := range goldenValues() {
		for _, e := range []Encoding{Msgpack, JSON} {
			b, err := Marshal(e, g.value)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(b)
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, v := range []any{new(Change), new(Receipt), new(Rejected), new(ConversationsReply), new(Explanation), new(Status)} {
			if err := Unmarshal("", data, v); err != nil {
				continue
			}
			if _, err := Marshal(Msgpack, v); err != nil {
				t.Errorf("%q: %v", data, err)
			}
		}
	})
}
