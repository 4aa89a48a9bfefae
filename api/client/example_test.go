package client_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"time"

	"github.com/nats-io/nats.go"

	"reddot/api/client"
	"reddot/events"
)

// A connection that survives any outage, and leaves a server that hangs within some
// seconds for another one.
func ExampleNew() {
	url, stop := serve() // of a cluster: the URLs of all servers, with commas
	defer stop()
	conn, err := nats.Connect(url,
		nats.MaxReconnects(-1),
		nats.ReconnectWait(500*time.Millisecond),
		nats.PingInterval(2*time.Second),
		nats.MaxPingsOutstanding(2),
	)
	if err != nil {
		log.Fatal(err)
	}
	defer conn.Close()
	c, err := client.New(conn, client.Options{})
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close()
	status, err := c.Status(context.Background())
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(status.State, status.Last)
	// Output: live 0
}

// Bob writes to alice, alice reads it, and both are told.
func Example() {
	url, stop := serve() // as "reddot serve" does
	defer stop()
	conn, err := nats.Connect(url, nats.MaxReconnects(-1))
	if err != nil {
		log.Fatal(err)
	}
	defer conn.Close()
	c, err := client.New(conn, client.Options{})
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close()
	ctx := context.Background()
	told := make(chan string) // what the callbacks print

	// Alice's phone.
	alice := c.User("alice")
	_, err = alice.Listen(client.Listener{
		ConversationsChanged: func(all []events.Conversation) {
			for _, x := range all {
				told <- fmt.Sprintf("alice: %s has %d unread", x.Conversation, x.Unread)
			}
		},
		TotalUnreadChanged: func(t events.Totals) { told <- fmt.Sprintf("alice: %d unread in all", t.Unread) },
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(<-told)

	// Bob's phone.
	bob, err := c.User("bob").Listen(client.Listener{
		C2CReadReceipt: func(all []events.Receipt) {
			for _, x := range all {
				at := time.UnixMilli(int64(x.At)).UTC()
				told <- fmt.Sprintf("bob: %s has read up to %s at %s", x.Peer, x.Upto, at.Format(time.TimeOnly))
			}
		},
	})
	if err != nil {
		log.Fatal(err)
	}
	<-bob.Ready()

	// The back end tells that bob wrote.
	if _, err := c.MessageReceived(ctx, "alice", client.Message{ID: "m1", From: "bob"}); err != nil {
		log.Fatal(err)
	}
	fmt.Println(<-told)
	fmt.Println(<-told)

	// Alice reads up to what she has seen.
	at := time.Date(2026, 3, 14, 15, 9, 26, 0, time.UTC)
	if _, err := alice.MarkC2CRead(ctx, "bob", client.Upto("m1"), client.At(at)); err != nil {
		log.Fatal(err)
	}
	lines := map[string]bool{<-told: true, <-told: true, <-told: true} // of two phones, in any order
	for _, line := range []string{
		"alice: c2c_bob has 0 unread",
		"alice: 0 unread in all",
		"bob: alice has read up to m1 at 15:09:26",
	} {
		fmt.Println(line, lines[line])
	}
	// Output:
	// alice: 0 unread in all
	// alice: c2c_bob has 1 unread
	// alice: 1 unread in all
	// alice: c2c_bob has 0 unread true
	// alice: 0 unread in all true
	// bob: alice has read up to m1 at 15:09:26 true
}

// A back end stores many commands and goes on where it stopped.
func ExamplePublisher() {
	url, stop := serve()
	defer stop()
	conn, err := nats.Connect(url)
	if err != nil {
		log.Fatal(err)
	}
	defer conn.Close()
	c, err := client.New(conn, client.Options{})
	if err != nil {
		log.Fatal(err)
	}
	ctx := context.Background()

	p, err := c.NewPublisher(ctx)
	if err != nil {
		log.Fatal(err)
	}
	defer p.Close()
	err = p.Add(ctx, events.Command{Verb: events.GroupJoin, Inbox: "team", Users: []string{"alice", "bob"}})
	for i := 0; i < 1000 && err == nil; i++ {
		err = p.Add(ctx, events.Command{Verb: events.GroupMessage, Inbox: "team", ID: fmt.Sprint("g", i), From: "bob"})
	}
	seq := events.Seq(0)
	if err == nil {
		seq, err = p.Flush(ctx)
	}
	if stopped, ok := errors.AsType[*client.PublishError](err); ok {
		log.Fatalf("add again from command %d on: %v", stopped.Index, err)
	}
	if err != nil {
		log.Fatal(err)
	}
	unread, err := c.User("alice").TotalUnread(ctx, client.After(seq))
	fmt.Println(seq, unread, err)
	// Output: 1001 1000 <nil>
}

func ExampleUser_Conversations() {
	url, stop := serve()
	defer stop()
	conn, err := nats.Connect(url)
	if err != nil {
		log.Fatal(err)
	}
	defer conn.Close()
	c, err := client.New(conn, client.Options{})
	if err != nil {
		log.Fatal(err)
	}
	ctx := context.Background()
	for _, from := range []string{"bob", "carol", "dave"} {
		if _, err := c.MessageReceived(ctx, "alice", client.Message{ID: "m1", From: from}, client.WaitApplied()); err != nil {
			log.Fatal(err)
		}
	}
	for x, err := range c.User("alice").Conversations(ctx, events.ConversationsRequest{UnreadOnly: true}) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(x.Conversation, x.Unread, x.LastMessage.ID)
	}
	// Output:
	// c2c_dave 1 m1
	// c2c_carol 1 m1
	// c2c_bob 1 m1
}

// An app shows threads: alice hears of those that she follows, and reads one.
func ExampleUser_Threads() {
	url, stop := serve()
	defer stop()
	conn, err := nats.Connect(url)
	if err != nil {
		log.Fatal(err)
	}
	defer conn.Close()
	c, err := client.New(conn, client.Options{})
	if err != nil {
		log.Fatal(err)
	}
	ctx := context.Background()
	alice := c.User("alice")
	stored := func(_ events.Seq, err error) {
		if err != nil {
			log.Fatal(err)
		}
	}

	// Messages of threads count for their followers only, from here on.
	stored(c.SetPolicies(ctx, client.Policies{Threads: events.ThreadsApart}))
	stored(c.Join(ctx, "team", []string{"alice", "bob"}))
	stored(c.GroupMessage(ctx, "team", client.Message{ID: "g1", From: "alice"}))
	stored(c.GroupMessage(ctx, "team", client.Message{ID: "g2", From: "bob", Thread: "g1"}))
	stored(c.GroupMessage(ctx, "team", client.Message{ID: "g3", From: "bob", Thread: "g1"}))
	stored(alice.MarkGroupRead(ctx, "team", client.InThread("g1"), client.Upto("g2"), client.WaitApplied()))
	for t, err := range alice.Threads(ctx, events.ThreadsRequest{}) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(t.Conversation, t.Thread, t.Unread, t.FirstUnread)
	}
	totals, err := alice.Totals(ctx, events.TotalsRequest{})
	fmt.Println(totals.Totals.Unread, totals.Totals.Threads.Unread, err)
	// Output:
	// group_team g1 1 g3
	// 0 1 <nil>
}

