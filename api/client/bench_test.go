package client_test

import (
	"fmt"
	"testing"

	"reddot/api/client"
	"reddot/events"
)

// BenchmarkPublisher stores C2C messages, one after the other and in order.
func BenchmarkPublisher(b *testing.B) {
	h := start(b)
	c := h.client(b, client.Options{})
	p := publisher(b, c)
	n := 0
	for b.Loop() {
		add(b, p, message(fmt.Sprintf("u%d", n%1000), "bob", fmt.Sprintf("m%d", n)))
		n++
	}
	if _, err := p.Flush(b.Context()); err != nil {
		b.Fatal(err)
	}
}

// BenchmarkListen measures from the call that tells of a message to the
// callback that tells the receiver.
func BenchmarkListen(b *testing.B) {
	h := start(b)
	c := h.client(b, client.Options{})
	told := make(chan struct{}, 1)
	_, err := c.User("alice").Listen(client.Listener{TotalUnreadChanged: func(events.Totals) { told <- struct{}{} }})
	if err != nil {
		b.Fatal(err)
	}
	<-told
	n := 0
	for b.Loop() {
		if _, err := c.Send(b.Context(), message("alice", "bob", fmt.Sprintf("m%d", n))); err != nil {
			b.Fatal(err)
		}
		<-told
		n++
	}
}
