package events_test

import (
	"fmt"

	"reddot/events"
)

func ExampleSubjects() {
	s, err := events.NewSubjects(events.DefaultPrefix)
	if err != nil {
		fmt.Println(err)
		return
	}
	subject := s.Command(events.Target{Verb: events.UserMessage, Inbox: "alice@example.com"})
	fmt.Println(subject)
	target, err := s.ParseCommand(subject)
	fmt.Println(target.Verb, target.Inbox, err)
	_, err = s.ParseCommand("unread.cmd.user.alice@example%2ecom.message")
	fmt.Println(err)
	// Output:
	// unread.cmd.user.alice@example%2Ecom.message
	// user.message alice@example.com <nil>
	// subject token holds a % that is not followed by two upper-case hex digits
}

func ExampleDecode() {
	target := events.Target{Verb: events.GroupMessage, Inbox: "team"}
	var c events.Command
	err := events.Decode(target, []byte(`{"id":"m1","from":"bob","mentions":["alice"],"text":"ignored"}`), &c)
	fmt.Println(c.Inbox, c.ID, c.From, c.Mentions, err)
	err = events.Decode(target, []byte(`{"id":"m1"}`), &c)
	fmt.Println(err)
	// Output:
	// team m1 bob [alice] <nil>
	// from is missing
}

func ExampleEncode() {
	c := events.Command{Verb: events.UserRead, Inbox: "alice", Conversation: events.ConversationID{Kind: events.C2C, ID: "bob"}}
	packed, err := events.Encode(&c)
	fmt.Printf("%q %v\n", packed, err)
	text, err := events.EncodeJSON(&c)
	fmt.Printf("%s %v\n", text, err)
	// Output:
	// "\x81\xacconversation\xa7c2c_bob" <nil>
	// {"conversation":"c2c_bob"} <nil>
}

func ExampleSubjects_ParseLine() {
	s, err := events.NewSubjects(events.DefaultPrefix)
	if err != nil {
		fmt.Println(err)
		return
	}
	subject, payload, err := s.ParseLine([]byte(`{"subject":"unread.cmd.group.team.join","payload":{"users":["alice"]}}`))
	fmt.Printf("%s %s %v\n", subject, payload, err)
	_, _, err = s.ParseLine([]byte(`{"subject":"unread.cmd.group.team.join","payload":{"users":"alice"}}`))
	fmt.Println(err)
	// Output:
	// unread.cmd.group.team.join {"users":["alice"]} <nil>
	// payload of group.join: users is not a list
}
