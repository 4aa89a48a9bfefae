package twin

import (
	"reflect"
	"slices"
	"testing"

	"reddot/events"
)

// TestLooks compares what the model keeps from one command to the next with what a look at
// everything says, after each random command.
func TestLooks(t *testing.T) {
	const seed = 3
	t.Logf("seed %d", seed)
	for name, g := range map[string]interface {
		Next(*events.Command)
		Now() events.Time
	}{
		"small": NewGenerator(seed, Config{}), "deep": NewGenerator(seed, Deep()), "crowd": NewCrowd(seed),
	} {
		t.Run(name, func(t *testing.T) {
			m := New()
			m.threads, m.receipts = events.ThreadsApart, events.ReceiptsMembers // until a command sets others
			var c events.Command
			raised := 0
			for n := range 1_500 {
				g.Next(&c)
				read := m.allRead()
				r := m.Apply(events.Seq(n+1), g.Now(), &c)
				for _, chat := range m.chats() {
					chat.looks(t)
				}
				m.sameRaised(t, &c, r.Raised, read)
				raised += len(r.Raised)
				if t.Failed() {
					t.Fatalf("after command %d: %s %+v", n+1, c.Verb, c)
				}
			}
			if raised == 0 {
				t.Error("nobody was to be notified of a reader")
			}
		})
	}
}

// looks compares what a chat and its views keep.
func (c *chat) looks(t *testing.T) {
	t.Helper()
	at, newest := map[string]int{}, map[string]int{}
	for i := range c.log {
		m := &c.log[i]
		at[m.id] = i
		if !m.hidden {
			newest[m.thread] = i
		}
	}
	if len(at) != len(c.log) || !reflect.DeepEqual(c.at, at) || !reflect.DeepEqual(c.newest, newest) {
		t.Errorf("%+v: the messages are at %v, the newest %v; kept is %v, %v", c.key, at, newest, c.at, c.newest)
	}
	for _, v := range c.views {
		if now := v.shows(); !reflect.DeepEqual(v.shown, now) {
			t.Errorf("%s of %s has shown %+v, and shows %+v", v.name, v.user, v.shown, now)
		}
	}
}

// wantedKey names a message whose sender is notified of readers.
type wantedKey struct{ group, id string }

// allRead is by how many every message of every group is read whose sender is notified.
func (m *Model) allRead() map[wantedKey]uint64 {
	read := map[wantedKey]uint64{}
	for name, c := range m.groups {
		for _, i := range c.wanted {
			if r := c.receipt(i); c.countable(i) {
				read[wantedKey{name, r.ID}] = r.Read
			}
		}
	}
	return read
}

// sameRaised compares what a command has raised with the messages that more have read than
// before.
func (m *Model) sameRaised(t *testing.T, c *events.Command, raised []Raised, before map[wantedKey]uint64) {
	t.Helper()
	reads := []events.Verb{events.UserRead, events.UserReadAll, events.GroupMessage}
	if !m.asked() || !slices.Contains(reads, c.Verb) {
		before = m.allRead()
	}
	more := map[wantedKey]uint64{}
	for k, now := range m.allRead() {
		if now > before[k] {
			more[k] = now
		}
	}
	got := map[wantedKey]uint64{}
	for _, r := range raised {
		got[wantedKey{r.Group, r.ID}] = r.Read
	}
	if len(got) != len(raised) || !reflect.DeepEqual(got, more) {
		t.Errorf("raised %+v, and more have read %v", raised, more)
	}
}
