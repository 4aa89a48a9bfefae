package demo

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"reddot/events"
)

// act is one thing that happens in the demo.
type act struct {
	pause    time.Duration // before it, at human pace
	words    string        // what happens, to be shown
	commands []events.Command

	// A message's id and what its text is from now on; empty ids for others.
	id, text string
}

// How long people take, at human pace.
const (
	pauseBase   = 500 * time.Millisecond
	pauseLetter = 30 * time.Millisecond // for each letter that is typed
	pauseJitter = 600 * time.Millisecond
)

// maxOpen scenes go on at the same time.
const maxOpen = 3

// Out of 100 acts at random, roughly so many are of each kind; what is left
// is something said. A kind that has no occasion gives way to that, too.
const (
	shareRead    = 24
	shareUnread  = 2
	shareMute    = 3
	shareReadAll = 2
	shareDelete  = 1
)

// recalled is shown instead of the text of a message that was taken back.
const recalled = "(recalled)"

// script makes up what the cast does next: the same for the same seed,
// whatever the screen shows. It goes on for ever.
type script struct {
	cast   *cast
	random *rand.Rand
	coming []scene    // not begun yet
	open   []*running // begun
	due    []act      // come before anything else
	people map[string]*person
	ids    int // messages so far
}

// running is a scene that has begun.
type running struct {
	scene
	next int             // line
	last map[string]said // by each
}

// said is a message.
type said struct{ id, text string }

// person is what somebody could look at.
type person struct {
	news  []news   // not looked at yet, oldest first; one for a conversation
	chats []string // peers in the list
	muted []string // groups
}

// news is a conversation with something new, up to a message.
type news struct {
	conversation events.ConversationID
	upto         string
}

func newScript(c *cast, seed uint64) *script {
	s := &script{cast: c, random: rand.New(rand.NewPCG(seed, 0)), people: map[string]*person{}}
	for _, name := range c.people {
		s.people[name] = &person{}
	}
	s.coming = append(s.coming, c.scenes[0])
	return s
}

// prologue is what has happened before the curtain rises: the groups exist.
func (s *script) prologue() []act {
	var acts []act
	for _, g := range s.cast.groups {
		id := s.newID()
		acts = append(acts, act{
			words: strings.Join(g.people, ", ") + " are in " + g.group,
			commands: []events.Command{
				{Verb: events.GroupJoin, Inbox: g.group, Users: g.people},
				{Verb: events.GroupMessage, Inbox: g.group, ID: id, From: s.cast.office, Silent: true},
			},
			id: id, text: "this is the group " + g.group,
		})
	}
	return acts
}

// next is what happens next.
func (s *script) next() act {
	if len(s.due) > 0 {
		a := s.due[0]
		s.due = s.due[1:]
		return a
	}
	roll := s.random.IntN(100)
	for _, kind := range []struct {
		share int
		make  func() (act, bool)
	}{{shareRead, s.read}, {shareUnread, s.markUnread}, {shareMute, s.mute}, {shareReadAll, s.readAll}, {shareDelete, s.delete}} {
		if roll -= kind.share; roll >= 0 {
			continue
		}
		if a, ok := kind.make(); ok {
			return a
		}
		break
	}
	return s.say()
}

func (s *script) newID() string {
	s.ids++
	return fmt.Sprintf("m%d", s.ids)
}

// pause is how long somebody takes for something, letters long.
func (s *script) pause(letters int) time.Duration {
	return pauseBase + time.Duration(letters)*pauseLetter + time.Duration(s.random.Int64N(int64(pauseJitter)))
}

// say goes on with a scene. Who answers has looked at the chat before.
func (s *script) say() act {
	for len(s.open) < maxOpen {
		s.begin()
	}
	i := s.random.IntN(len(s.open))
	r := s.open[i]
	l := r.lines[r.next]
	if r.next++; r.next == len(r.lines) {
		s.open = slices.Delete(s.open, i, i+1)
	}
	if l.recalls {
		return s.recall(r, l)
	}
	read, looked := s.look(l.from, r.chat.seenBy(l.from))
	message := s.message(r, l)
	if !looked {
		return message
	}
	s.due = append(s.due, message)
	return read
}

