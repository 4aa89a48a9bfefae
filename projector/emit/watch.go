package emit

import (
	"sync"
	"time"
)

// WatchLease is how long a watch lasts: a watcher renews it well before.
const WatchLease = 60 * time.Second

// watchers are the users who asked for the change events of groups larger
// than the fan-out limit.
type watchers struct {
	mu    sync.Mutex
	until map[string]time.Time
	swept time.Time
}

// watch begins or renews a user's lease.
func (w *watchers) watch(user string, now time.Time) time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.until == nil {
		w.until = make(map[string]time.Time)
	}
	if now.Sub(w.swept) > WatchLease {
		for u, t := range w.until {
			if !t.After(now) {
				delete(w.until, u)
			}
		}
		w.swept = now
	}
	w.until[user] = now.Add(WatchLease)
	return w.until[user]
}

// watching lists the users whose lease lasts.
func (w *watchers) watching(now time.Time) map[string]bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	users := make(map[string]bool, len(w.until))
	for u, t := range w.until {
		if t.After(now) {
			users[u] = true
		}
	}
	return users
}
