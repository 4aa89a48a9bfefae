package events

// Peer is what a reddot reports to the others of its log: who it is and how far.
type Peer struct {
	ID      string `json:"id" msgpack:"id"` // a new one at each start
	Host    string `json:"host" msgpack:"host"`
	PID     int    `json:"pid" msgpack:"pid"`
	Version string `json:"version" msgpack:"version"`
	Server  string `json:"server,omitempty" msgpack:"server,omitempty"` // name of the NATS server that it is connected to

	Role    string `json:"role" msgpack:"role"`   // as Emitter of a [Status]
	State   string `json:"state" msgpack:"state"` // as of a [Status]
	Applied Seq    `json:"applied" msgpack:"applied"`
	Emitted Seq    `json:"emitted" msgpack:"emitted"`
	Last    Seq    `json:"last" msgpack:"last"` // in the stream, as far as it knows

	Bye bool `json:"bye,omitempty" msgpack:"bye,omitempty"` // it ends

	// By who has heard it, in a [Status]: the commands between its applied and the
	// stream's last, and how long ago it was heard.
	Lag     uint64 `json:"lag,omitempty" msgpack:"lag,omitempty"`
	HeardMS int64  `json:"heard_ms,omitempty" msgpack:"heard_ms,omitempty"`
}
