package events

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/vmihailenco/msgpack/v5"
)

// TestSplitDo splits each request in both encodings: what is the request's
// is taken out, what is the command's stays.
func TestSplitDo(t *testing.T) {
	for _, c := range []struct {
		request map[string]any
		want    DoRequest
		rest    map[string]any
	}{
		{map[string]any{}, DoRequest{}, map[string]any{}},
		{map[string]any{"conversation": "c2c_bob", "upto": "m1"}, DoRequest{}, map[string]any{"conversation": "c2c_bob", "upto": "m1"}},
		{
			map[string]any{"wait": "emitted", "conversation": "c2c_bob", "timeout_ms": 30_000, "key": "k~!", "muted": true},
			DoRequest{Wait: Emitted, TimeoutMS: new(uint64(30_000)), Key: "k~!"},
			map[string]any{"conversation": "c2c_bob", "muted": true},
		},
		{map[string]any{"timeout_ms": 0, "wait": "stored", "key": nil}, DoRequest{TimeoutMS: new(uint64(0))}, map[string]any{}},
		{map[string]any{"Wait": "applied", "KEY": []any{"wait"}}, DoRequest{}, map[string]any{"Wait": "applied", "KEY": []any{"wait"}}},
		{map[string]any{"nested": map[string]any{"key": "no", "wait": "no"}}, DoRequest{}, map[string]any{"nested": map[string]any{"key": "no", "wait": "no"}}},
	} {
		for what, encoded := range encodings(t, c.request) {
			got, rest, err := SplitDo(encoded)
			if err != nil {
				t.Errorf("%s %v: %v", what, c.request, err)
				continue
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("%s %v (-want +got):\n%s", what, c.request, diff)
			}
			back := decoded(t, rest)
			if diff := cmp.Diff(c.rest, back); diff != "" {
				t.Errorf("%s %v: the command's part (-want +got):\n%s", what, c.request, diff)
			}
		}
	}
}

// TestEncodeDo: what is encoded is split into the same request and payload.
func TestEncodeDo(t *testing.T) {
	for _, c := range []Command{
		{Verb: UserReadAll, Inbox: "alice"}, {Verb: UserMute, Inbox: "alice", Conversation: ConversationID{Group, "team"}, Muted: true},
	} {
		payload, err := EncodeJSON(&c)
		if err != nil {
			t.Fatal(err)
		}
		for _, want := range []DoRequest{{}, {Wait: Applied}, {Wait: Emitted, TimeoutMS: new(uint64(0)), Key: "k~!"}} {
			b, err := EncodeDo(&want, &c)
			if err != nil {
				t.Fatal(err)
			}
			got, rest, err := SplitDo(b)
			if len(rest) == 0 {
				rest = []byte("{}")
			}
			if diff := cmp.Diff(want, got); err != nil || diff != "" || !bytes.Equal(rest, payload) {
				t.Errorf("%s is split into %q (-want +got):\n%s%v", b, rest, diff, err)
			}
		}
		if b, err := EncodeDo(&DoRequest{Key: "a b"}, &c); err == nil {
			t.Errorf("encoded with a key that is none: %s", b)
		}
	}
	if b, err := EncodeDo(&DoRequest{}, &Command{Verb: UserRead, Inbox: "alice"}); err == nil {
		t.Errorf("encoded without a conversation: %s", b)
	}
}

