package events

import (
	"bytes"
	"strings"
	"testing"

	"github.com/vmihailenco/msgpack/v5"
)

func TestHostileMsgpack(t *testing.T) {
	tests := []struct{ name, payload, reason string }{
		{"array of 4 G", "\xdd\xff\xff\xff\xff", reasonForm},
		{"map of 4 G", "\xdf\xff\xff\xff\xff", reasonShort},
		{"map of 64 K", "\xde\xff\xff", reasonShort},
		{"array of 4 G in a list", "\x81\xa5users\xdd\xff\xff\xff\xff", reasonShort},
		{"array of 4 G in an unknown field", "\x81\xa1x\xdd\xff\xff\xff\xff", reasonShort},
		{"map of 4 G in an unknown field", "\x81\xa1x\xdf\xff\xff\xff\xff\x01", reasonShort},
		{"string of 4 G", "\x81\xa2id\xdb\xff\xff\xff\xff", reasonShort},
		{"name of 4 G", "\x81\xdb\xff\xff\xff\xff\x01", reasonShort},
		{"bin of 4 G", "\x81\xa1x\xc6\xff\xff\xff\xff", reasonShort},
		{"extension of 4 G", "\x81\xa1x\xc9\xff\xff\xff\xff\x05", reasonShort},
		{"8 MB of nesting", strings.Repeat("\x91", 8<<20), reasonSize},
		{"200 KiB of nesting", "\x81\xa1x" + strings.Repeat("\x91", 200<<10), reasonDepth},
		{"200 KiB of nesting, not in a map", strings.Repeat("\x91", 200<<10), reasonForm},
		{"200 KiB of maps", strings.Repeat("\x81\xa1x", 66<<10), reasonDepth},
		{"nested keys", strings.Repeat("\x81", 200<<10), reasonDepth},
		{"nil", "\xc0", reasonForm},
		{"bare string", "\xa2id", reasonForm},
		{"text", "hello", reasonForm},
		{"white space before JSON", " {}", reasonForm},
		{"JSON list", "[]", reasonForm},
		{"byte order mark", "\xef\xbb\xbf{}", reasonForm},
		{"extension in place of the map", "\xc7\x01\x00\x80", reasonForm},
		{"trailing map", "\x80\x80", reasonTrailing},
		{"trailing nil", "\x81\xa2id\xa1x\xc0", reasonTrailing},
		{"no value", "\x81\xa2id", reasonShort},
		{"half a string", "\x81\xa2id\xa5abc", reasonShort},
		{"half a length", "\x81\xa2id\xda\x01", reasonShort},
		{"half a number", "\x81\xa2at\xcf\x00\x00", reasonShort},
		{"half a fixed extension", "\x81\xa1x\xd8\x01\x02", reasonShort},
		{"the unused code", "\x81\xa1x\xc1", reasonMsgpack},
		{"the unused code as name", "\x81\xc1\x01", reasonMsgpack},
		{"name is a bin", "\x81\xc4\x02id\xa1x", reasonName},
		{"name is an integer", "\x81\x01\x01", reasonName},
		{"name is nil", "\x81\xc0\x01", reasonName},
		{"name is a map", "\x81\x80\x01", reasonName},
		{"name is not UTF-8", "\x81\xa1\xff\x01", reasonNameUTF8},
		{"name twice, in two spellings", "\x82\xa1x\x01\xd9\x01x\x01", reasonTwice},
		{"id is a bin", "\x81\xa2id\xc4\x01x", "id is not a string"},
		{"id is not UTF-8", "\x81\xa2id\xa1\xff", "id is not UTF-8"},
		{"id is a surrogate", "\x81\xa2id\xa3\xed\xa0\x80", "id is not UTF-8"},
		{"id is an extension", "\x81\xa2id\xd4\x01x", "id is not a string"},
		{"users are a bin", "\x81\xa5users\xc4\x01x", "id is missing"},
		{"at wraps to -1", "\x81\xa2at\xcf\xff\xff\xff\xff\xff\xff\xff\xff", "at is outside 0 to 2^53-1"},
		{"at wraps to 0", "\x81\xa2at\xcf\x80\x00\x00\x00\x00\x00\x00\x00", "at is outside 0 to 2^53-1"},
		{"at is 2^53", "\x81\xa2at\xcf\x00\x20\x00\x00\x00\x00\x00\x00", "at is outside 0 to 2^53-1"},
		{"at is -1 in one byte", "\x81\xa2at\xff", "at is outside 0 to 2^53-1"},
		{"at is -1 in two bytes", "\x81\xa2at\xd0\xff", "at is outside 0 to 2^53-1"},
		{"at is the least integer", "\x81\xa2at\xd3\x80\x00\x00\x00\x00\x00\x00\x00", "at is outside 0 to 2^53-1"},
		{"at is 1.0 as float", "\x81\xa2at\xca\x3f\x80\x00\x00", "at is not an integer"},
		{"at is 1.0 as double", "\x81\xa2at\xcb\x3f\xf0\x00\x00\x00\x00\x00\x00", "at is not an integer"},
		{"at is a timestamp extension", "\x81\xa2at\xd6\xff\x00\x00\x00\x01", "at is not an integer"},
		{"silent is 1", "\x81\xa6silent\x01", "silent is neither true nor false"},
		{"mentions of 1001, then rubbish", "\x81\xa8mentions\xdc\x03\xe9" + strings.Repeat("\x01", 1001), "mentions has more than 1000 entries"},
		{"mentions hold a bin", "\x81\xa8mentions\x91\xc4\x01x", "mentions: an entry is not a string"},
	}
	for _, tt := range tests {
		var c Command
		if got := reason(t, Decode(Target{UserMessage, "a"}, []byte(tt.payload), &c)); got != tt.reason {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.reason)
		}
	}
}

