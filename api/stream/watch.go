package stream

import "github.com/cespare/xxhash/v2"

// watchShares is in how many shares watches are renewed, one after the other: there may be
// hundreds of thousands on the streams of gateways.
const watchShares = 20

// renew renews the watches of a share of the users who have a stream that watches.
func (h *Hub) renew(share uint64) {
	h.mu.Lock()
	var watched []string
	for token, u := range h.mu.users {
		if u.watched > 0 && xxhash.Sum64String(token)%watchShares == share {
			watched = append(watched, u.id)
		}
	}
	h.mu.Unlock()
	for _, id := range watched {
		h.cfg.Source.Watch(id)
	}
}
