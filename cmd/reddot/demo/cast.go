package demo

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
	groups []chat
	scenes []scene
}

// office is who writes announcements: in no group, so nobody's peer.
const office = "office"

func newCast() *cast {
	c := &cast{people: []string{"alice", "bob", "carol", "dave"}, shown: []string{"alice", "bob"}}
	team := chat{"team", []string{"alice", "bob", "carol", "dave"}}
	family := chat{"family", []string{"alice", "carol", "dave"}}
	climbing := chat{"climbing", []string{"alice", "bob", "carol"}}
	news := chat{"announcements", []string{"alice", "bob", "carol", "dave"}}
	c.groups = []chat{team, family, climbing, news}
	c.scenes = []scene{
		{pair("alice", "bob"), []cue{
			say("bob", "hi alice, are you around?"), say("bob", "shall we have lunch?"), say("alice", "yes! noon?"),
			say("bob", "noon it is"), say("alice", "the usual place?"), say("bob", "see you there")}},
		{team, []cue{
			say("carol", "stand-up in five minutes"), say("dave", "coming"), say("carol", "@alice can you bring the numbers?"),
			say("alice", "printing them"), say("bob", "I'll be two minutes late"), say("carol", "no worries @bob")}},
		{pair("alice", "carol"), []cue{
			say("carol", "did you see the new badge?"), say("carol", "it goes away when I read things"), say("alice", "as it should :)"),
			say("carol", "on both of my phones")}},
		{family, []cue{
			say("dave", "who feeds the cat this weekend?"), say("carol", "not me, I'm away"), say("dave", "@alice?"),
			say("alice", "fine, the cat and I get along"), say("dave", "thank you! 🐈")}},
		{news, []cue{say(office, "@all the kitchen is closed on Friday"), say(office, "cake is in the lobby")}},
		{pair("bob", "dave"), []cue{
			say("dave", "the build is red"), say("dave", "was that you?"), say("bob", "looking"), say("bob", "fixed"), say("dave", "green again")}},
		{climbing, []cue{
			say("bob", "wall at seven?"), say("carol", "in!"), say("bob", "@alice we have a spare rope"), say("alice", "then I have no excuse"),
			say("carol", "bring your shoes this time")}},
		{pair("bob", "carol"), []cue{
			say("carol", "happy birthday alice!!"), takeBack("carol"), say("carol", "wrong chat, you saw nothing"), say("bob", "seen what?")}},
		{team, []cue{
			say("dave", "release candidate is up"), say("bob", "testing it"), say("dave", "@all please have a look before three"),
			say("alice", "looks good here"), say("bob", "the search is slow"), takeBack("bob"), say("bob", "never mind, that was my network")}},
		{pair("alice", "dave"), []cue{
			say("dave", "did you get the tickets?"), say("alice", "two for Saturday"), say("dave", "you're a star"), say("alice", "row 7")}},
		{family, []cue{
			say("carol", "grandma's number, anyone?"), say("alice", "I'll send it to you"), say("carol", "thanks"), say("dave", "call her before eight")}},
		{pair("alice", "bob"), []cue{
			say("alice", "can you review my patch?"), say("alice", "it's a small one"), say("bob", "on it"), say("bob", "two remarks, otherwise fine"),
			say("alice", "mended"), say("bob", "merged 🎉")}},
		{news, []cue{say(office, "the lift is working again"), say(office, "please welcome Erin, who starts on Monday")}},
		{pair("bob", "carol"), []cue{
			say("bob", "how was the talk?"), say("carol", "long"), say("carol", "but the part about queues was good"), say("bob", "send me the slides?"),
			say("carol", "sent")}},
	}
	return c
}

func pair(a, b string) chat { return chat{people: []string{a, b}} }

func say(from, text string) cue { return cue{from: from, text: text} }

func takeBack(from string) cue { return cue{from: from, recalls: true} }
