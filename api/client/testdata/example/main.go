// Badge is a module of its own that uses reddot: a back end that stores what
// happened, and a device that keeps a badge. It wants a reddot that runs:
//
//	go run . nats://localhost:4222
package main

import (
	"context"
	"fmt"
	"log"
	"os"

	"github.com/nats-io/nats.go"

	"reddot/api/client"
	"reddot/events"
)

func main() {
	if len(os.Args) != 2 {
		log.Fatal("usage: badge nats://HOST:PORT")
	}
	conn, err := nats.Connect(os.Args[1], nats.MaxReconnects(-1))
	if err != nil {
		log.Fatal(err)
	}
	defer conn.Close()
	if err := run(context.Background(), conn); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, conn *nats.Conn) error {
	c, err := client.New(conn, client.Options{})
	if err != nil {
		return err
	}
	defer c.Close()

	// Alice's device hears her totals, and every change of them.
	badge := make(chan uint64)
	alice := c.User("alice")
	if _, err := alice.Listen(client.Listener{TotalUnreadChanged: func(t events.Totals) { badge <- t.Unread }}); err != nil {
		return err
	}

	// The back end stores what happened: bob writes to her, and to a group of theirs.
	for _, command := range []events.Command{
		{Verb: events.UserMessage, Inbox: "alice", From: "bob", ID: "m1"},
		{Verb: events.UserMessage, Inbox: "alice", From: "bob", ID: "m2"},
		{Verb: events.GroupJoin, Inbox: "team", Users: []string{"alice", "bob"}},
		{Verb: events.GroupMessage, Inbox: "team", From: "bob", ID: "m3"},
	} {
		seq, err := c.Send(ctx, command)
		if err != nil {
			return err
		}
		fmt.Println("stored", seq, command.Verb)
	}
	show(badge, 3)

	// She reads what he wrote to her.
	if _, err := alice.MarkC2CRead(ctx, "bob", client.Upto("m2")); err != nil {
		return err
	}
	show(badge, 1)

	// The group is to disturb her only when it names her.
	if _, err := alice.SetLevel(ctx, client.Group("team"), events.LevelMentions); err != nil {
		return err
	}
	show(badge, 0)
	return nil
}

// show prints the badge once it is a number; it may have been others before.
func show(badge <-chan uint64, want uint64) {
	for n := range badge {
		if n == want {
			fmt.Println("badge", n)
			return
		}
	}
}
