package rest

import (
	"encoding/json"

	"reddot/events"
)

// LogReply answers GET /v1/log. First and Last are nil where the log holds nothing.
type LogReply struct {
	First    *LogPlace       `json:"first,omitempty"`
	Last     *LogPlace       `json:"last,omitempty"`
	Commands []LoggedCommand `json:"commands"`
	Next     events.Seq      `json:"next,omitempty"` // where the rest of what was asked for begins
}

// LogPlace is a place of the log.
type LogPlace struct {
	Seq events.Seq  `json:"seq"`
	At  events.Time `json:"at"` // when the stream took it in
}

// LoggedCommand is a command as it lies in the log.
type LoggedCommand struct {
	Seq      events.Seq      `json:"seq"`
	At       events.Time     `json:"at"` // when the stream took it in
	Subject  string          `json:"subject"`
	Type     string          `json:"type,omitempty"`  // as in a batch; absent: the subject is none of a command
	User     string          `json:"user,omitempty"`  // whose inbox it is for
	Group    string          `json:"group,omitempty"` // or of which group
	Bytes    int             `json:"bytes"`           // of the payload
	Encoding string          `json:"encoding,omitempty"`
	Payload  json.RawMessage `json:"payload,omitempty"` // with fields that nobody knows; absent: there is Base64

	Error  string `json:"error,omitempty"`  // why it is no command, as in a refusal
	Base64 []byte `json:"base64,omitempty"` // the payload where it can't be shown as JSON
}

// readLog answers GET /v1/log.
func (s *Server) readLog(x *Exchange) error {
	if err := only(x.Query, "seq", "limit"); err != nil {
		return err
	}
	from, err := numberOf(x.Query, "seq", 0)
	if err != nil {
		return err
	}
	if x.Query.Has("seq") && from == 0 {
		return Fail(BadRequest, "seq: want 1 or more, or leave it out for the newest")
	}
	limit, err := limitOf(x.Query, 1)
	if err != nil {
		return err
	}
	live, err := s.live()
	if err != nil {
		return err
	}
	reply, err := live.ReadLog(x.ctx(), events.Seq(from), limit)
	if err != nil {
		return unavailable(err, "the log can't be read now; ask again")
	}
	return x.reply(reply)
}
