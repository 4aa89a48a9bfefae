package natsserver

import (
	"context"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats-server/v2/server"
)

// Guest is what somebody who connects may do.
type Guest struct {
	Name               string    // of the connections, which are counted by it
	Publish, Subscribe []string  // subjects; none: none
	Until              time.Time // the connection is closed then; zero: never
	Most               int       // connections of the name at once; 0: any number
}

// Admit says what a client may do that connects with a token; empty: it has sent none.
// client is its number, of which the server's log speaks. An error refuses it; Admit says
// so in the log.
type Admit func(ctx context.Context, token string, from net.Addr, client uint64) (Guest, error)

// admitTimeout bounds what Admit may take. A client that has not said who it is by then
// is dropped.
const admitTimeout = 4 * time.Second

// door asks who connects, and keeps everybody else out until the server listens. It
// implements server.Authentication.
type door struct {
	admit Admit // nil: everybody may do everything
	log   func(msg string, args ...any)
	open  atomic.Bool

	mu     sync.Mutex
	alive  func(client uint64) bool
	guests map[string][]uint64 // clients by the guest's name; some may have gone
	sweep  int                 // names from which on those are looked for that have gone
}

func newDoor(admit Admit, log func(string, ...any)) *door {
	return &door{admit: admit, log: log, guests: map[string][]uint64{}, sweep: leastSweep, alive: func(uint64) bool { return true }}
}

// leastSweep is how many names are kept before it is looked whether some have gone.
const leastSweep = 1024

// Check implements server.Authentication.
func (d *door) Check(c server.ClientAuthentication) bool {
	from := c.RemoteAddress()
	if from != nil && from.Network() == "pipe" {
		return true // this process
	}
	if !d.open.Load() {
		return false
	}
	if d.admit == nil {
		return true
	}
	ctx, cancel := context.WithTimeout(context.Background(), admitTimeout)
	defer cancel()
	token := c.GetOpts().Token
	guest, err := d.admit(ctx, token, from, c.GetID())
	if err != nil || !d.enter(guest, c.GetID()) {
		return false
	}
	c.RegisterUser(&server.User{Username: guest.Name, ConnectionDeadline: guest.Until, Permissions: &server.Permissions{
		Publish: permission(guest.Publish), Subscribe: permission(guest.Subscribe),
	}})
	return true
}

// permission is a list of subjects as the server wants it: to it an empty one means all.
func permission(subjects []string) *server.SubjectPermission {
	if len(subjects) == 0 {
		return &server.SubjectPermission{Deny: []string{">"}}
	}
	return &server.SubjectPermission{Allow: subjects}
}

// enter counts a client, unless there are as many of its name as there may be.
func (d *door) enter(guest Guest, client uint64) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.guests) >= d.sweep {
		for name := range d.guests {
			d.look(name)
		}
		d.sweep = max(leastSweep, 2*len(d.guests))
	}
	d.look(guest.Name)
	if guest.Most > 0 && len(d.guests[guest.Name]) >= guest.Most {
		d.log("too many connections", "of", guest.Name, "most", guest.Most, "client", client)
		return false
	}
	d.guests[guest.Name] = append(d.guests[guest.Name], client)
	return true
}

// look drops the clients of a name that have gone.
func (d *door) look(name string) {
	d.guests[name] = slices.DeleteFunc(d.guests[name], func(id uint64) bool { return !d.alive(id) })
	if len(d.guests[name]) == 0 {
		delete(d.guests, name)
	}
}

// clients are those of a name.
func (d *door) clients(name string) []uint64 {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.look(name)
	return slices.Clone(d.guests[name])
}

// Disconnect closes the connections of a guest's name, and returns how many there were.
func (s *Server) Disconnect(name string) (n int) {
	for _, id := range s.door.clients(name) {
		if s.srv.DisconnectClientByID(id) == nil {
			n++
		}
	}
	return n
}
