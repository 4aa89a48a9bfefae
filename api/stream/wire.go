package stream

import (
	"bytes"

	"reddot/events"
)

// The names of events.
const (
	eventHello    = "hello"
	eventReset    = "reset"
	eventChange   = "change"
	eventReceipts = "receipts"
	eventLive     = "live"
	eventPing     = "ping"
	eventBye      = "bye"
)

// Reason is why a user's state is told anew, or why a stream ends.
type Reason string

// Why a reset comes.
const (
	Start   Reason = "start"   // nothing was told before
	Epoch   Reason = "epoch"   // another log
	Lost    Reason = "lost"    // rows of the user are gone since
	Behind  Reason = "behind"  // more came than was taken
	Unknown Reason = "unknown" // the cursor is none that was given
)

// Why a stream ends.
const (
	Expired      Reason = "expired"
	Shutdown     Reason = "shutdown"
	Moved        Reason = "moved" // the state can't be read here
	Replaced     Reason = "replaced"
	Disconnected Reason = "disconnected"
	Slow         Reason = "slow"

	gone     Reason = "gone"     // who listened has gone; told to nobody
	answered Reason = "answered" // a poll; the same
)

// Hello begins a stream.
type Hello struct {
	Stream      string      `json:"stream"`
	Epoch       string      `json:"epoch"`
	HeartbeatMS int64       `json:"heartbeat_ms"`
	ExpiresAt   events.Time `json:"expires_at,omitempty"` // of the token
}

// Reset says to forget a user: the whole list follows.
type Reset struct {
	User   string `json:"user"`
	Reason Reason `json:"reason"`
}

// FeedReset says that events are missing before the first one that follows.
type FeedReset struct {
	First  uint64 `json:"first"` // its id
	Reason Reason `json:"reason"`
}

// TotalsChange is a change for who wants no more than totals.
type TotalsChange struct {
	User    string             `json:"user"`
	Version events.Seq         `json:"version"`
	At      events.Time        `json:"at"`
	Totals  events.Totals      `json:"totals"`
	Filters events.NamedTotals `json:"filters,omitempty"`
}

// Receipts says what others have read.
type Receipts struct {
	User     string `json:"user"`
	Receipts []any  `json:"receipts"` // PeerReceipt or MessageReceipt
}

// PeerReceipt says how far a peer has read.
type PeerReceipt struct {
	Peer         string      `json:"peer"`
	Conversation string      `json:"conversation"`
	Upto         string      `json:"upto"`
	At           events.Time `json:"at"`
	Version      events.Seq  `json:"version"`
	Thread       string      `json:"thread,omitempty"`
}

// MessageReceipt says how many have read a message of a group.
type MessageReceipt struct {
	Group string `json:"group"`
	events.GroupReceipt
	Version events.Seq `json:"version"`
}

// Live says that all is told up to here.
type Live struct {
	User    string     `json:"user"`
	Version events.Seq `json:"version"`
}

// Ping says that the stream lives.
type Ping struct {
	At events.Time `json:"at"`
}

// Bye ends a stream.
type Bye struct {
	Reason  Reason `json:"reason"`
	RetryMS int64  `json:"retry_ms"`
}

func peerReceipt(r *events.Receipt) any {
	return PeerReceipt{r.Peer, r.Conversation, r.Upto, r.At, r.Version, r.Thread}
}

func messageReceipts(g *events.GroupReceipts) []any {
	list := make([]any, len(g.Receipts))
	for i, r := range g.Receipts {
		list[i] = MessageReceipt{g.Group, r, g.Version}
	}
	return list
}

// event is one event as it is written.
type event struct {
	name   string
	cursor cursor // what is told with it; zero: nothing is, or it has none
	id     id
	place  uint64 // with placeID
	more   bool   // others of the same state follow
	rest   []byte // its data as JSON, without the brace that begins it
}

// id is what an event says of where a client is to go on.
type id uint8

const (
	noID     id = iota // where it was
	cursorID           // from the cursor
	emptyID            // anew
	placeID            // from a place of the event stream
)

// appendHead appends what of the data comes before the rest: the cursor is each stream's
// own, the rest is shared.
func (e *event) appendHead(b []byte) []byte {
	b = append(b, '{')
	if at := e.cursor.String(); at != "" {
		b = append(b, `"cursor":"`...)
		b = append(b, at...)
		b = append(b, '"', ',')
	}
	if e.more {
		b = append(b, `"more":true,`...)
	}
	return b
}

// restOf is the JSON of a value, which has a field at least, without its first brace.
func restOf(v any) ([]byte, error) {
	data, err := events.Marshal(events.JSON, v)
	return bytes.TrimPrefix(data, []byte("{")), err
}
