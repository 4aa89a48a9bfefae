package events

import (
	"errors"
	"fmt"
)

// ErrBehind is why a projection is not asked that has not applied what it has
// heard of: the answers would be old ones. It comes nearer.
var ErrBehind = errors.New("catching up")

// Status is how far a reddot has come, and with what result.
type Status struct {
	Applied Seq    `json:"applied" msgpack:"applied"` // last command folded in
	Emitted Seq    `json:"emitted" msgpack:"emitted"` // all events of the commands up to here are stored
	Durable Seq    `json:"durable" msgpack:"durable"` // state up to here survives without the log
	Last    Seq    `json:"last" msgpack:"last"`       // last command in the stream
	Lag     uint64 `json:"lag" msgpack:"lag"`         // commands between applied and last
	Digest  Digest `json:"digest" msgpack:"digest"`   // of the whole state at applied
	Policy  Policy `json:"policy" msgpack:"policy"`

	Features []string `json:"features" msgpack:"features"` // what it understands; see Features

	Commands map[string]uint64 `json:"commands" msgpack:"commands"` // accepted, by verb, since the log began
	Refused  uint64            `json:"refused" msgpack:"refused"`   // of all commands, since the log began
	Ignored  uint64            `json:"ignored" msgpack:"ignored"`

	// RefusedFor is the refused ones by the kind of reason; see [Refusal].
	RefusedFor map[string]uint64 `json:"refused_for,omitempty" msgpack:"refused_for,omitempty"`

	Stream  string `json:"stream" msgpack:"stream"`
	State   string `json:"state" msgpack:"state"`                         // see [Live] and the others
	Error   string `json:"error,omitempty" msgpack:"error,omitempty"`     // why it is not live, or not ready
	Emitter string `json:"emitter,omitempty" msgpack:"emitter,omitempty"` // "starting", "emitting" or "standby"
	Foreign uint64 `json:"foreign,omitempty" msgpack:"foreign,omitempty"` // messages in the event stream that no reddot has written, found since the start

	// Skipped are the commands that the stream could not give and that were passed
	// over, as serve --skip-seq said: what they did is lost.
	Skipped []Seq `json:"skipped,omitempty" msgpack:"skipped,omitempty"`

	// Stalled is the command that is not applied although it is in the stream, and
	// EmissionStalled the one whose events are not stored although it is applied;
	// nil while that moves.
	Stalled         *Standstill `json:"stalled,omitempty" msgpack:"stalled,omitempty"`
	EmissionStalled *Standstill `json:"emission_stalled,omitempty" msgpack:"emission_stalled,omitempty"`

	// HeldUntil is until when change events and receipts are held back, as was asked
	// for; 0: they are not. What is emitted is behind what is applied meanwhile.
	HeldUntil Time `json:"held_until,omitempty" msgpack:"held_until,omitempty"`

	NATS *Site `json:"nats,omitempty" msgpack:"nats,omitempty"` // where it runs

	ID    string `json:"id,omitempty" msgpack:"id,omitempty"`       // of this reddot, a new one at each start
	Peers []Peer `json:"peers,omitempty" msgpack:"peers,omitempty"` // the other reddots that were heard lately, by host, pid and id

	Rebuild  *Rebuild  `json:"rebuild,omitempty" msgpack:"rebuild,omitempty"`   // the last one since the start
	Snapshot *Snapshot `json:"snapshot,omitempty" msgpack:"snapshot,omitempty"` // the last one since the start
}

// Site is where a reddot runs: its NATS server, and where its streams are.
type Site struct {
	Server  string       `json:"server,omitempty" msgpack:"server,omitempty"` // name of the one that it is connected to; empty: none
	URL     string       `json:"url,omitempty" msgpack:"url,omitempty"`
	Cluster string       `json:"cluster,omitempty" msgpack:"cluster,omitempty"` // name; empty: the server is one alone
	Domain  string       `json:"domain,omitempty" msgpack:"domain,omitempty"`   // of JetStream
	Servers []string     `json:"servers" msgpack:"servers"`                     // URLs of all that are known
	Streams []StreamSite `json:"streams" msgpack:"streams"`                     // of the commands, of the events, of the snapshots if they are in a bucket
}

// StreamSite is on which servers a stream is.
type StreamSite struct {
	Stream   string `json:"stream" msgpack:"stream"`
	Replicas int    `json:"replicas" msgpack:"replicas"`                 // servers that it is on
	Current  int    `json:"current" msgpack:"current"`                   // those of them that have all of it
	Leader   string `json:"leader,omitempty" msgpack:"leader,omitempty"` // name; empty: none

	// Wanted is on how many servers it should be, if those are too few; Advice is
	// the command that changes that.
	Wanted int    `json:"wanted,omitempty" msgpack:"wanted,omitempty"`
	Advice string `json:"advice,omitempty" msgpack:"advice,omitempty"`
}