// begin opens another scene, of a chat in which none is going on.
func (s *script) begin() {
	if len(s.coming) < maxOpen {
		again := slices.Clone(s.cast.scenes)
		s.random.Shuffle(len(again), func(i, j int) { again[i], again[j] = again[j], again[i] })
		s.coming = append(s.coming, again...)
	}
	at := slices.IndexFunc(s.coming, func(c scene) bool {
		return !slices.ContainsFunc(s.open, func(r *running) bool { return r.chat.name() == c.chat.name() })
	})
	s.open = append(s.open, &running{scene: s.coming[at], last: map[string]said{}})
	s.coming = slices.Delete(s.coming, at, at+1)
}

func (s *script) message(r *running, l cue) act {
	id := s.newID()
	r.last[l.from] = said{id, l.text}
	mentions, all := mentioned(l.text, s.cast.people)
	a := act{pause: s.pause(len(l.text)), words: fmt.Sprintf("%s → %s: %q", l.from, r.chat.to(l.from), l.text), id: id, text: l.text}
	if r.chat.group != "" {
		a.commands = []events.Command{{Verb: events.GroupMessage, Inbox: r.chat.group, ID: id, From: l.from, Mentions: mentions, MentionAll: all}}
	} else {
		to := r.chat.to(l.from)
		a.commands = []events.Command{
			{Verb: events.UserMessage, Inbox: to, ID: id, From: l.from, Mentions: mentions},
			{Verb: events.UserSent, Inbox: l.from, To: to, ID: id},
		}
	}
	for _, name := range r.chat.people {
		p := s.people[name]
		if r.chat.group == "" {
			p.chats = add(p.chats, r.chat.to(name))
		}
		if name != l.from {
			p.hear(r.chat.seenBy(name), id)
		}
	}
	return a
}

func (s *script) recall(r *running, l cue) act {
	m := r.last[l.from]
	a := act{pause: s.pause(0), words: fmt.Sprintf("%s recalls %q from %s", l.from, m.text, called(r.chat.seenBy(l.from))), id: m.id, text: recalled}
	if r.chat.group != "" {
		a.commands = []events.Command{{Verb: events.GroupRevoke, Inbox: r.chat.group, ID: m.id}}
	} else {
		a.commands = []events.Command{{Verb: events.UserRevoke, Inbox: r.chat.to(l.from), ID: m.id, From: l.from}}
	}
	return a
}

// read has somebody look at the oldest news.
func (s *script) read() (act, bool) {
	var waiting []string
	for _, name := range s.cast.people {
		if len(s.people[name].news) == 0 {
			continue
		}
		waiting = append(waiting, name)
		if !slices.Contains(s.cast.shown, name) { // badges should have time to grow
			waiting = append(waiting, name, name)
		}
	}
	if len(waiting) == 0 {
		return act{}, false
	}
	name := waiting[s.random.IntN(len(waiting))]
	return s.look(name, s.people[name].news[0].conversation)
}

// look reads a conversation, if there is news in it.
func (s *script) look(name string, conversation events.ConversationID) (act, bool) {
	p := s.people[name]
	if p == nil {
		return act{}, false // not one of the cast
	}
	i := slices.IndexFunc(p.news, func(n news) bool { return n.conversation == conversation })
	if i < 0 {
		return act{}, false
	}
	upto := p.news[i].upto
	p.news = slices.Delete(p.news, i, i+1)
	return act{pause: s.pause(0), words: name + " reads " + called(conversation),
		commands: []events.Command{{Verb: events.UserRead, Inbox: name, Conversation: conversation, Upto: upto}}}, true
}

