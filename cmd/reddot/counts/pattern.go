package counts

import (
	"fmt"
	"strings"

	"reddot/events"
)

// Pattern is how a name stands in a key or a field, as {user} in unread:{user}.
type Pattern struct {
	text          string
	before, after string
}

// parsePattern reads a pattern that holds {name} once.
func parsePattern(text, name string) (p Pattern, err error) {
	p.text = text
	hole, found := "{"+name+"}", false
	if p.before, p.after, found = strings.Cut(text, hole); !found {
		return p, fmt.Errorf("%q: %s has to stand in it", text, hole)
	}
	if strings.Contains(p.after, hole) {
		return p, fmt.Errorf("%q: %s stands in it twice", text, hole)
	}
	return p, nil
}

// find is the name that stands in s.
func (p Pattern) find(s string) (name string, found bool) {
	if len(s) < len(p.before)+len(p.after) || !strings.HasPrefix(s, p.before) || !strings.HasSuffix(s, p.after) {
		return "", false
	}
	return s[len(p.before) : len(s)-len(p.after)], true
}

// glob is the pattern as Redis reads one.
func (p Pattern) glob() string {
	plain := strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`, `]`, `\]`)
	return plain.Replace(p.before) + "*" + plain.Replace(p.after)
}

// Patterns are how a Redis names what it counts.
type Patterns struct {
	Key   string // of a user's hash, with {user}
	C2C   string // the field of a chat of two, with {peer}
	Group string // the field of a group's, with {group}
}

// patterns are Patterns that were read.
type patterns struct{ key, c2c, group Pattern }

func (p Patterns) parse() (all patterns, err error) {
	for _, one := range []struct {
		to               *Pattern
		flag, text, name string
	}{
		{&all.key, "--key", p.Key, "user"}, {&all.c2c, "--c2c", p.C2C, "peer"}, {&all.group, "--group", p.Group, "group"},
	} {
		if *one.to, err = parsePattern(one.text, one.name); err != nil {
			return all, fmt.Errorf("%s %w", one.flag, err)
		}
	}
	if all.c2c.before == all.group.before && all.c2c.after == all.group.after {
		return all, fmt.Errorf("--c2c %s and --group %s are the same: what is a group then?", p.C2C, p.Group)
	}
	return all, nil
}

// conversation is which conversation a field is of: if both patterns hold, that of which
// more is given.
func (p *patterns) conversation(field string) (id events.ConversationID, found bool) {
	peer, isC2C := p.c2c.find(field)
	group, isGroup := p.group.find(field)
	if isC2C && (!isGroup || len(peer) < len(group)) {
		return events.ConversationID{Kind: events.C2C, ID: peer}, true
	}
	return events.ConversationID{Kind: events.Group, ID: group}, isGroup
}
