package identity

import (
	"errors"
	"fmt"
	"slices"
	"time"
)

// Identity is who asks. The zero value may do nothing.
type Identity struct {
	Role    Role
	Name    string    // of the key; empty for users and where nobody is asked
	User    string    // of the token; empty for everyone else
	Expires time.Time // of the token, exactly; zero: never
	Read    bool      // may ask and listen
	Mark    bool      // may send commands, if the role may
	Rate    float64   // commands a second of the key; 0: any number
}

// Caller names who asks: the user, or the key's name. It is empty where nobody is asked.
func (i Identity) Caller() string {
	if i.Role == User {
		return i.User
	}
	return i.Name
}

// May reports whether who asks has one of the roles, or one that includes it.
func (i Identity) May(roles ...Role) bool { return slices.ContainsFunc(roles, i.Role.Includes) }

// ErrOtherUser is asked about by a token of another user.
var ErrOtherUser = errors.New("the token is another user's")

// ErrNoUser: a user must be named.
var ErrNoUser = errors.New("user is missing: only a user's own token may leave it out")

// For returns the user who is asked about, asked being what the request says, if
// anything: of a token it can be none but its own. The errors are ErrOtherUser and
// ErrNoUser.
func (i Identity) For(asked string) (string, error) {
	switch {
	case i.Role != User && asked == "":
		return "", ErrNoUser
	case i.Role != User:
		return asked, nil
	case asked != "" && asked != i.User:
		return "", ErrOtherUser
	}
	return i.User, nil
}

// Expired reports whether the identity has ended.
func (i Identity) Expired(now time.Time) bool { return !i.Expires.IsZero() && !now.Before(i.Expires) }

// String is for the log: it has nothing that lets anybody in.
func (i Identity) String() string {
	if i.Caller() == "" {
		return i.Role.String()
	}
	return fmt.Sprintf("%s %q", i.Role, i.Caller())
}
