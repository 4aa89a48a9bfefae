package bench

import (
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"strconv"
	"time"

	"reddot/events"
)

// The group whose receipts are asked for: readers read up to a message each, and the
// messages are spread evenly over them.
const (
	crowd         = "crowd"
	crowdMembers  = 100_000
	crowdMessages = 1_000
)

// The user who has much of everything: each conversation has something unread, each
// threadedEvery-th is a group, in which threads are followed.
const (
	collector     = "collector"
	collected     = 1_000
	threadedEvery = 10
	followed      = 200
	keptFilters   = 5
)

// Names of figures that aims are about.
const (
	countedCached = "N of M, a message of a group of %d, cached"
	countedCold   = "N of M, a message of a group of %d, cold"
	readersPage   = "a page of 200 readers of it"
	totalsOfMuch  = "totals of 1000 conversations, 200 followed threads, 5 filters"
)

// viewsAims are what the figures of the stage views should be.
func viewsAims() map[key]Aim {
	return map[key]Aim{
		{"views", fmt.Sprintf(countedCached, crowdMembers)}: atMost(50e-6, 10e-6),
		{"views", fmt.Sprintf(countedCold, crowdMembers)}:   atMost(1e-3, 100e-6),
		{"views", readersPage}:                              atMost(5e-3, 1e-3),
		{"views", totalsOfMuch}:                             atMost(2e-3, 1e-3),
	}
}

// crowdMessage is the id of a message of the crowd.
func crowdMessage(n int) string { return "crowd" + strconv.Itoa(n) }

// policies turn on what is asked about.
func policies() []events.Command {
	return []events.Command{{Verb: events.PolicySet, ThreadPolicy: events.ThreadsApart, GroupReceipts: events.ReceiptsMembers}}
}

// crowded are the commands that make the crowd: everybody joins, one of them writes, and
// everybody reads up to one message or another.
func crowded(members int) (all []events.Command) {
	for i := range members {
		if i%events.MaxUsers == 0 {
			all = append(all, events.Command{Verb: events.GroupJoin, Inbox: crowd})
		}
		c := &all[len(all)-1]
		c.Users = append(c.Users, user(i))
	}
	for n := range crowdMessages {
		all = append(all, events.Command{Verb: events.GroupMessage, Inbox: crowd, ID: crowdMessage(n), From: user(0)})
	}
	id := events.ConversationID{Kind: events.Group, ID: crowd}
	for i := 1; i < members; i++ {
		all = append(all, events.Command{Verb: events.UserRead, Inbox: user(i), Conversation: id, Upto: crowdMessage(i * 7919 % crowdMessages)})
	}
	return all
}

// collecting are the commands that make the user who has much.
func collecting() (all []events.Command) {
	id := firstID
	next := func() string {
		id++
		return strconv.Itoa(id)
	}
	threads := 0
	for i := range collected {
		peer := collector + strconv.Itoa(i)
		if i%threadedEvery > 0 {
			all = append(all, events.Command{Verb: events.UserMessage, Inbox: collector, From: peer, ID: next(), Mentions: []string{collector}})
			continue
		}
		all = append(all, events.Command{Verb: events.GroupJoin, Inbox: peer, Users: []string{collector, user(1)}},
			events.Command{Verb: events.GroupMessage, Inbox: peer, From: user(1), ID: next()})
		for range followed * threadedEvery / collected {
			threads++
			thread := "thread" + strconv.Itoa(threads)
			all = append(all, events.Command{Verb: events.UserFollow, Inbox: collector, Conversation: events.ConversationID{Kind: events.Group, ID: peer}, Thread: thread, Following: true},
				events.Command{Verb: events.GroupMessage, Inbox: peer, From: user(1), ID: next(), Thread: thread})
		}
	}
	for i := range keptFilters {
		label := "label" + strconv.Itoa(i)
		all = append(all, events.Command{Verb: events.UserFilter, Inbox: collector, Name: label, Filter: &events.Filter{Label: &label}})
		for n := i; n < collected; n += keptFilters {
			if n%threadedEvery > 0 {
				all = append(all, events.Command{Verb: events.UserLabel, Inbox: collector,
					Conversation: events.ConversationID{Kind: events.C2C, ID: collector + strconv.Itoa(n)}, Add: []string{label}})
			}
		}
	}
	return all
}

// looked is what the child says who looks: how long each look of a kind took.
type looked struct {
	Counted, Cold, Readers, Totals []time.Duration
}

// views is the stage of that name.
func (b *bench) views(ctx context.Context) error {
	if err := b.endLog(); err != nil {
		return err
	}
	members := min(crowdMembers, b.cfg.Workload.Users)
	commands := append(append(policies(), crowded(members)...), collecting()...)
	s, err := b.startNATS(ctx, "views")
	if err != nil {
		return err
	}
	if _, err := s.js.CreateStream(ctx, commandStream(b.subjects)); err != nil {
		return fmt.Errorf("create a stream: %w", err)
	}
	n := len(commands)
	next := func() (string, []byte, error) {
		c := &commands[0]
		commands = commands[1:]
		payload, err := events.Encode(c)
		return b.subjects.Command(events.Target{Verb: c.Verb, Inbox: c.Inbox}), payload, err
	}
	if err := b.step("views: commands before", n, func(step *Step) error { return s.publish(ctx, next, n, step) }); err != nil {
		return err
	}
	var seen looked
	err = b.turns("views", -1, func(*Step) error {
		c, err := b.start(ChildCommand, "views", "--server", s.url, "--store", filepath.Join(b.dir, "viewed"), "--upto", strconv.Itoa(n))
		if err != nil {
			return err
		}
		line, err := c.Line(ctx)
		if err != nil {
			return err
		}
		if err := json.Unmarshal([]byte(line), &seen); err != nil {
			return fmt.Errorf("a part of the benchmark says %q: %w", line, err)
		}
		return c.Stop()
	})
	if err != nil {
		return err
	}
	for _, f := range []struct {
		name  string
		times sample
	}{
		{fmt.Sprintf(countedCached, members), seen.Counted}, {fmt.Sprintf(countedCold, members), seen.Cold},
		{readersPage, seen.Readers}, {totalsOfMuch, seen.Totals},
	} {
		b.note(figure("views", f.name, Seconds, f.times.at(0.5).Seconds()).with(f.times))
	}
	return s.end()
}