// States of a reddot.
const (
	CatchingUp = "catching up" // it applies what the stream held when it started, or is far behind
	Live       = "live"
	Stalled    = "stalled" // commands are in the stream, or applied, and nothing moves
	Lost       = "lost"    // the NATS server does not answer; the seqs are the last ones known
	Stopped    = "stopped" // the stream is not whole; nothing is answered
)

// Away says why a reddot takes no queries, as far as its status says.
func (s *Status) Away() string {
	switch {
	case s.Error != "":
		return s.Error
	case s.State == CatchingUp:
		return fmt.Sprintf("%s: applied %d of %d", CatchingUp, s.Applied, s.Last)
	case s.State == "":
		return "it is starting"
	}
	return "it has just been away; ask again"
}

// Standstill is where something stands still, since when and why.
type Standstill struct {
	Seq    Seq    `json:"seq" msgpack:"seq"`
	Since  Time   `json:"since" msgpack:"since"`
	Reason string `json:"reason" msgpack:"reason"`
}

// States of a Rebuild and of a Snapshot.
const (
	Running = "running"
	Done    = "done"
	Failed  = "failed"
)

// Rebuild is the building of a new store beside the one in use.
type Rebuild struct {
	Run      string `json:"run" msgpack:"run"`                       // names it, unlike any other
	State    string `json:"state" msgpack:"state"`                   // "running", "done" or "failed"
	From     Seq    `json:"from,omitempty" msgpack:"from,omitempty"` // the new store began with a snapshot of this seq; 0: with nothing
	Applied  Seq    `json:"applied" msgpack:"applied"`               // by the new store
	Target   Seq    `json:"target" msgpack:"target"`                 // where it is to take over, or did
	Started  Time   `json:"started" msgpack:"started"`
	Ended    Time   `json:"ended,omitempty" msgpack:"ended,omitempty"`
	Differed bool   `json:"differed,omitempty" msgpack:"differed,omitempty"` // the old store was not what the log says
	Error    string `json:"error,omitempty" msgpack:"error,omitempty"`
}

// Snapshot is a copy of the state, kept apart from the store.
type Snapshot struct {
	Run      string `json:"run,omitempty" msgpack:"run,omitempty"` // names it if it was asked for, unlike any other
	State    string `json:"state" msgpack:"state"`                 // as of a Rebuild
	Seq      Seq    `json:"seq,omitempty" msgpack:"seq,omitempty"`
	Digest   Digest `json:"digest,omitempty" msgpack:"digest,omitempty"` // of the state
	Started  Time   `json:"started,omitempty" msgpack:"started,omitempty"`
	Ended    Time   `json:"ended,omitempty" msgpack:"ended,omitempty"`
	Bytes    uint64 `json:"bytes,omitempty" msgpack:"bytes,omitempty"`
	NewBytes uint64 `json:"new_bytes,omitempty" msgpack:"new_bytes,omitempty"` // of them not in an earlier snapshot
	Done     uint64 `json:"done,omitempty" msgpack:"done,omitempty"`           // bytes so far, while it is running
	Error    string `json:"error,omitempty" msgpack:"error,omitempty"`
}

// Policy is the policies in force.
type Policy struct {
	OwnMessage    string `json:"own_message" msgpack:"own_message"`
	Threads       string `json:"threads,omitempty" msgpack:"threads,omitempty"`
	GroupReceipts string `json:"group_receipts,omitempty" msgpack:"group_receipts,omitempty"`
}

// What a reddot may understand; see Status.Features.
const (
	FeatureThreads  = "threads"
	FeatureReceipts = "receipts"
	FeatureLevels   = "levels"
	FeatureLabels   = "labels"
	FeatureFilters  = "filters"
	FeatureBlock    = "block"
	FeatureEdit     = "edit"
	FeatureExpiry   = "expiry"
	FeatureClear    = "clear"
	FeaturePurge    = "purge"
	FeatureImport   = "import"
)

// Features are those that this reddot understands.
func Features() []string {
	return []string{
		FeatureThreads, FeatureReceipts, FeatureLevels, FeatureLabels, FeatureFilters, FeatureBlock, FeatureEdit,
		FeatureExpiry, FeatureClear, FeaturePurge, FeatureImport,
	}
}