// markUnread has one of those on the screen keep a chat for later.
func (s *script) markUnread() (act, bool) {
	name, p := s.star()
	if len(p.chats) == 0 {
		return act{}, false
	}
	c := events.ConversationID{Kind: events.C2C, ID: p.chats[s.random.IntN(len(p.chats))]}
	if slices.ContainsFunc(p.news, func(n news) bool { return n.conversation == c }) {
		return act{}, false
	}
	p.hear(c, "")
	return act{pause: s.pause(0), words: name + " marks " + called(c) + " as unread",
		commands: []events.Command{{Verb: events.UserUnread, Inbox: name, Conversation: c}}}, true
}

// mute has one of those on the screen mute a group, or hear it again.
func (s *script) mute() (act, bool) {
	name, p := s.star()
	a := act{pause: s.pause(0)}
	group, muted := "", len(p.muted) == 0
	if muted {
		var mine []string
		for _, g := range s.cast.groups {
			if slices.Contains(g.people, name) {
				mine = append(mine, g.group)
			}
		}
		group = mine[s.random.IntN(len(mine))]
		p.muted = []string{group}
		a.words = name + " mutes " + group
	} else {
		group, p.muted = p.muted[0], nil
		a.words = name + " unmutes " + group
	}
	a.commands = []events.Command{{Verb: events.UserMute, Inbox: name, Conversation: events.ConversationID{Kind: events.Group, ID: group}, Muted: muted}}
	return a, true
}

// readAll has one of those on the screen clear the badge, if it is worth it.
func (s *script) readAll() (act, bool) {
	name, p := s.star()
	if len(p.news) < 2 {
		return act{}, false
	}
	p.news = nil
	return act{pause: s.pause(0), words: name + " marks everything as read",
		commands: []events.Command{{Verb: events.UserReadAll, Inbox: name}}}, true
}

// delete has one of those on the screen drop a chat.
func (s *script) delete() (act, bool) {
	name, p := s.star()
	if len(p.chats) < 2 {
		return act{}, false
	}
	i := s.random.IntN(len(p.chats))
	c := events.ConversationID{Kind: events.C2C, ID: p.chats[i]}
	p.chats = slices.Delete(p.chats, i, i+1)
	p.news = slices.DeleteFunc(p.news, func(n news) bool { return n.conversation == c })
	return act{pause: s.pause(0), words: name + " deletes " + called(c) + ", until the next message",
		commands: []events.Command{{Verb: events.UserDelete, Inbox: name, Conversation: c}}}, true
}

// star picks one of those on the screen.
func (s *script) star() (string, *person) {
	name := s.cast.shown[s.random.IntN(len(s.cast.shown))]
	return name, s.people[name]
}

// hear notes that there is something new in a conversation.
func (p *person) hear(c events.ConversationID, id string) {
	for i := range p.news {
		if p.news[i].conversation == c {
			p.news[i].upto = id
			return
		}
	}
	p.news = append(p.news, news{c, id})
}

// name distinguishes chats.
func (c chat) name() string {
	if c.group != "" {
		return "group " + c.group
	}
	return strings.Join(c.people, " and ")
}

// to is whom somebody writes to in the chat.
func (c chat) to(from string) string {
	switch {
	case c.group != "":
		return c.group
	case c.people[0] == from:
		return c.people[1]
	}
	return c.people[0]
}

// seenBy is the chat as somebody's conversation.
func (c chat) seenBy(name string) events.ConversationID {
	if c.group != "" {
		return events.ConversationID{Kind: events.Group, ID: c.group}
	}
	return events.ConversationID{Kind: events.C2C, ID: c.to(name)}
}

// called is what people call a conversation.
func called(c events.ConversationID) string {
	if c.Kind == events.Group {
		return c.ID
	}
	return c.ID + "'s chat"
}

// mentioned is who is named in a text with an @.
func mentioned(text string, people []string) (names []string, all bool) {
	for word := range strings.FieldsSeq(text) {
		name, ok := strings.CutPrefix(strings.TrimRight(word, "?!.,"), "@")
		switch {
		case ok && name == "all":
			all = true
		case ok && slices.Contains(people, name):
			names = append(names, name)
		}
	}
	return names, all
}

// add adds a name to a list that has each once.
func add(list []string, name string) []string {
	if slices.Contains(list, name) {
		return list
	}
	return append(list, name)
}
