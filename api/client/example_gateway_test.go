package client_test

import (
	"context"
	"fmt"
	"log"
	"sync"

	"github.com/nats-io/nats.go"

	"reddot/api/client"
	"reddot/events"
)

// gateway is what holds the sockets of an app's phones: it listens to a user while a phone
// of theirs is there, once however many there are, and writes badges to the sockets.
type gateway struct {
	client *client.Client

	mu    sync.Mutex
	users map[string]*present
}

// present is a user who has a socket here.
type present struct {
	sub     *client.Subscription
	sockets map[*socket]struct{}
	badge   []byte // written last
}

// socket stands for a phone's connection. A slow one gets the newest badge, not all.
type socket struct{ out chan []byte }

func (s *socket) write(badge []byte) {
	select {
	case <-s.out: // it was not read, and is old now
	default:
	}
	s.out <- badge
}

// join adds a phone, whose user the app has authenticated.
func (g *gateway) join(user string, s *socket) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if p := g.users[user]; p != nil {
		p.sockets[s] = struct{}{}
		if p.badge != nil {
			s.write(p.badge)
		}
		return nil
	}
	p := &present{sockets: map[*socket]struct{}{s: {}}}
	sub, err := g.client.User(user).Listen(client.Listener{TotalUnreadChanged: func(t events.Totals) {
		g.mu.Lock()
		defer g.mu.Unlock()
		p.badge = fmt.Appendf(nil, `{"badge":%d}`, t.Unread)
		for s := range p.sockets {
			s.write(p.badge)
		}
	}})
	if err != nil {
		return err
	}
	p.sub = sub
	g.users[user] = p
	return nil
}

// leave takes a phone away; the last one of a user ends the listening.
func (g *gateway) leave(user string, s *socket) {
	g.mu.Lock()
	defer g.mu.Unlock()
	p := g.users[user]
	delete(p.sockets, s)
	if len(p.sockets) == 0 {
		p.sub.Close()
		delete(g.users, user)
	}
}

// A gateway keeps the sockets of phones, and has one listener for each user who is there. In
// other languages POST /v1/gateway is the same over HTTP.
func Example_gateway() {
	url, stop := serve() // as "reddot serve" does
	defer stop()
	conn, err := nats.Connect(url, nats.MaxReconnects(-1))
	if err != nil {
		log.Fatal(err)
	}
	defer conn.Close()
	c, err := client.New(conn, client.Options{WatchLargeGroups: true})
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close()
	g := &gateway{client: c, users: map[string]*present{}}

	phone, tablet := &socket{make(chan []byte, 1)}, &socket{make(chan []byte, 1)}
	if err := g.join("alice", phone); err != nil {
		log.Fatal(err)
	}
	fmt.Println("phone ", string(<-phone.out))
	if _, err := c.MessageReceived(context.Background(), "alice", client.Message{ID: "m1", From: "bob"}); err != nil {
		log.Fatal(err)
	}
	fmt.Println("phone ", string(<-phone.out))
	if err := g.join("alice", tablet); err != nil {
		log.Fatal(err)
	}
	fmt.Println("tablet", string(<-tablet.out))
	g.leave("alice", phone)
	g.leave("alice", tablet)
	fmt.Println(len(g.users), "users")
	// Output:
	// phone  {"badge":0}
	// phone  {"badge":1}
	// tablet {"badge":1}
	// 0 users
}
