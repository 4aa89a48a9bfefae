package events

import (
	"bytes"
	"math"
	"strings"
	"testing"
)

func TestEncodings(t *testing.T) {
	for _, e := range []Encoding{Msgpack, JSON} {
		if got, err := ParseEncoding(e.String()); err != nil || got != e {
			t.Errorf("ParseEncoding(%q) = %v, %v", e, got, err)
		}
	}
	for _, s := range []string{"", "JSON", "xml", "application/json"} {
		if e, err := ParseEncoding(s); err == nil {
			t.Errorf("ParseEncoding(%q) = %v", s, e)
		}
	}
	if Msgpack.ContentType() != "application/msgpack" || JSON.ContentType() != "application/json" {
		t.Errorf("content types %q, %q", Msgpack.ContentType(), JSON.ContentType())
	}
	if _, err := Marshal(Encoding(9), Receipt{}); err == nil {
		t.Error("an encoding that isn't is taken")
	}
}

func TestUnmarshalContentTypes(t *testing.T) {
	want := WatchReply{Until: 5}
	packed, text := "\x81\xa5until\x05", `{"until":5}`
	for _, tt := range []struct {
		contentType, data string
		ok                bool
	}{
		{"", packed, true}, {"", text, true},
		{"application/msgpack", packed, true}, {"application/json", text, true},
		{"application/json; charset=utf-8", text, true}, {"Application/JSON", text, true},
		{"application/msgpack", text, false}, {"application/json", packed, false},
		{"text/plain", text, false}, {"application/octet-stream", packed, false},
	} {
		var got WatchReply
		err := Unmarshal(tt.contentType, []byte(tt.data), &got)
		if (err == nil) != tt.ok || tt.ok && got != want {
			t.Errorf("%q %q: %+v, %v", tt.contentType, tt.data, got, err)
		}
	}
}

func TestMarshalExtremes(t *testing.T) {
	c := Change{
		User: "<&>\u2028\"\\\n", Version: math.MaxUint64, At: 0,
		Totals:        Totals{Unread: math.MaxUint64},
		Conversations: []Conversation{{Conversation: "c2c_x", ReadAt: MaxTime, LastMessage: &LastMessage{At: math.MinInt64}}},
		Removed:       []string{strings.Repeat("é", 200)},
	}
	for _, e := range []Encoding{Msgpack, JSON} {
		b, err := Marshal(e, &c)
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(b, []byte(`\u003c`)) || bytes.HasSuffix(b, []byte("\n")) {
			t.Errorf("%v: %s", e, b)
		}
		var back Change
		if err := Unmarshal(e.ContentType(), b, &back); err != nil {
			t.Fatal(err)
		}
		if d := diff(c, back); d != "" {
			t.Errorf("%v:\n%s", e, d)
		}
	}
}

// The largest change and explanation fit well into what Unmarshal reads.
func TestLargestEvents(t *testing.T) {
	id := strings.Repeat("\x01", MaxID)
	change := Change{User: id}
	explained := Explanation{User: id}
	for range MaxChangeConversations {
		change.Conversations = append(change.Conversations, Conversation{
			Conversation: "group_" + id, LastMessage: &LastMessage{ID: id, From: id}, FirstUnread: id, ReadUpto: id,
		})
		change.Removed = append(change.Removed, "group_"+id)
		explained.Messages = append(explained.Messages, ExplainedMessage{ID: id, From: id, Thread: id})
	}
	for _, e := range []Encoding{Msgpack, JSON} {
		for _, v := range []any{change, explained} {
			b, err := Marshal(e, v)
			if err != nil {
				t.Fatal(err)
			}
			if len(b) > MaxEvent/2 {
				t.Errorf("%T as %v has %d bytes", v, e, len(b))
			}
		}
	}
}
