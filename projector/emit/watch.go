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
	mu     sync.Mutex
	leases map[string]*lease
	swept  time.Time
}

type lease struct {
	until time.Time
	told  bool // an event has carried all of the user's large groups since the watch began
}

// watch begins or renews a user's lease.
func (w *watchers) watch(user string, now time.Time) time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.leases == nil {
		w.leases = make(map[string]*lease)
	}
	if now.Sub(w.swept) > WatchLease {
		for u, l := range w.leases {
			if !l.until.After(now) {
				delete(w.leases, u)
			}
		}
		w.swept = now
	}
	l := w.leases[user]
	if l == nil || !l.until.After(now) {
		l = new(lease)
		w.leases[user] = l
	}
	l.until = now.Add(WatchLease)
	return l.until
}

// watching lists the users whose lease lasts, and whether each has been told
// of all large groups since the watch began.
func (w *watchers) watching(now time.Time) map[string]bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	users := make(map[string]bool, len(w.leases))
	for u, l := range w.leases {
		if l.until.After(now) {
			users[u] = l.told
		}
	}
	return users
}

// told notes that a watcher's event carried all large groups.
func (w *watchers) told(user string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if l := w.leases[user]; l != nil {
		l.told = true
	}
}

// forget begins every watch anew: from here on another emitter tells of what
// happens, and does not know these watchers.
func (w *watchers) forget() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, l := range w.leases {
		l.told = false
	}
}
