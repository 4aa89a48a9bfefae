package bench

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"time"

	"reddot/events"
)

const (
	// fanWriters write in turn in each group, so that groups differ in nothing
	// but their size.
	fanWriters = 10
	// fanTurns is how often the groups take turns.
	fanTurns = 3
	// burstShare is the share of the workload's commands that one turn has.
	burstShare = 50
	// fewestSingles is how many messages at least are sent one by one.
	fewestSingles = 3
)

// fanSizes are the members of the groups: all users at most.
func fanSizes(users int) []int {
	sizes := []int{10, 1_000, 100_000}
	for i := range sizes {
		sizes[i] = min(sizes[i], users)
	}
	return slices.Compact(sizes)
}

func fanoutName(members int, emission string) string {
	return fmt.Sprintf("a message to %d, emission %s", members, emission)
}

// fanned is a group of some size.
type fanned struct {
	members int
	ids     int // of messages
	sent    int // messages whose time is in took
	took    time.Duration
}

func (f *fanned) name() string { return "fan" + strconv.Itoa(f.members) }

// joins makes the members members.
func (f *fanned) joins() (all []events.Command) {
	for i := range f.members {
		if i%events.MaxUsers == 0 {
			all = append(all, events.Command{Verb: events.GroupJoin, Inbox: f.name()})
		}
		c := &all[len(all)-1]
		c.Users = append(c.Users, user(i))
	}
	return all
}

// messages are the next n messages to the group.
func (f *fanned) messages(n int) (all []events.Command) {
	for range n {
		all = append(all, events.Command{
			Verb: events.GroupMessage, Inbox: f.name(), ID: strconv.Itoa(firstID + f.ids), From: user(f.ids % fanWriters),
		})
		f.ids++
	}
	return all
}

// make makes the group, and sends it a first message from each writer.
func (f *fanned) make(ctx context.Context, t *traffic) error {
	if _, err := t.send(ctx, f.joins()); err != nil {
		return err
	}
	err := f.send(ctx, t, fanWriters)
	f.sent, f.took = 0, 0
	return err
}

// each is the time that a message took, in seconds.
func (f *fanned) each() float64 { return f.took.Seconds() / float64(f.sent) }

// send sends n messages and counts the time until all their events are stored.
func (f *fanned) send(ctx context.Context, t *traffic, n int) error {
	took, err := t.send(ctx, f.messages(n))
	f.took += took
	f.sent += n
	return err
}

// fanout is the stage of that name. Emission is off because every group is
// larger than the fan-out limit and nobody is watching.
func (b *bench) fanout(ctx context.Context) error {
	if err := b.endLog(); err != nil {
		return err
	}
	burst := max(1, b.cfg.Workload.Commands/burstShare)
	err := b.fanoutOf(ctx, "off", "0", fanTurns, func(t *traffic, f *fanned) error {
		return f.send(ctx, t, burst)
	})
	if err != nil {
		return err
	}
	return b.fanoutOf(ctx, "on", "1000000", 1, func(t *traffic, f *fanned) error {
		for f.sent < fewestSingles || f.took < b.cfg.For/4 {
			if err := f.send(ctx, t, 1); err != nil {
				return err
			}
		}
		return nil
	})
}

// fanoutOf measures with a fan-out limit: each group in each turn.
func (b *bench) fanoutOf(ctx context.Context, emission, limit string, turns int, measure func(*traffic, *fanned) error) error {
	t, err := b.startServed(ctx, "fanout", "--fanout-limit", limit)
	if err != nil {
		return err
	}
	var all []*fanned
	for _, n := range fanSizes(b.cfg.Workload.Users) {
		all = append(all, &fanned{members: n})
	}
	err = b.turns("fanout, emission "+emission, turns*len(all), func(step *Step) error {
		for _, f := range all {
			if err := f.make(ctx, t); err != nil {
				return err
			}
		}
		for range turns {
			for _, f := range all {
				if err := measure(t, f); err != nil {
					return err
				}
				step.done.Add(1)
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	first := all[0]
	b.note(figure("fanout", fanoutName(first.members, emission), Seconds, first.each()))
	for _, f := range all[1:] {
		b.note(figure("fanout", fanoutName(f.members, emission), Seconds, f.each()).
			compare(fmt.Sprint("to ", first.members), first.each()))
	}
	return t.end()
}
