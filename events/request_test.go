package events

import (
	"encoding/json"
	"errors"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"reddot/projector/testkit"
)

// request is what all request structs have.
type request interface {
	Validate() error
	Awaits() (Seq, time.Duration)
}

// TestGoldenRequests: each request has the JSON form that servers and clients of
// every release know, and reads as it was written.
func TestGoldenRequests(t *testing.T) {
	bob := ConversationID{C2C, "bob@example.com"}
	wait := Wait{AfterSeq: 43, TimeoutMS: new(uint64(0))}
	requests := map[string]request{
		"totals":        TotalsRequest{Kind: Group, IncludeMuted: true, Mentioned: true, Wait: wait},
		"conversations": ConversationsRequest{UnreadOnly: true, Mentioned: true, Kind: C2C, Limit: new(200), After: "opaque", Wait: wait},
		"conversation":  ConversationRequest{Conversation: bob, Wait: wait},
		"explain":       ExplainRequest{Conversation: bob, Limit: new(1), Wait: wait},
		"receipt":       ReceiptRequest{Peer: new("bob"), Wait: wait},
		"watch":         WatchRequest{wait}, "status": StatusRequest{wait}, "rebuild": RebuildRequest{wait}, "snapshot": SnapshotRequest{wait},
		"totals.labels":        TotalsRequest{Label: new(""), Without: new("archived"), Wait: wait},
		"conversations.labels": ConversationsRequest{Label: new("work"), Without: new("star"), Wait: wait},
		"explain.log":          ExplainRequest{Conversation: bob, Log: true, LogAfter: "opaque", Wait: wait},
		"explain.thread":       ExplainRequest{Conversation: bob, Thread: new(""), Wait: wait},
		"receipt.thread":       ReceiptRequest{Peer: new("bob"), Thread: new("t1"), Wait: wait},
		"threads":              ThreadsRequest{Conversation: bob, Following: true, UnreadOnly: true, Limit: new(200), After: "opaque", Wait: wait},
		"threads.min":          ThreadsRequest{},
		"thread":               ThreadRequest{Conversation: bob, Thread: new("t1"), Wait: wait},
		"group-receipts":       GroupReceiptsRequest{Group: "team", IDs: []string{"m1", "m2"}, Wait: wait},
		"readers":              ReadersRequest{Group: "team", ID: "m1", Read: new(false), Limit: new(1), After: "opaque", Wait: wait},
		"hold":                 HoldRequest{TTLMS: MaxHoldMS, Wait: wait},
		"totals.min":           TotalsRequest{}, "conversations.min": ConversationsRequest{}, "status.min": StatusRequest{},
	}
	for name, r := range requests {
		b, err := json.Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		written := testkit.Golden(t, filepath.Join(goldenDir, "request."+name+".json"), string(b)+"\n")
		read := reflect.New(reflect.TypeOf(r))
		if err := json.Unmarshal([]byte(written), read.Interface()); err != nil {
			t.Errorf("%s: %v", name, err)
		} else if d := diff(r, read.Elem().Interface().(request)); d != "" {
			t.Errorf("%s reads as another request:\n%s", name, d)
		}
		if err := r.Validate(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		seq, timeout := r.Awaits()
		if least := strings.HasSuffix(name, ".min"); least && (seq != 0 || timeout != 2*time.Second) || !least && (seq != 43 || timeout != 0) {
			t.Errorf("%s waits for %d, %s", name, seq, timeout)
		}
	}
	for name, query := range testkit.Constants(t, "request.go", "Query") {
		if requests[query] == nil {
			t.Errorf("%s has no request here", name)
		}
	}
}

// TestRequestRefused: what is not sent, and not answered.
func TestRequestRefused(t *testing.T) {
	bob := ConversationID{C2C, "bob"}
	for reason, r := range map[string]request{
		"timeout_ms: want at most 30000, got 30001":        StatusRequest{Wait{TimeoutMS: new(uint64(30_001))}},
		`kind is neither "c2c" nor "group"`:                TotalsRequest{Kind: 7},
		"limit: want 1 to 200, got 0":                      ConversationsRequest{Limit: new(0)},
		"limit: want 1 to 200, got 201":                    ExplainRequest{Conversation: bob, Limit: new(201)},
		ErrCursor.Error():                                  ConversationsRequest{After: strings.Repeat("x", MaxCursor+1)},
		ErrLogCursor.Error():                               ExplainRequest{Conversation: bob, Log: true, LogAfter: strings.Repeat("x", MaxCursor+1)},
		"log_after is for the log: ask for it with log":    ExplainRequest{Conversation: bob, LogAfter: "x"},
		"conversation is missing":                          ConversationRequest{},
		"conversation is empty":                            ExplainRequest{Conversation: ConversationID{Kind: Group}},
		"conversation begins with neither c2c_ nor group_": ConversationRequest{Conversation: ConversationID{ID: "bob"}},
		"without is empty":                                 ConversationsRequest{Without: new("")},
		"label is longer than 64 bytes":                    TotalsRequest{Label: new(strings.Repeat("x", 65))},
		"thread is longer than 256 bytes":                  ThreadRequest{Conversation: bob, Thread: new(strings.Repeat("x", 257))},
		"thread is missing":                                ThreadRequest{Conversation: bob},
		"limit: want 1 to 200, got 300":                    ThreadsRequest{Limit: new(300)},
		"ids: want 1 to 30, got 31":                        GroupReceiptsRequest{Group: "g", IDs: make([]string, 31)},
		"ids: want 1 to 30, got 0":                         GroupReceiptsRequest{Group: "g"},
		"ids: an entry is empty":                           GroupReceiptsRequest{Group: "g", IDs: []string{""}},
		"group is empty":                                   ReadersRequest{ID: "m1"},
		"id is empty":                                      ReadersRequest{Group: "g"},
		"ttl_ms: want at most 60000, got 60001":            HoldRequest{TTLMS: 60_001},
		"peer is missing":                                  ReceiptRequest{},
		"peer is empty":                                    ReceiptRequest{Peer: new("")},
		"timeout_ms: want at most 30000, got " + "99999":   ReceiptRequest{Peer: new("bob"), Wait: Wait{TimeoutMS: new(uint64(99_999))}},
		"timeout_ms: want at most 30000, got " + "40000":   ConversationsRequest{Wait: Wait{TimeoutMS: new(uint64(40_000))}},
	} {
		err := r.Validate()
		if _, ok := errors.AsType[*Invalid](err); !ok || err.Error() != reason {
			t.Errorf("%+v: got %v, want %q", r, err, reason)
		}
	}
}

// TestHalved: a limit is halved until one is left.
func TestHalved(t *testing.T) {
	for _, limit := range []*int{nil, new(1), new(2), new(199), new(200)} {
		page, explain := ConversationsRequest{Limit: limit}, ExplainRequest{Limit: limit}
		for want := limitOf(limit); ; want /= 2 {
			if page.Most() != want || explain.Most() != want {
				t.Fatalf("halved to %d and %d, want %d", page.Most(), explain.Most(), want)
			}
			half, more := page.Halved()
			other, too := explain.Halved()
			if more != (want > 1) || too != more {
				t.Fatalf("%d can be halved: %v, %v", want, more, too)
			}
			if !more {
				break
			}
			page, explain = half, other
		}
	}
}
