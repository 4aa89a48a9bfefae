package identity

import "errors"

// Outcome is what became of a credential, one of few words: a label of metrics.
type Outcome string

// The outcomes.
const (
	OK          Outcome = "ok"
	Missing     Outcome = "missing"     // none came
	Invalid     Outcome = "invalid"     // not of a key or a token that is known
	Expired     Outcome = "expired"     // a token that was valid
	Unavailable Outcome = "unavailable" // the keys that it would be checked with are not here yet
)

// Method is how somebody says who they are, one of few words: a label of metrics.
type Method string

// The methods.
const (
	ByNothing Method = "none"
	ByKey     Method = "key"
	ByToken   Method = "token"
	BySession Method = "session"
	ByOpen    Method = "open" // nobody is asked
)

// Refusal is why a credential is refused.
type Refusal struct {
	Method  Method
	Outcome Outcome // never OK
	Reason  string  // for the log alone; without anything of the credential that lets somebody in
}

func (r *Refusal) Error() string { return string(r.Method) + " " + string(r.Outcome) + ": " + r.Reason }

// OutcomeOf returns what an error of Authenticate says; Invalid of any other.
func OutcomeOf(err error) Outcome {
	if err == nil {
		return OK
	}
	if r, ok := errors.AsType[*Refusal](err); ok {
		return r.Outcome
	}
	return Invalid
}
