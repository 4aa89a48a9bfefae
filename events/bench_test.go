package events

import (
	"fmt"
	"testing"
)

// typical is a payload of each verb as a chat back end sends it.
var typical = map[Verb]string{
	UserMessage:  `{"id":"m-1700000000-4711","from":"user-12345","at":1700000000123}`,
	UserRevoke:   `{"id":"m-1700000000-4711","from":"user-12345"}`,
	UserSent:     `{"id":"m-1700000000-4711","to":"user-12345","at":1700000000123}`,
	UserRead:     `{"conversation":"c2c_user-12345","upto":"m-1700000000-4711","at":1700000000123}`,
	UserReadAll:  `{"kind":"group"}`,
	UserUnread:   `{"conversation":"c2c_user-12345","from":"m-1700000000-4711"}`,
	UserMute:     `{"conversation":"group_team-77","muted":true}`,
	UserDelete:   `{"conversation":"group_team-77"}`,
	UserErase:    `{}`,
	GroupMessage: `{"id":"m-1700000000-4711","from":"user-12345","at":1700000000123,"silent":false,"mentions":["user-1","user-2"],"mention_all":false,"thread":"t-99"}`,
	GroupRevoke:  `{"id":"m-1700000000-4711"}`,
	GroupJoin:    `{"users":["user-1","user-2","user-3"],"at":1700000000123}`,
	GroupLeave:   `{"users":["user-1"],"at":1700000000123}`,
	GroupDismiss: `{}`,
	PolicySet:    `{"own_message":"advance"}`,
}

func BenchmarkDecode(b *testing.B) {
	for _, encoding := range []string{"msgpack", "json"} {
		for _, verb := range Verbs() {
			payload := both(b, typical[verb])[encoding]
			b.Run(fmt.Sprintf("%s/%v", encoding, verb), func(b *testing.B) {
				var d Decoder
				var c Command
				to := target(verb)
				b.ReportAllocs()
				b.SetBytes(int64(len(payload)))
				for b.Loop() {
					if err := d.Decode(to, payload, &c); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

func BenchmarkEncode(b *testing.B) {
	for name, encode := range map[string]func(*Command) ([]byte, error){"msgpack": Encode, "json": EncodeJSON} {
		b.Run(name, func(b *testing.B) {
			var c Command
			if err := Decode(target(GroupMessage), []byte(typical[GroupMessage]), &c); err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			for b.Loop() {
				if _, err := encode(&c); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkParseCommand(b *testing.B) {
	s := unread(b)
	for _, subject := range []string{"unread.cmd.user.user-12345.message", "unread.cmd.user.alice@example%2Ecom.message"} {
		b.Run(subject, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := s.ParseCommand(subject); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkParseLine(b *testing.B) {
	p := NewLineParser(unread(b))
	line := []byte(`{"subject":"unread.cmd.group.ubuntu.message","payload":{"id":"ubuntu-123456","from":"crimsun","at":1103966040000,"mentions":["intinig"]}}`)
	b.ReportAllocs()
	b.SetBytes(int64(len(line)))
	for b.Loop() {
		if _, _, err := p.Parse(line); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkMarshal(b *testing.B) {
	change := new(goldenValues()[0].value.(Change))
	for _, e := range []Encoding{Msgpack, JSON} {
		data, err := Marshal(e, change)
		if err != nil {
			b.Fatal(err)
		}
		b.Run(e.String(), func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(int64(len(data)))
			for b.Loop() {
				if _, err := Marshal(e, change); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
