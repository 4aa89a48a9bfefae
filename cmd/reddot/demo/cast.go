package demo

import pages "reddot/api/demo"

// chat is where a scene of the demo takes place: between two people, or in a
// group.
type chat struct {
	group  string // empty for one to one
	people []string
}

// cue is one thing that somebody says in a scene. "@name" in the text
// mentions a person, "@all" everybody.
type cue struct {
	from, text string
	recalls    bool // instead of saying something, takes back what from said last
}

// scene is a short exchange.
type scene struct {
	chat  chat
	lines []cue
}

// cast is who plays in the demo, and what they have to say. The first scene
// comes first, the others in any order.
type cast struct {
	people []string
	shown  []string // those of them whose lists are on the screen
	office string   // who writes announcements: in no group, so nobody's peer
	groups []chat
	scenes []scene
}

// newCast is the cast of the page /demo/.
func newCast() *cast {
	of, err := pages.ReadCast()
	if err != nil {
		panic(err) // it is embedded
	}
	c := &cast{people: of.People, shown: of.Shown, office: of.Office}
	groups := map[string]chat{}
	for _, g := range of.Groups {
		groups[g.Group] = chat{g.Group, g.People}
		c.groups = append(c.groups, groups[g.Group])
	}
	for _, s := range of.Scenes {
		in := scene{chat: chat{people: s.Between}}
		if s.Group != "" {
			in.chat = groups[s.Group]
		}
		for _, l := range s.Lines {
			in.lines = append(in.lines, cue{l.From, l.Text, l.Recalls})
		}
		c.scenes = append(c.scenes, in)
	}
	return c
}
