package client

import (
	"reflect"
	"slices"
	"strings"

	"reddot/events"
)

// ThreadName names a thread.
type ThreadName struct {
	Conversation string // as in "group_team"
	Thread       string // its id
}

// threadKey is a thread's name in one string: no id holds a NUL.
func threadKey(v *events.Thread) string { return v.Conversation + "\x00" + v.Thread }

// threadName reads a threadKey.
func threadName(key string) ThreadName {
	conversation, thread, _ := strings.Cut(key, "\x00")
	return ThreadName{conversation, thread}
}

// enterThreads enters what a change event says of followed threads, and returns
// those that look different now or are followed no longer. The threads of a
// conversation that left the list have ended with it (rule thread-list).
func (b *book) enterThreads(c *events.Change) (touched []string) {
	if b.threads == nil {
		return nil
	}
	for i := range c.Threads {
		v := &c.Threads[i]
		key := threadKey(v)
		if b.gone != nil && !v.Following {
			b.gone[key] = v.Version
		}
		if b.putThread(key, v) {
			touched = append(touched, key)
		}
	}
	for _, name := range c.Removed {
		touched = append(touched, b.dropThreads(func(v *events.Thread) bool {
			return v.Conversation == name && v.Version <= c.Version
		})...)
	}
	return touched
}

// enterFollowed enters the threads of a reading.
func (b *book) enterFollowed(r *reading) (touched []string) {
	if !r.followed {
		return nil
	}
	seen := make(map[string]struct{}, len(r.threads))
	for i := range r.threads {
		v := &r.threads[i]
		key := threadKey(v)
		seen[key] = struct{}{}
		if b.gone[key] < v.Version && b.gone[v.Conversation] < v.Version && b.putThread(key, v) {
			touched = append(touched, key)
		}
	}
	if r.moved {
		// One that went to the top between two pages is on none, and followed all the
		// same. Whoever reads, reads again.
		return touched
	}
	return append(touched, b.dropThreads(func(v *events.Thread) bool {
		_, there := seen[threadKey(v)]
		return !there && v.Version <= r.threadsAt
	})...)
}

// putThread enters a thread unless a newer one is known, and reports whether it
// looks different, or is followed no longer.
func (b *book) putThread(key string, v *events.Thread) bool {
	known, ok := b.threads[key]
	if ok && known.Version >= v.Version {
		return false
	}
	if !v.Following {
		delete(b.threads, key)
		return ok
	}
	b.threads[key] = *v
	now := *v
	known.Version, now.Version = 0, 0
	return !ok || !reflect.DeepEqual(known, now)
}

// dropThreads drops threads and returns their keys, sorted.
func (b *book) dropThreads(which func(*events.Thread) bool) (dropped []string) {
	for key, v := range b.threads {
		if which(&v) {
			delete(b.threads, key)
			dropped = append(dropped, key)
		}
	}
	slices.Sort(dropped)
	return dropped
}

// threadOrder lists every thread of the book as a reading showed them, those
// that are newer than it in front.
func (b *book) threadOrder(r *reading) []string {
	read := make([]string, len(r.threads))
	for i := range r.threads {
		read[i] = threadKey(&r.threads[i])
	}
	return ordered(read, b.threads, func(v events.Thread) events.Seq { return v.Version })
}