// Inside an unknown field everything well-formed goes.
func TestUnknownMsgpackValues(t *testing.T) {
	for _, value := range []string{
		"\xc0", "\xc2", "\x05", "\xe0", "\xcf\xff\xff\xff\xff\xff\xff\xff\xff", "\xd3\x80\x00\x00\x00\x00\x00\x00\x00",
		"\xca\x7f\xc0\x00\x00", "\xcb\x3f\xf0\x00\x00\x00\x00\x00\x00", "\xa1\xff", "\xd9\x01x", "\xda\x00\x01x", "\xdb\x00\x00\x00\x01x",
		"\xc4\x01\xff", "\xc5\x00\x01\xff", "\xc6\x00\x00\x00\x01\xff", "\xd4\x01x", "\xd5\x01xx", "\xd6\xffxxxx", "\xd7\x01xxxxxxxx",
		"\xd8\x0116 bytes of data", "\xc7\x00\x01", "\xc8\x00\x01\x01x", "\xc9\x00\x00\x00\x01\x01x",
		"\x90", "\xdc\x00\x01\xc0", "\xdd\x00\x00\x00\x01\xc0", "\x80", "\xde\x00\x01\x01\x02", "\xdf\x00\x00\x00\x01\xc0\x93\x01\x02\x03",
		"\x82\x01\x01\x01\x01", "\x81\x81\xc0\x90\xd4\x01x",
	} {
		var c Command
		payload := "\x84\xa2id\xa1m\xa2to\xa1b\xa1x" + value + "\xa2at\x05"
		if err := Decode(Target{UserSent, "a"}, []byte(payload), &c); err != nil || c.At != 5 {
			t.Errorf("% x: at %d, %v", value, c.At, err)
		}
		if err := msgpack.NewDecoder(strings.NewReader(value)).Skip(); err != nil {
			t.Errorf("% x is no value to the library: %v", value, err)
		}
	}
}