// An app shows a folder with a badge of its own.
func ExampleUser_SetFilter() {
	url, stop := serve()
	defer stop()
	conn, err := nats.Connect(url)
	if err != nil {
		log.Fatal(err)
	}
	defer conn.Close()
	c, err := client.New(conn, client.Options{})
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close()
	ctx := context.Background()
	alice := c.User("alice")
	told := make(chan string)
	_, err = alice.Listen(client.Listener{
		FiltersChanged: func(f events.NamedTotals) { told <- fmt.Sprintf("%d folders, work has %d", len(f), f["work"].Unread) },
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(<-told)
	label := "work"
	if _, err := alice.SetFilter(ctx, "work", events.Filter{Label: &label}); err != nil {
		log.Fatal(err)
	}
	fmt.Println(<-told)
	if _, err := c.MessageReceived(ctx, "alice", client.Message{ID: "m1", From: "bob"}); err != nil {
		log.Fatal(err)
	}
	if _, err := alice.Label(ctx, client.C2C("bob"), []string{"work"}, nil); err != nil {
		log.Fatal(err)
	}
	fmt.Println(<-told)
	// Output:
	// 0 folders, work has 0
	// 1 folders, work has 0
	// 1 folders, work has 1
}

// Bob asks by whom his message is read.
func ExampleUser_Readers() {
	url, stop := serve()
	defer stop()
	conn, err := nats.Connect(url)
	if err != nil {
		log.Fatal(err)
	}
	defer conn.Close()
	c, err := client.New(conn, client.Options{})
	if err != nil {
		log.Fatal(err)
	}
	ctx := context.Background()
	stored := func(_ events.Seq, err error) {
		if err != nil {
			log.Fatal(err)
		}
	}
	stored(c.SetPolicies(ctx, client.Policies{GroupReceipts: events.ReceiptsSender}))
	stored(c.Join(ctx, "team", []string{"alice", "bob", "carol"}))
	stored(c.GroupMessage(ctx, "team", client.Message{ID: "g1", From: "bob"}))
	at := time.Date(2026, 3, 14, 15, 9, 26, 0, time.UTC)
	stored(c.User("alice").MarkGroupRead(ctx, "team", client.Upto("g1"), client.At(at), client.WaitApplied()))

	bob := c.User("bob")
	all, err := bob.GroupReceipts(ctx, "team", []string{"g1"})
	fmt.Println(all.Receipts, err)
	for r, err := range bob.Readers(ctx, events.ReadersRequest{Group: "team", ID: "g1"}) {
		fmt.Println(r.User, time.UnixMilli(int64(r.At)).UTC().Format(time.TimeOnly), err)
	}
	// Output:
	// [{g1 1 2}] <nil>
	// alice 15:09:26 <nil>
}
