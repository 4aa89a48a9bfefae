package twin

import (
	"math/rand/v2"

	"reddot/events"
)

// How often a Crowd draws a command of its own, per cent.
const (
	perCentDismiss = 3
	perCentErase   = 2
	perCentParted  = 3 // many members of a group leave
	perCentJoined  = 6 // many join
)

// Crowd draws, among a Generator's commands, many about many members of few
// groups at once.
type Crowd struct {
	*Generator
	rng *rand.Rand
}

// NewCrowd returns the crowd that a seed stands for.
func NewCrowd(seed uint64) *Crowd {
	return &Crowd{NewGenerator(seed, Config{Users: 14, Groups: 2}), rand.New(rand.NewPCG(seed, 0x63726f7764))}
}

// Next draws a command.
func (c *Crowd) Next(to *events.Command) {
	c.Generator.Next(to)
	n := c.rng.IntN(100)
	own := func(perCent int) bool { n -= perCent; return n < 0 }
	switch {
	case own(perCentDismiss):
		*to = events.Command{Verb: events.GroupDismiss, Inbox: c.group()}
	case own(perCentErase):
		*to = events.Command{Verb: events.UserErase, Inbox: c.users[c.rng.IntN(len(c.users))]}
	case own(perCentParted):
		*to = events.Command{Verb: events.GroupLeave, Inbox: c.group(), Users: c.many()}
	case own(perCentJoined):
		*to = events.Command{Verb: events.GroupJoin, Inbox: c.group(), Users: c.many()}
	}
}

func (c *Crowd) group() string { return c.groups[c.rng.IntN(len(c.groups))] }

// many draws users in any order.
func (c *Crowd) many() (users []string) {
	for _, i := range c.rng.Perm(len(c.users))[:1+c.rng.IntN(len(c.users))] {
		users = append(users, c.users[i])
	}
	return users
}
