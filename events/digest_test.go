package events

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/vmihailenco/msgpack/v5"
)

// TestDigest: the text form is the form everywhere, and nothing else is read.
func TestDigest(t *testing.T) {
	for d, text := range map[Digest]string{0: "", 1: "0000000000000001", 0xfedcba9876543210: "fedcba9876543210"} {
		var fromJSON, fromMsgpack Digest
		asJSON, err := json.Marshal(d)
		if err != nil || string(asJSON) != `"`+text+`"` || d.String() != text {
			t.Errorf("%d: %s, %s (%v), want %q", uint64(d), d, asJSON, err, text)
		}
		asMsgpack, err := msgpack.Marshal(d)
		if want, _ := msgpack.Marshal(text); err != nil || string(asMsgpack) != string(want) {
			t.Errorf("%s: msgpack % x (%v), want % x", d, asMsgpack, err, want)
		}
		if err := json.Unmarshal(asJSON, &fromJSON); err != nil || fromJSON != d {
			t.Errorf("%s is read from JSON as %s (%v)", d, fromJSON, err)
		}
		if err := msgpack.Unmarshal(asMsgpack, &fromMsgpack); err != nil || fromMsgpack != d {
			t.Errorf("%s is read from msgpack as %s (%v)", d, fromMsgpack, err)
		}
	}
	for _, text := range []string{"1", "000000000000000g", "00000000000000001", "-000000000000001", "0x00000000000001"} {
		if d, err := ParseDigest(text); err == nil {
			t.Errorf("%q is read as %s", text, d)
		}
	}
}

// TestStreamID: a stream created again under the same name is another one,
// whatever the time zone its time is written in.
func TestStreamID(t *testing.T) {
	at := time.Unix(1700000000, 5)
	id := StreamID{Name: "UNREAD_COMMANDS", Created: at.UTC()}
	if !id.Equal(StreamID{id.Name, at.In(time.FixedZone("", 3600))}) {
		t.Error("the time zone makes it another stream")
	}
	if id.Equal(StreamID{id.Name, at.Add(1)}) || id.Equal(StreamID{"OTHER_COMMANDS", at}) {
		t.Error("another stream is the same")
	}
	if want := "UNREAD_COMMANDS created 2023-11-14T22:13:20.000000005Z"; id.String() != want {
		t.Errorf("got %q, want %q", id, want)
	}
}