func TestSplitDoRefuses(t *testing.T) {
	for _, c := range []struct {
		request map[string]any
		reason  string
	}{
		{map[string]any{"wait": "soon"}, `wait is none of "stored", "applied" and "emitted"`},
		{map[string]any{"wait": 1}, "wait is not a string"},
		{map[string]any{"wait": []any{}}, "wait is not a string"},
		{map[string]any{"key": true}, "key is not a string"},
		{map[string]any{"key": ""}, "key is not 1 to 200 characters long"},
		{map[string]any{"key": strings.Repeat("k", 201)}, "key is not 1 to 200 characters long"},
		{map[string]any{"key": "a b"}, "key holds a character that is not visible ASCII"},
		{map[string]any{"key": "é"}, "key holds a character that is not visible ASCII"},
		{map[string]any{"key": "a\r\nNats-Rollup: all"}, "key holds a character that is not visible ASCII"},
		{map[string]any{"timeout_ms": 30_001}, "timeout_ms is not 0 to 30000"},
		{map[string]any{"timeout_ms": -1}, "timeout_ms is not 0 to 30000"},
		{map[string]any{"timeout_ms": 1.5}, "timeout_ms is not an integer"},
		{map[string]any{"timeout_ms": "5"}, "timeout_ms is not an integer"},
		{map[string]any{"timeout_ms": map[string]any{}}, "timeout_ms is not an integer"},
	} {
		for what, encoded := range encodings(t, c.request) {
			refusedRequest(t, what, encoded, c.reason)
		}
	}
	for _, c := range []struct{ request, reason string }{
		{`{"timeout_ms":99999999999999999999999}`, "timeout_ms is not 0 to 30000"},
		{`{"key":"a","key":"b"}`, "payload has a field twice"},
		{"\x82\xa3key\xa1a\xa3key\xa1b", "payload has a field twice"},
		{"\x82\xa3key\xc0\xa3key\xa1b", "payload has a field twice"},
		{`{"a":1} x`, "payload goes on after its value"},
		{`{"a":1`, "payload is not well-formed JSON"},
		{`{"a":` + strings.Repeat("[", 10_000) + strings.Repeat("]", 10_000) + `}`, "payload is nested deeper than 16"},
		{"\x81\x01\x02", "payload has a field whose name is not a string"},
		{"\xdf\xff\xff\xff\xff", "payload ends inside a value"},
		{"[]", "payload is neither a JSON object nor a msgpack map"},
		{"null", "payload is neither a JSON object nor a msgpack map"},
		{`{"a":"` + strings.Repeat("x", MaxPayload) + `"}`, "payload is larger than 256 KiB"},
	} {
		refusedRequest(t, "raw", []byte(c.request), c.reason)
	}
}

func refusedRequest(t *testing.T, what string, request []byte, reason string) {
	t.Helper()
	_, _, err := SplitDo(request)
	broken, ok := errors.AsType[*Invalid](err)
	if !ok || broken.Reason != reason {
		t.Errorf("%s %.80q: got %v, want %q", what, request, err, reason)
	}
}

// encodings writes a request in both.
func encodings(t *testing.T, request map[string]any) map[string][]byte {
	t.Helper()
	asJSON, err := Marshal(JSON, request)
	if err != nil {
		t.Fatal(err)
	}
	var asMsgpack bytes.Buffer
	if err := msgpack.NewEncoder(&asMsgpack).Encode(request); err != nil {
		t.Fatal(err)
	}
	return map[string][]byte{"json": asJSON, "msgpack": asMsgpack.Bytes()}
}

func decoded(t *testing.T, payload []byte) map[string]any {
	t.Helper()
	back := map[string]any{}
	if len(payload) == 0 {
		return back
	}
	if err := Unmarshal("", payload, &back); err != nil {
		t.Fatalf("%v in %q", err, payload)
	}
	return back
}

func FuzzSplitDo(f *testing.F) {
	for _, seed := range []string{`{"conversation":"c2c_bob","key":"k","wait":"applied"}`, "\x81\xa3key\xa1a", `{"a":[{"key":{}}]}`, ""} {
		f.Add([]byte(seed))
	}
	f.Fuzz(checkSplitDo)
}

// checkSplitDo wants any bytes to be taken apart or refused, and what is left
// to be decoded like a request that never held more.
func checkSplitDo(t *testing.T, request []byte) {
	t.Helper()
	r, rest, err := SplitDo(request)
	if err != nil {
		if _, ok := errors.AsType[*Invalid](err); !ok {
			t.Fatalf("not an *Invalid: %v", err)
		}
		return
	}
	if r.TimeoutMS != nil && *r.TimeoutMS > MaxWaitMS || len(r.Key) > MaxKey {
		t.Fatalf("out of bounds: %+v", r)
	}
	again, same, err := SplitDo(rest)
	if err != nil || again != (DoRequest{}) {
		t.Fatalf("%q of %q is not a command's payload: %+v %v", rest, request, again, err)
	}
	var one, other Command
	target := Target{Verb: UserRead, Inbox: "alice"}
	if a, b := Decode(target, rest, &one), Decode(target, same, &other); (a == nil) != (b == nil) {
		t.Fatalf("%q: %v, split again: %v", rest, a, b)
	}
}
