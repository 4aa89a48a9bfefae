package failover

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"syscall"

	"github.com/nats-io/nats.go/jetstream"
	"golang.org/x/sync/errgroup"

	"reddot/api/client"
	"reddot/events"
)

// audit ends the load and compares what was emitted with what is answered. An error says
// that it could not.
func (d *Drill) audit(ctx context.Context) (problems []string, err error) {
	ctx, cancel := context.WithTimeout(ctx, 4*steadyWait)
	defer cancel()
	last, err := d.load.end(ctx)
	if err != nil {
		return nil, err
	}
	if err := d.settle(ctx, last); err != nil {
		return nil, err
	}
	if err := d.readStream(ctx); err != nil {
		return nil, err
	}
	if problems, err = d.lost(ctx); err != nil {
		return nil, err
	}
	problems = append(problems, d.receiver.settle(ctx, d.stored)...)
	problems = append(problems, d.stored.problems()...)
	d.stored.duplicates, d.stored.backward, d.stored.wrong = 0, 0, nil
	digests := map[string]string{}
	for i, r := range d.reddots {
		found, digest, err := d.ask(ctx, r, d.reddots[1-i])
		if err != nil {
			return problems, err
		}
		problems = append(problems, found...)
		digests[r.name] = digest
	}
	if digests[d.reddots[0].name] != digests[d.reddots[1].name] {
		problems = append(problems, fmt.Sprintf("the digests differ: %v", digests))
	}
	return append(problems, d.verify(ctx)...), nil
}

// lost says that the log has fewer commands than were acknowledged.
func (d *Drill) lost(ctx context.Context) (problems []string, err error) {
	s, err := d.js.Stream(ctx, d.subjects.CommandStream())
	if err != nil {
		return nil, fmt.Errorf("look at the log: %w", err)
	}
	if n := s.CachedInfo().State.LastSeq; n < uint64(d.load.drawn) {
		problems = append(problems, fmt.Sprintf("the log has %d commands, and %d are acknowledged", n, d.load.drawn))
	}
	return problems, nil
}

// settle waits until both have applied and emitted everything.
func (d *Drill) settle(ctx context.Context, last events.Seq) error {
	ctx, cancel := context.WithTimeout(ctx, steadyWait)
	defer cancel()
	for _, r := range d.reddots {
		for {
			all, err := r.figures(ctx)
			if err == nil && all[figureApplied] >= float64(last) && all[figureEmitted] >= float64(last) {
				break
			}
			if late := pause(ctx, lookEvery); late != nil {
				return fmt.Errorf("%s has applied %v and told %v of %d commands: %w",
					r.name, all[figureApplied], all[figureEmitted], last, errors.Join(err, late))
			}
		}
	}
	return nil
}

// readStream reads what is new in the event stream.
func (d *Drill) readStream(ctx context.Context) error {
	s, err := d.js.Stream(ctx, d.subjects.EventStream())
	if err != nil {
		return fmt.Errorf("read the events: %w", err)
	}
	d.fresh = nil
	last := s.CachedInfo().State.LastSeq
	if d.read >= last {
		return nil
	}
	consumer, err := s.OrderedConsumer(ctx, jetstream.OrderedConsumerConfig{
		DeliverPolicy: jetstream.DeliverByStartSequencePolicy, OptStartSeq: d.read + 1,
	})
	if err != nil {
		return fmt.Errorf("read the events: %w", err)
	}
	messages, err := consumer.Messages()
	if err != nil {
		return fmt.Errorf("read the events: %w", err)
	}
	defer messages.Stop()
	for d.read < last {
		m, err := messages.Next(jetstream.NextContext(ctx))
		if err != nil {
			return fmt.Errorf("read the events: %w", err)
		}
		at, err := m.Metadata()
		if err != nil {
			return fmt.Errorf("read the events: %w", err)
		}
		d.read = at.Sequence.Stream
		if strings.HasPrefix(m.Subject(), d.subjects.Prefix()+"-out.fence-") {
			continue // what emitters write for each other
		}
		d.fresh = append(d.fresh, d.read)
		if _, _, err := d.stored.enter(d.read, m.Subject(), m.Headers(), m.Data()); err != nil {
			return err
		}
	}
	return nil
}

// ask compares all answers of a reddot with what was emitted, while the other one is
// stopped, so that it is known who answers.
func (d *Drill) ask(ctx context.Context, r, other *reddot) (problems []string, digest string, err error) {
	other.running.Signal(syscall.SIGSTOP)
	defer other.running.Signal(syscall.SIGCONT)
	ctx, cancel := context.WithTimeout(ctx, steadyWait)
	defer cancel()
	answers := make([]events.ConversationsReply, userCount)
	var status events.Status
	g, asking := errgroup.WithContext(ctx)
	g.Go(func() (err error) {
		status, err = again(asking, func(ctx context.Context) (events.Status, error) { return d.client.Status(ctx) })
		return err
	})
	for i := range userCount {
		g.Go(func() (err error) {
			answers[i], err = again(asking, func(ctx context.Context) (events.ConversationsReply, error) {
				return d.client.User(user(i)).Page(ctx, events.ConversationsRequest{Limit: new(events.MaxLimit)})
			})
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return nil, "", fmt.Errorf("ask %s: %w", r.name, err)
	}
	for i, a := range answers {
		if p := d.stored.box(user(i)).differs(a); p != "" {
			problems = append(problems, fmt.Sprintf("%s, asked for %s: %s", r.name, user(i), p))
		}
	}
	return problems, fmt.Sprintf("%s at seq %d", status.Digest, status.Applied), nil
}

// again asks until it is answered: each time, the question may go to a reddot that
// is stopped, or to one that can't answer yet.
func again[T any](ctx context.Context, ask func(context.Context) (T, error)) (T, error) {
	for wait := answerWait; ; wait = min(wait+wait/4, mostAnswerWait) {
		waiting, cancel := context.WithTimeout(ctx, wait)
		reply, err := ask(waiting)
		if errors.Is(err, client.ErrUnavailable) && ctx.Err() == nil {
			<-waiting.Done() // whoever it is needs a moment
			cancel()
			continue
		}
		cancel()
		return reply, err
	}
}

// differs says how an answer differs from what was emitted.
func (b *box) differs(a events.ConversationsReply) string {
	if a.Version != b.last.Version || a.Totals != b.last.Totals {
		return fmt.Sprintf("version %d with %+v, but the last event has version %d with %+v", a.Version, a.Totals, b.last.Version, b.last.Totals)
	}
	if len(a.Conversations) != len(b.list) {
		return fmt.Sprintf("%d conversations, but the events add up to %d", len(a.Conversations), len(b.list))
	}
	for _, c := range a.Conversations {
		if !reflect.DeepEqual(c, b.list[c.Conversation]) {
			return fmt.Sprintf("%+v, but the last event that has it says %+v", c, b.list[c.Conversation])
		}
	}
	return ""
}

// verify has the log folded again.
func (d *Drill) verify(ctx context.Context) (problems []string) {
	out, err := exec.CommandContext(ctx, d.cfg.Program, "verify", "--server", d.nodes.URLs(),
		"--data", filepath.Join(d.dir, "verify")).CombinedOutput()
	if err != nil {
		return []string{fmt.Sprintf("verify: %v: %s", err, out)}
	}
	return nil
}
