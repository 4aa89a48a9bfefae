package peers

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nats.go"

	"reddot/events"
)

// Bounds of what is heard: whoever may publish there can say anything.
const (
	maxPeers   = 64 // reddots that are known at a time
	maxMessage = 2 << 10
	maxID      = 64
	maxText    = 255 // bytes of a name
)

// table is who was heard.
type table map[string]heard

type heard struct {
	peer events.Peer
	at   time.Time
}

// hear takes in what another one says. What is malformed or too much is left out.
func (t table) hear(s events.Subjects, msg *nats.Msg, now time.Time) {
	t.forget(now)
	peer, ok := read(s, msg)
	if !ok {
		return
	}
	if peer.Bye {
		delete(t, peer.ID)
		return
	}
	if _, known := t[peer.ID]; known || len(t) < maxPeers {
		t[peer.ID] = heard{peer, now}
	}
}

// read reads a message.
func read(s events.Subjects, msg *nats.Msg) (peer events.Peer, ok bool) {
	if len(msg.Data) > maxMessage || events.Unmarshal(events.JSON.ContentType(), msg.Data, &peer) != nil {
		return peer, false
	}
	peer.Lag, peer.HeardMS = 0, 0
	return peer, peer.ID != "" && len(peer.ID) <= maxID && msg.Subject == s.Peer(peer.ID) && peer == clipped(peer)
}

// clipped is a peer with names of bounded length.
func clipped(p events.Peer) events.Peer {
	for _, text := range []*string{&p.Host, &p.Version, &p.Server, &p.Role, &p.State} {
		if len(*text) > maxText {
			*text = strings.ToValidUTF8((*text)[:maxText], "")
		}
	}
	return p
}

// forget forgets who is silent.
func (t table) forget(now time.Time) {
	maps.DeleteFunc(t, func(_ string, h heard) bool { return now.Sub(h.at) >= forgetAfter })
}

// list is who is known.
func (t table) list(now time.Time) []events.Peer {
	t.forget(now)
	all := make([]events.Peer, 0, len(t))
	for _, h := range t {
		h.peer.HeardMS = now.Sub(h.at).Milliseconds()
		all = append(all, h.peer)
	}
	slices.SortFunc(all, func(a, b events.Peer) int {
		return cmp.Or(strings.Compare(a.Host, b.Host), cmp.Compare(a.PID, b.PID), strings.Compare(a.ID, b.ID))
	})
	return all
}