// Other libraries choose other widths.
func TestMsgpackWidths(t *testing.T) {
	for _, payload := range []string{
		"\x82\xa2at\x05\xa2id\xa1m",
		"\xde\x00\x02\xd9\x02at\xcc\x05\xda\x00\x02id\xd9\x01m",
		"\xdf\x00\x00\x00\x02\xdb\x00\x00\x00\x02at\xcd\x00\x05\xa2id\xda\x00\x01m",
		"\x82\xa2at\xce\x00\x00\x00\x05\xa2id\xdb\x00\x00\x00\x01m",
		"\x82\xa2at\xcf\x00\x00\x00\x00\x00\x00\x00\x05\xa2id\xa1m",
		"\x82\xa2at\xd0\x05\xa2id\xa1m",
		"\x82\xa2at\xd1\x00\x05\xa2id\xa1m",
		"\x82\xa2at\xd2\x00\x00\x00\x05\xa2id\xa1m",
		"\x82\xa2at\xd3\x00\x00\x00\x00\x00\x00\x00\x05\xa2id\xa1m",
	} {
		var c Command
		if err := Decode(Target{GroupRevoke, "g"}, []byte(payload), &c); err != nil || c.ID != "m" || c.At != 5 {
			t.Errorf("% x: %+v, %v", payload, c, err)
		}
	}
	for _, head := range []string{"\x92", "\xdc\x00\x02", "\xdd\x00\x00\x00\x02"} {
		var c Command
		if err := Decode(Target{GroupJoin, "g"}, []byte("\x81\xa5users"+head+"\xa1a\xd9\x01b"), &c); err != nil || len(c.Users) != 2 {
			t.Errorf("% x: %v, %v", head, c.Users, err)
		}
	}
}

func TestHostileJSON(t *testing.T) {
	tests := []struct{ name, payload, reason string }{
		{"cut off", `{`, reasonJSON},
		{"cut off in a name", `{"id`, reasonJSON},
		{"cut off after a name", `{"id"`, reasonJSON},
		{"cut off in a value", `{"id":"m1`, reasonJSON},
		{"cut off in a list", `{"mentions":["a",`, reasonJSON},
		{"cut off in an unknown field", `{"x":[{`, reasonJSON},
		{"no value", `{"id":}`, reasonJSON},
		{"no value, wrong bracket", `{"id":]}`, reasonJSON},
		{"no value in a list", `{"mentions":[}`, reasonJSON},
		{"no colon", `{"id" "m1"}`, reasonJSON},
		{"comma at the end", `{"id":"m1",}`, reasonJSON},
		{"comma at the end of a list", `{"mentions":["a",]}`, reasonJSON},
		{"two commas", `{"id":"m1",,"from":"b"}`, reasonJSON},
		{"name without quotes", `{id:"m1"}`, reasonJSON},
		{"single quotes", `{'id':'m1'}`, reasonJSON},
		{"name is a number", `{1:2}`, reasonJSON},
		{"comment", `{/**/"id":"m1"}`, reasonJSON},
		{"wrong bracket", `{"id":"m1"]`, reasonJSON},
		{"bad literal", `{"silent":tru}`, reasonJSON},
		{"bad null", `{"silent":nul}`, reasonJSON},
		{"bad escape", `{"id":"\x"}`, reasonJSON},
		{"lone surrogate", `{"id":"\ud800"}`, reasonJSON},
		{"lone surrogate in an unknown field", `{"x":"\udc00"}`, reasonJSON},
		{"control byte", "{\"id\":\"a\nb\"}", reasonJSON},
		{"not UTF-8 in an id", "{\"id\":\"\xff\"}", reasonJSON},
		{"not UTF-8 in a name", "{\"\xff\":1}", reasonJSON},
		{"not UTF-8 in an unknown field", "{\"x\":[\"\xc3\"]}", reasonJSON},
		{"not UTF-8 between values", "{\"x\":1\xff}", reasonJSON},
		{"NUL between values", "{\"x\":1\x00}", reasonJSON},
		{"no break space", "{\u00a0}", reasonJSON},
		{"leading zero", `{"at":01}`, reasonJSON},
		{"plus sign", `{"at":+1}`, reasonJSON},
		{"hex", `{"at":0x10}`, reasonJSON},
		{"NaN", `{"at":NaN}`, reasonJSON},
		{"trailing object", `{}{}`, reasonTrailing},
		{"trailing comma", `{},`, reasonTrailing},
		{"trailing NUL", "{}\x00", reasonTrailing},
		{"trailing bytes that are not UTF-8", "{}\n\xff", reasonTrailing},
		{"at with exponent", `{"at":1e3}`, "at is not an integer"},
		{"at with exponent, upper case", `{"at":1E3}`, "at is not an integer"},
		{"at with a fraction of 0", `{"at":1.0}`, "at is not an integer"},
		{"at is -0", `{"at":-0}`, "at is outside 0 to 2^53-1"},
		{"at is -1.5", `{"at":-1.5}`, "at is not an integer"},
		{"at is 2^53", `{"at":9007199254740992}`, "at is outside 0 to 2^53-1"},
		{"at is 2^64", `{"at":18446744073709551616}`, "at is outside 0 to 2^53-1"},
		{"at has 100,000 digits", `{"at":` + strings.Repeat("9", 100_000) + `}`, "at is outside 0 to 2^53-1"},
		{"id is null", `{"id":null,"from":"b"}`, "id is missing"},
		{"id is a NUL", `{"id":"\u0000"}`, "id holds a NUL byte"},
		{"id is 257 bytes in 1,542", `{"id":"` + strings.Repeat(`\u0041`, 257) + `"}`, "id is longer than 256 bytes"},
		{"mentions of 1001", `{"mentions":` + list(1001) + `}`, "mentions has more than 1000 entries"},
		{"name twice in an unknown field", `{"x":{"a":1,"a":1}}`, reasonTwice},
		{"100,000 open lists", `{"x":` + strings.Repeat("[", 100_000), reasonDepth},
		{"40,000 open objects", `{"x":` + strings.Repeat(`{"x":`, 40_000), reasonDepth},
		{"open lists where a string belongs", `{"id":` + strings.Repeat("[", 100_000), "id is not a string"},
		{"open lists in a list", `{"mentions":` + strings.Repeat("[", 100_000), "mentions: an entry is not a string"},
	}
	for _, tt := range tests {
		var c Command
		if got := reason(t, Decode(Target{UserMessage, "a"}, []byte(tt.payload), &c)); got != tt.reason {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.reason)
		}
	}
}

