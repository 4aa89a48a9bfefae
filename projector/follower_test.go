package projector_test

import (
	"maps"
	"testing"

	"reddot/events"
	"reddot/projector"
	"reddot/projector/testkit"
)

// wholeThreads asks for all threads that a user follows.
func wholeThreads(t testing.TB, v *projector.View, user string) (all []events.Thread) {
	t.Helper()
	for q := (events.ThreadsRequest{}); ; {
		page := testkit.Must(v.Threads(user, q))(t)
		all = append(all, page.Threads...)
		if q.After = page.Next; q.After == "" {
			return all
		}
	}
}

func newFollower() *follower {
	return &follower{list: map[string]events.Conversation{}, threads: map[[2]string]events.Thread{}}
}

// hearThreads enters the threads of a change and what left the list: one that is no
// longer followed goes, as those of a conversation that is removed do.
func (f *follower) hearThreads(c *events.Change) {
	for _, t := range c.Threads {
		f.threads[[2]string{t.Conversation, t.Thread}] = t
	}
	maps.DeleteFunc(f.threads, func(_ [2]string, t events.Thread) bool { return !t.Following })
	for _, name := range c.Removed {
		delete(f.list, name)
		maps.DeleteFunc(f.threads, func(k [2]string, _ events.Thread) bool { return k[0] == name })
	}
}
