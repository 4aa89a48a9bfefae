package stream

// renew renews the watches of users who have a stream that watches.
func (h *Hub) renew() {
	h.mu.Lock()
	var watched []string
	for _, u := range h.mu.users {
		if u.watched > 0 {
			watched = append(watched, u.id)
		}
	}
	h.mu.Unlock()
	for _, id := range watched {
		h.cfg.Source.Watch(id)
	}
}