func TestJSONForms(t *testing.T) {
	for _, payload := range []string{
		`{"id":"m1","to":"b","at":5}`,
		"{ \"id\" :\t\"m1\" ,\r\n\"to\":\"b\",\"at\": 5 } \r\n\t",
		`{"\u0069\u0064":"\u006d1","to":"b","at":5,"x":[1e400,-0.0,{"":[]}]}`,
	} {
		var c Command
		if err := Decode(Target{UserSent, "a"}, []byte(payload), &c); err != nil || c.ID != "m1" || c.At != 5 {
			t.Errorf("%s: %+v, %v", payload, c, err)
		}
	}
}

// What is decoded stays when the payload's memory is used again.
func TestDecodeCopies(t *testing.T) {
	text := `{"id":"m1","from":"bob","at":5,"mentions":["alice","carol"],"thread":"\u0074"}`
	for name, payload := range both(t, text) {
		var c, want Command
		if err := Decode(Target{GroupMessage, "g"}, bytes.Clone(payload), &want); err != nil {
			t.Fatal(err)
		}
		if err := Decode(Target{GroupMessage, "g"}, payload, &c); err != nil {
			t.Fatal(err)
		}
		for i := range payload {
			payload[i] = '!'
		}
		if d := diff(want, c); d != "" {
			t.Errorf("%s: the command shares the payload's memory:\n%s", name, d)
		}
	}
}

func TestHostileEvents(t *testing.T) {
	tests := []struct{ name, data string }{
		{"nothing", ""},
		{"nil", "\xc0"},
		{"array of 4 G", "\xdd\xff\xff\xff\xff"},
		{"map of 4 G", "\xdf\xff\xff\xff\xff"},
		{"list of 4 G", "\x81\xadconversations\xdd\xff\xff\xff\xff"},
		{"list of a million nils", "\x81\xadconversations\xdd\x00\x0f\x42\x40" + strings.Repeat("\xc0", 1_000_000)},
		{"8 MB of nesting", "\x81\xa1x" + strings.Repeat("\x91", 8<<20)},
		{"1 MB of nesting", "\x81\xa1x" + strings.Repeat("\x91", 1<<20)},
		{"extension before a length", "\x81\xadconversations\xc7\x05\x01\xdd\xff\xff\xff\xff"},
		{"trailing bytes", "\x80\x80"},
		{"wrong type", "\x81\xa4user\x05"},
		{"JSON, trailing bytes", "{}{}"},
		{"JSON, cut off", `{"user":"a"`},
		{"JSON, wrong type", `{"user":5}`},
		{"JSON, negative version", `{"version":-1}`},
	}
	for _, tt := range tests {
		var v Change
		if err := Unmarshal("", []byte(tt.data), &v); err == nil {
			t.Errorf("%s: taken as %+v", tt.name, v)
		}
	}
}
