package twin

import (
	"slices"
	"strconv"
	"strings"

	"reddot/events"
)

// ids are the message ids of one chat.
type ids struct {
	used    []string // have been sent, the oldest first
	awaited []string // have been read or revoked, but not sent
	senders map[string]string
	roots   []string // threads hang on them
	next    int
}

// send draws the id of a message that arrives.
func (g *Generator) send(chat *ids) string {
	switch {
	case len(chat.used) > 0 && g.chance(perCentDuplicate):
		return g.used(chat)
	case len(chat.awaited) > 0 && g.chance(perCentAwaited):
		i := g.rng.IntN(len(chat.awaited))
		id := chat.awaited[i]
		chat.awaited = slices.Delete(chat.awaited, i, i+1)
		chat.used = append(chat.used, id)
		return id
	}
	id := chat.fresh()
	chat.used = append(chat.used, id)
	return id
}

// target draws the id of a message to read or revoke.
func (g *Generator) target(chat *ids) string {
	if len(chat.used) > 0 && !g.chance(perCentUnknown) {
		return g.used(chat)
	}
	return g.unknown(chat)
}

// unknown draws the id of a message that is yet to come.
func (g *Generator) unknown(chat *ids) string {
	if len(chat.awaited) == maxAwaited || len(chat.awaited) > 0 && g.chance(50) {
		return pick(g, chat.awaited)
	}
	id := chat.fresh()
	chat.awaited = append(chat.awaited, id)
	return id
}

// used draws an id that was sent, most often a recent one.
func (g *Generator) used(chat *ids) string {
	if n := len(chat.used); n > recent && !g.chance(perCentOld) {
		return pick(g, chat.used[n-recent:])
	}
	return pick(g, chat.used)
}

// fresh returns a new id. Chats have the same ids: each is a space of its own.
func (c *ids) fresh() string {
	c.next++
	id := "m" + strconv.Itoa(c.next)
	if c.next%longEvery == 0 {
		id += strings.Repeat("x", events.MaxID-len(id))
	}
	return id
}

// time draws a command's own time.
func (g *Generator) time() events.Time {
	switch {
	case g.chance(perCentOdd):
		return g.edge()
	case g.chance(perCentJitter):
		return g.now - jitter + events.Time(g.rng.IntN(2*jitter))
	}
	return g.now
}

// past draws a time to read up to: half of them lately, half at any time.
func (g *Generator) past() events.Time {
	switch {
	case g.chance(perCentOdd):
		return g.edge()
	case g.chance(50):
		return g.now - events.Time(g.rng.IntN(jitter))
	}
	return g.before()
}

// before draws a time since the first command.
func (g *Generator) before() events.Time {
	return start + events.Time(g.rng.Int64N(int64(g.now-start)))
}

func (g *Generator) edge() events.Time {
	return pick(g, []events.Time{0, 1, events.MaxTime - 1, events.MaxTime})
}

// pair draws an owner and a peer, who may be the same.
func (g *Generator) pair() (owner, peer string) {
	if g.deep && g.chance(perCentFocus) {
		return g.users[0], g.users[len(g.users)-1]
	}
	return pick(g, g.users), g.anyone()
}

func (g *Generator) anyone() string {
	if g.chance(perCentStranger) {
		return pick(g, g.odd)
	}
	return pick(g, g.users)
}

func (g *Generator) groupName() string {
	if g.chance(perCentStranger) {
		return g.odd[0]
	}
	return pick(g, g.groups)
}

func (g *Generator) chat(k chatKey) *ids {
	if g.chats[k] == nil {
		g.chats[k] = &ids{senders: map[string]string{}}
	}
	return g.chats[k]
}

func (g *Generator) verb() events.Verb {
	n := g.rng.IntN(g.total)
	for i := range weights {
		if n -= g.weight(i); n < 0 {
			return weights[i].verb
		}
	}
	panic("twin: the weights do not add up")
}

func (g *Generator) weight(i int) int {
	if needs := verbFeatures[weights[i].verb]; needs&^g.has != 0 {
		return 0
	}
	if g.deep {
		return weights[i].deep
	}
	return weights[i].small
}

func (g *Generator) chance(perCent int) bool { return g.rng.IntN(100) < perCent }

func pick[T any](g *Generator, from []T) T { return from[g.rng.IntN(len(from))] }
