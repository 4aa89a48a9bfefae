package bench

import (
	"fmt"
	"math"
	"math/rand/v2"

	"reddot/events"
)

// Workload is the traffic of a chat, drawn from a seed. The same workload
// gives the same commands.
//
// Users' activity and groups' sizes and activity fall off as in Zipf's law;
// the largest groups are the busiest. A user writes to a circle of friends, so
// that a C2C conversation has some three messages in the first million
// commands, as in recorded traffic.
type Workload struct {
	Seed     uint64 `json:"seed"`
	Users    int    `json:"users"`
	Groups   int    `json:"groups"`
	Commands int    `json:"commands"` // without the joins, which come before
}

// Of a thousand commands, so many are of a kind; the rest are revokes.
const (
	c2cMessages   = 600
	groupMessages = 250
	reads         = 130
	readAlls      = 15
)

// Sizes of groups, in members. A group never has more than all users.
const (
	smallestGroup = 3
	largestGroup  = 2_000
	sizeExponent  = 0.7
)

// The shape of the activity; see rand.NewZipf.
const (
	userExponent, userShift     = 1.05, 50
	groupExponent, groupShift   = 1.05, 20
	friendExponent, friendShift = 1.8, 1
	mostFriends                 = 200
)

// recentMessages is from how many of the last messages a read or a revoke
// picks one.
const recentMessages = 4_096

// Message ids are made as Snowflake makes them: 19 decimal digits of a time in
// milliseconds, a worker and a number.
const (
	firstMillisecond = 400_000_000_000 // of the workload, since the ids' epoch
	idEpoch          = 1_300_000_000_000
	perMillisecond   = 8 // commands
	workers          = 1 << 10
	idNumbers        = 1 << 12
)

// generator draws a workload's commands.
type generator struct {
	w       Workload
	rng     *rand.Rand
	users   *rand.Zipf
	groups  *rand.Zipf
	friends *rand.Zipf
	circles []circle // the groups' members
	stride  int      // users are numbered in steps of it, so that neighbours in rank are none in name
	drawn   int
	recent  []events.Command // messages, a ring
}

// circle is a group's members: users in steps from a first one.
type circle struct{ size, first, step int }

func (c circle) member(i, users int) int { return (c.first + i*c.step) % users }

func newGenerator(w Workload) *generator {
	rng := rand.New(rand.NewPCG(w.Seed, 0x62656e6368))
	g := &generator{
		w: w, rng: rng,
		users:   rand.NewZipf(rng, userExponent, userShift, uint64(w.Users-1)),
		groups:  rand.NewZipf(rng, groupExponent, groupShift, uint64(w.Groups-1)),
		friends: rand.NewZipf(rng, friendExponent, friendShift, min(mostFriends, uint64(w.Users-1))-1),
		stride:  coprime(rng, w.Users),
	}
	for rank := range w.Groups {
		size := smallestGroup + int((largestGroup-smallestGroup)/math.Pow(float64(rank+1), sizeExponent))
		g.circles = append(g.circles, circle{min(size, w.Users), rng.IntN(w.Users), coprime(rng, w.Users)})
	}
	return g
}

// coprime draws a number that has no divisor with n in common, so that its
// multiples visit everything below n.
func coprime(rng *rand.Rand, n int) int {
	for {
		step := 1 + rng.IntN(n)
		a, b := step, n
		for b > 0 {
			a, b = b, a%b
		}
		if a == 1 {
			return step
		}
	}
}

// join makes the members of the group with a rank members.
func (g *generator) join(rank int) events.Command {
	c := events.Command{Verb: events.GroupJoin, Inbox: group(rank)}
	for i := range g.circles[rank].size {
		c.Users = append(c.Users, user(g.circles[rank].member(i, g.w.Users)))
	}
	return c
}

// next draws a command. It shares no memory with others.
func (g *generator) next() events.Command {
	g.drawn++
	switch n := g.rng.IntN(1000); {
	case n < c2cMessages:
		me := g.active()
		return g.sent(events.Command{Verb: events.UserMessage, Inbox: user(me), From: user(g.friend(me))})
	case n < c2cMessages+groupMessages:
		rank := int(g.groups.Uint64())
		return g.sent(events.Command{Verb: events.GroupMessage, Inbox: group(rank), From: user(g.writer(rank))})
	case n < c2cMessages+groupMessages+reads:
		return g.read()
	case n < c2cMessages+groupMessages+reads+readAlls || len(g.recent) == 0:
		return events.Command{Verb: events.UserReadAll, Inbox: user(g.active())}
	default:
		return g.revoke()
	}
}

// sent completes a message and remembers it.
func (g *generator) sent(c events.Command) events.Command {
	c.ID = g.id()
	c.At, c.HasAt = idEpoch+events.Time(g.now()), true
	if len(g.recent) < recentMessages {
		g.recent = append(g.recent, c)
	} else {
		g.recent[g.rng.IntN(recentMessages)] = c
	}
	return c
}

// read reads up to a recent message; every second one says so, the others read
// everything.
func (g *generator) read() events.Command {
	if len(g.recent) == 0 {
		return events.Command{Verb: events.UserReadAll, Inbox: user(g.active())}
	}
	m := &g.recent[g.rng.IntN(len(g.recent))]
	c := events.Command{Verb: events.UserRead, Inbox: m.Inbox, Conversation: events.ConversationID{Kind: events.C2C, ID: m.From}}
	if m.Verb == events.GroupMessage {
		circle := g.circles[rank(m.Inbox)]
		c.Inbox = user(circle.member(g.rng.IntN(circle.size), g.w.Users))
		c.Conversation = events.ConversationID{Kind: events.Group, ID: m.Inbox}
	}
	if g.rng.IntN(2) == 0 {
		c.Upto = m.ID
	}
	return c
}

// revoke recalls a recent message.
func (g *generator) revoke() events.Command {
	m := &g.recent[g.rng.IntN(len(g.recent))]
	if m.Verb == events.GroupMessage {
		return events.Command{Verb: events.GroupRevoke, Inbox: m.Inbox, ID: m.ID}
	}
	return events.Command{Verb: events.UserRevoke, Inbox: m.Inbox, From: m.From, ID: m.ID}
}

// active draws a user, by activity.
func (g *generator) active() int {
	return int(g.users.Uint64()) * g.stride % g.w.Users
}

// friend draws one of the user's friends: the nearest ones most often.
func (g *generator) friend(of int) int {
	k := int(g.friends.Uint64())
	friends := rand.NewPCG(uint64(of), uint64(k)).Uint64() % uint64(g.w.Users-1)
	return (of + 1 + int(friends)) % g.w.Users // nobody is a friend of his own
}

// writer draws who writes in a group: a few of its members most often.
func (g *generator) writer(rank int) int {
	circle := g.circles[rank]
	return circle.member(g.rng.IntN(1+g.rng.IntN(circle.size)), g.w.Users)
}

func (g *generator) now() int { return firstMillisecond + g.drawn/perMillisecond }

func (g *generator) id() string {
	return fmt.Sprint((g.now()*workers+g.rng.IntN(workers))*idNumbers + g.drawn%idNumbers)
}

func user(n int) string { return fmt.Sprintf("u%08d", n) }

func group(rank int) string { return fmt.Sprintf("g%07d", rank) }

// rank is the rank of a group, from its name.
func rank(group string) (n int) {
	for _, digit := range group[1:] {
		n = n*10 + int(digit-'0')
	}
	return n
}
