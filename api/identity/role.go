package identity

import "fmt"

// Role is what somebody is to reddot.
type Role uint8

// The roles.
const (
	User     Role = iota + 1 // an end user, with a token of their own
	Backend                  // a program that sends commands and asks about anybody
	Viewer                   // asks about anybody
	Operator                 // a viewer who may also rebuild, take snapshots and disconnect
	Metrics                  // reads metrics
	Anybody                  // where nobody is asked who they are: backend and operator in one
)

var roleWords = [...]string{User: "user", Backend: "backend", Viewer: "viewer", Operator: "operator", Metrics: "metrics", Anybody: "anybody"}

// Roles returns those that a credential can have.
func Roles() []Role { return []Role{User, Backend, Viewer, Operator, Metrics} }

func (r Role) String() string {
	if int(r) < len(roleWords) && roleWords[r] != "" {
		return roleWords[r]
	}
	return fmt.Sprintf("role %d", uint8(r))
}

// ParseRole reads a role that an API key can have.
func ParseRole(s string) (Role, error) {
	for _, r := range Roles() {
		if r != User && r.String() == s {
			return r, nil
		}
	}
	return 0, fmt.Errorf("role %q: use backend, viewer, operator or metrics", s)
}

// Includes reports whether r may do what other may. A user's rights are nobody else's:
// they are bound to one user.
func (r Role) Includes(other Role) bool {
	switch r {
	case Operator:
		return other == Operator || other == Viewer || other == Metrics
	case Viewer:
		return other == Viewer || other == Metrics
	case Anybody:
		return other != User && other != 0
	}
	return r == other
}
