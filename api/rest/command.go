package rest

import (
	"errors"
	"fmt"
	"strconv"

	"reddot/api/gate"
	"reddot/api/identity"
	"reddot/events"
)

// verbs are the commands of users that have a route of their own.
func verbs() []string { return gate.Verbs() }

// Result is what became of one command of a batch.
type Result struct {
	Seq       events.Seq `json:"seq,omitempty"`
	Duplicate bool       `json:"duplicate,omitempty"` // stored before, with the same key
	Error     string     `json:"error,omitempty"`     // "uncertain" or "not_sent"
}

// What became of a command that is not known to be stored.
const (
	resultUncertain = "uncertain"
	resultNotSent   = "not_sent"
)

// Refused is a command of a batch that is stored and that the fold has refused.
type Refused struct {
	Index  int    `json:"index"`
	Reason string `json:"reason"`
}

// BatchReply answers POST /v1/commands.
type BatchReply struct {
	Results []Result   `json:"results"`
	LastSeq events.Seq `json:"last_seq"`
	Applied events.Seq `json:"applied,omitempty"` // up to which all is applied; absent: it was not waited for
	Refused []Refused  `json:"refused,omitempty"`
}

func resultsOf(out gate.Outcome) []Result {
	results := make([]Result, len(out.Results))
	for i, r := range out.Results {
		results[i] = Result{Seq: r.Seq, Duplicate: r.Duplicate}
		if r.Err != nil {
			results[i].Error = resultNotSent
			if r.Err.Uncertain {
				results[i].Error = resultUncertain
			}
		}
	}
	return results
}

// command answers a route of one verb.
func (s *Server) command(verb string) func(*Exchange) error {
	return func(x *Exchange) error {
		if err := only(x.Query); err != nil {
			return err
		}
		of, err := gate.ParseVerb(verb)
		if err != nil {
			return err
		}
		r, asked, payload, err := events.SplitUserDo(x.Body)
		if err != nil {
			return broken("", err)
		}
		user, err := x.user(asked)
		if err != nil {
			return err
		}
		caller := gate.Caller{Name: x.Who.Caller()}
		if x.bounded() {
			caller = gate.Caller{Name: user, Own: user}
		}
		command := gate.Asked{Target: events.Target{Verb: of, Inbox: user}, Payload: payload}
		out, err := s.store(x, caller, r, []gate.Asked{command}, func(int) string { return "" })
		if err != nil {
			return single(err)
		}
		if out.Applied {
			x.applied(out.LastSeq)
		}
		if len(out.Refused) > 0 {
			return &Problem{Code: BadRequest, Detail: out.Refused[0].Reason, Seq: out.LastSeq}
		}
		return x.reply(events.DoReply{Seq: out.Results[0].Seq, Duplicate: out.Results[0].Duplicate})
	}
}

// single says of a command that was alone what it says of a batch.
func single(err error) error {
	p, ok := errors.AsType[*Problem](err)
	if ok && len(p.Results) == 1 {
		p.Seq, p.Uncertain = p.Results[0].Seq, p.Results[0].Error == resultUncertain
		p.Results, p.LastSeq = nil, 0
	}
	return err
}

// batch answers POST /v1/commands.
func (s *Server) batch(x *Exchange) error {
	if err := only(x.Query); err != nil {
		return err
	}
	asked, err := events.SplitBatch(x.Body)
	if err != nil {
		return broken("", err)
	}
	if err := s.takeKey(x, len(asked.Commands)); err != nil {
		return err
	}
	caller := gate.Caller{Name: x.Who.Caller()}
	if x.Who.Role == identity.User {
		caller.Own = x.Who.User
	}
	commands, err := typed(x.Who, asked.Commands)
	if err != nil {
		return err
	}
	out, err := s.store(x, caller, asked.DoRequest, commands, func(i int) string { return "/commands/" + strconv.Itoa(i) })
	if err != nil {
		return err
	}
	reply := BatchReply{Results: resultsOf(out), LastSeq: out.LastSeq}
	if out.Applied {
		reply.Applied = out.LastSeq
		x.applied(out.LastSeq)
	}
	for _, r := range out.Refused {
		reply.Refused = append(reply.Refused, Refused(r))
	}
	return x.reply(reply)
}

