package events

import "github.com/vmihailenco/msgpack/v5"

// A change, which is emitted for every user whom a message reaches, is written field by
// field, with the names and the order of the structs' tags: the library looks at each of
// them every time, for which are empty. (A method of the library's interface would do so
// for structs, too, that programs embed these in.)

// packed is a map that is written, and keeps the first error.
type packed struct {
	enc *msgpack.Encoder
	err error
}

// begin writes how many fields follow: some that are always there, and those of others
// that are.
func (o *packed) begin(always int, others ...bool) {
	for _, there := range others {
		if there {
			always++
		}
	}
	o.do(o.enc.EncodeMapLen(always))
}

func (o *packed) do(err error) {
	if o.err == nil {
		o.err = err
	}
}

// of begins a field.
func (o *packed) of(name string) *packed {
	o.do(o.enc.EncodeString(name))
	return o
}

func (o *packed) text(name, s string) {
	o.of(name).do(o.enc.EncodeString(s))
}

func (o *packed) uint(name string, n uint64) {
	o.of(name).do(o.enc.EncodeUint(n))
}

func (o *packed) time(name string, t Time) {
	o.of(name).do(o.enc.EncodeInt(int64(t)))
}

func (o *packed) flag(name string, b bool) {
	o.of(name).do(o.enc.EncodeBool(b))
}

func (o *packed) texts(name string, all []string) {
	o.list(name, len(all))
	for _, s := range all {
		o.do(o.enc.EncodeString(s))
	}
}

func (o *packed) list(name string, n int) {
	o.of(name).do(o.enc.EncodeArrayLen(n))
}

func (t *Totals) pack(enc *msgpack.Encoder) error {
	o, threads := packed{enc: enc}, !t.Threads.IsZero()
	o.begin(6, threads)
	o.uint("unread", t.Unread)
	o.uint("c2c", t.C2C)
	o.uint("group", t.Group)
	o.uint("mentions", t.Mentions)
	o.uint("conversations", t.Conversations)
	o.uint("muted", t.Muted)
	if threads {
		o.of("threads").do(t.Threads.pack(enc))
	}
	return o.err
}

func (t *ThreadTotals) pack(enc *msgpack.Encoder) error {
	o := packed{enc: enc}
	o.begin(3)
	o.uint("unread", t.Unread)
	o.uint("mentions", t.Mentions)
	o.uint("threads", t.Threads)
	return o.err
}

func (m *LastMessage) pack(enc *msgpack.Encoder) error {
	o := packed{enc: enc}
	o.begin(3, m.Revoked)
	o.text("id", m.ID)
	o.text("from", m.From)
	o.time("at", m.At)
	if m.Revoked {
		o.flag("revoked", true)
	}
	return o.err
}

func (c *Conversation) pack(enc *msgpack.Encoder) error {
	o, threads := packed{enc: enc}, !c.Threads.IsZero()
	o.begin(4, c.MarkedUnread, c.Muted, c.Level != "", len(c.Labels) > 0, c.LastMessage != nil,
		c.FirstUnread != "", c.ReadUpto != "", c.ReadAt != 0, threads)
	o.text("conversation", c.Conversation)
	o.uint("unread", c.Unread)
	o.uint("mentions", c.Mentions)
	if c.MarkedUnread {
		o.flag("marked_unread", true)
	}
	if c.Muted {
		o.flag("muted", true)
	}
	if c.Level != "" {
		o.text("level", c.Level)
	}
	if len(c.Labels) > 0 {
		o.texts("labels", c.Labels)
	}
	if c.LastMessage != nil {
		o.of("last_message").do(c.LastMessage.pack(enc))
	}
	if c.FirstUnread != "" {
		o.text("first_unread", c.FirstUnread)
	}
	if c.ReadUpto != "" {
		o.text("read_upto", c.ReadUpto)
	}
	if c.ReadAt != 0 {
		o.time("read_at", c.ReadAt)
	}
	if threads {
		o.of("threads").do(c.Threads.pack(enc))
	}
	o.uint("version", uint64(c.Version))
	return o.err
}

func (c *Change) pack(enc *msgpack.Encoder) error {
	o := packed{enc: enc}
	o.begin(5, len(c.Removed) > 0, len(c.Threads) > 0, len(c.Filters) > 0)
	o.text("user", c.User)
	o.uint("version", uint64(c.Version))
	o.time("at", c.At)
	o.of("totals").do(c.Totals.pack(enc))
	if c.Conversations == nil {
		o.of("conversations").do(enc.EncodeNil())
	} else {
		o.list("conversations", len(c.Conversations))
	}
	for i := range c.Conversations {
		o.do(c.Conversations[i].pack(enc))
	}
	if len(c.Removed) > 0 {
		o.texts("removed", c.Removed)
	}
	if len(c.Threads) > 0 {
		o.of("threads").do(enc.Encode(c.Threads))
	}
	if len(c.Filters) > 0 {
		o.of("filters").do(c.Filters.EncodeMsgpack(enc))
	}
	return o.err
}