// typed reads what the commands of a batch are, and checks that who asks may ask for
// them.
func typed(who identity.Identity, commands [][]byte) ([]gate.Asked, error) {
	all := make([]gate.Asked, len(commands))
	var wrong brokens
	var decoder events.Decoder
	for i, command := range commands {
		one, err := decoder.SplitTyped(command)
		var target events.Target
		if err == nil {
			target, err = one.Target(who.User)
		}
		if err != nil {
			if wrong.add(i, err); wrong.full() {
				break
			}
			continue
		}
		if who.Role == identity.User {
			if verb, err := gate.ParseVerb(one.Type.Name()); err != nil || verb != one.Type {
				return nil, Fail(Forbidden, fmt.Sprintf("commands[%d]: a user may not ask for %s", i, one.Type))
			}
			if target.Inbox != who.User {
				return nil, Fail(Forbidden, fmt.Sprintf("commands[%d]: the token is another user's", i))
			}
		}
		all[i] = gate.Asked{Target: target, Payload: one.Payload}
	}
	return all, wrong.problem()
}

// broken says where a rule of form is broken, of errors that are about form.
func broken(at string, err error) error {
	reason, ok := reasonOf(err)
	if !ok {
		return err
	}
	return &Problem{Code: BadRequest, Detail: reason, Errors: []Detail{{pointer(at, reason), reason}}}
}

// brokens are what is wrong with commands of a batch.
type brokens struct{ of []gate.Broken }

// maxBrokens is how many commands are named that break a rule.
const maxBrokens = 20

func (b *brokens) add(i int, err error) { b.of = append(b.of, gate.Broken{Index: i, Err: err}) }
func (b *brokens) full() bool           { return len(b.of) >= maxBrokens }

// problem says what is wrong; nil: nothing.
func (b *brokens) problem() error {
	return batchProblem(b.of, func(i int) string { return "/commands/" + strconv.Itoa(i) })
}

// batchProblem says what is wrong with commands. What is not about their form is said
// alone.
func batchProblem(of []gate.Broken, at func(int) string) error {
	if len(of) == 0 {
		return nil
	}
	p := &Problem{Code: BadRequest}
	for _, one := range of {
		reason, ok := reasonOf(one.Err)
		if !ok {
			return one.Err
		}
		place := at(one.Index)
		if p.Detail == "" {
			p.Detail = reason
			if place != "" {
				p.Detail = fmt.Sprintf("commands[%d]: %s", one.Index, reason)
				if pointer("", reason) != "" {
					p.Detail = fmt.Sprintf("commands[%d].%s", one.Index, reason)
				}
			}
		}
		p.Errors = append(p.Errors, Detail{pointer(place, reason), reason})
	}
	return p
}

// store has commands stored: once for each key.
func (s *Server) store(x *Exchange, who gate.Caller, r events.DoRequest, commands []gate.Asked, at func(int) string) (out gate.Outcome, err error) {
	live, err := s.live()
	if err != nil {
		return out, err
	}
	key, err := idempotencyKey(x)
	if err != nil {
		return out, err
	}
	if who.Own != "" {
		if err := live.Admit(who.Own, len(commands)); err != nil {
			return out, err
		}
	}
	if key != "" {
		again, err := s.repeats.begin(who.Name, key, x.Request.URL.Path, x.Body)
		if err != nil {
			return out, err
		}
		// What was not stored was not done: the key may be of another body then.
		defer func() { s.repeats.end(again, out.LastSeq > 0 || uncertain(out)) }()
	}
	out, wrong, err := live.Store(x.ctx(), who.Own, func() (*gate.Batch, []gate.Broken) { return live.Check(who, key, r, commands) })
	if wrong != nil {
		return out, batchProblem(wrong, at)
	}
	if err != nil {
		p := problemOf(err)
		if len(out.Results) > 0 {
			p.Results, p.LastSeq = resultsOf(out), out.LastSeq
		}
		return out, p
	}
	return out, nil
}

func uncertain(out gate.Outcome) bool {
	for _, r := range out.Results {
		if r.Err != nil && r.Err.Uncertain {
			return true
		}
	}
	return false
}

// idempotencyKey is the header's; empty: none.
func idempotencyKey(x *Exchange) (string, error) {
	values := x.Request.Header.Values("Idempotency-Key")
	switch len(values) {
	case 0:
		return "", nil
	case 1:
		if err := events.CheckKey(values[0]); err != nil {
			reason, _ := reasonOf(err)
			return "", Fail(BadRequest, "Idempotency-Key: "+reason)
		}
		return values[0], nil
	}
	return "", Fail(BadRequest, "Idempotency-Key stands twice")
}
