package failover

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"syscall"
	"time"
)

// Outcome is what came of a fault, or of a start.
type Outcome struct {
	Name     string
	Events   time.Duration // the longest silence of events
	Refused  time.Duration // the longest time until a command was acknowledged that had to be sent more than once; 0: none had to
	Election time.Duration // the longest time without a leader
	Problems []string      // what is wrong with what was emitted and counted
}

// ErrWrong is wrapped by errors that say that reddot has emitted or counted something
// wrong.
var ErrWrong = errors.New("what was told or counted is wrong")

// Err is an ErrWrong if something is.
func (o Outcome) Err() error {
	if o.Problems == nil {
		return nil
	}
	return fmt.Errorf("%s: %w:\n%s", o.Name, ErrWrong, strings.Join(o.Problems, "\n"))
}

// watch is what measures a while.
type watch struct {
	drill    *Drill
	listener *listener
	probe    *probe
	begun    time.Time
}

// watch begins to listen, to ask the leaders and to publish.
func (d *Drill) watch(ctx context.Context) (w *watch, err error) {
	w = &watch{drill: d}
	if w.listener, err = d.nodes.listen(d.subjects); err != nil {
		return nil, err
	}
	if w.probe, err = startProbe(ctx, w.listener.conns, d.subjects); err != nil {
		w.listener.close()
		return nil, err
	}
	d.load.begin(ctx)
	return w, nil
}

// close ends it, but for publishing.
func (w *watch) close() {
	w.probe.close()
	w.listener.close()
}

// begin begins to measure.
func (w *watch) begin() {
	w.begun = time.Now()
	w.listener.heard.begin(w.begun)
	w.drill.load.mark(w.begun)
	w.probe.begin(w.begun)
}

// flowing is how many events must be heard, and commands acknowledged, until all is
// believed to flow.
const flowing = 50

// flows waits until events are heard and commands acknowledged.
func (w *watch) flows(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, steadyWait)
	defer cancel()
	heard, acked := &w.listener.heard, &w.drill.load.acks
	events, acks := heard.total(), acked.total()
	for {
		received, stored := heard.total()-events, acked.total()-acks
		if received >= flowing && stored >= flowing {
			return nil
		}
		if err := pause(ctx, lookEvery); err != nil {
			return fmt.Errorf("within %v %d events are heard and %d commands acknowledged: %w", steadyWait, received, stored, err)
		}
	}
}

// end ends the measuring and audits what came of it.
func (w *watch) end(ctx context.Context, name string) (o Outcome, err error) {
	d, now := w.drill, time.Now()
	silent, acks, elected := w.listener.heard.end(now), d.load.acks.end(now), w.probe.end(now)
	again, refused, why := d.load.refusals()
	o = Outcome{Name: name, Events: silent.For, Refused: refused.For, Election: elected.For}
	d.report("%s: events silent %s; %d commands sent again, longest %s (%v); acks silent %s; no leader %s",
		name, silent.text(w.begun), again, refused.text(w.begun), why, acks.text(w.begun), elected.text(w.begun))
	o.Problems, err = d.audit(ctx)
	unheard, late := w.listener.missed(d.fresh)
	d.report("%s: audited; of %d events %d were republished to nobody, %d late; of all webhooks %d", name, len(d.fresh), unheard, late, d.receiver.lateOnes())
	o.Problems = append(w.listener.wrong(), o.Problems...)
	return o, err
}

// Begin has the first commands published after a start, and audits what came of
// them. An error says that the drill can't go on.
func (d *Drill) Begin(ctx context.Context) (Outcome, error) {
	w, err := d.watch(ctx)
	if err != nil {
		return Outcome{}, err
	}
	defer w.close()
	w.begin()
	if err := w.flows(ctx); err != nil {
		return Outcome{}, err
	}
	return w.end(ctx, "both started at the same moment")
}

// Do has something go wrong, measures, mends it and audits what came of it. An error
// says that the drill can't go on.
func (d *Drill) Do(ctx context.Context, f Fault) (Outcome, error) {
	w, err := d.watch(ctx)
	if err != nil {
		return Outcome{}, err
	}
	defer w.close()
	if err := w.suffer(ctx, f); err != nil {
		return Outcome{}, fmt.Errorf("%s: %w", f, err)
	}
	return w.end(ctx, f.String())
}

func (w *watch) suffer(ctx context.Context, f Fault) error {
	if err := w.flows(ctx); err != nil {
		return fmt.Errorf("before it: %w", err)
	}
	hit, err := w.drill.find(ctx, f)
	if err != nil {
		return err
	}
	w.drill.report("%s: %s", f, hit.name)
	w.begin()
	ended, err := hit.strike(ctx, f)
	if err == nil {
		err = w.flows(ctx)
	}
	if err != nil {
		return err
	}
	if err := w.mend(ctx, f, hit, ended); err != nil {
		return fmt.Errorf("mend: %w", err)
	}
	return w.flows(ctx)
}

// strike has it happen, and returns once the time is over that it lasts. ended says
// how a process ended that was asked to.
func (v victim) strike(ctx context.Context, f Fault) (ended <-chan error, err error) {
	how := make(chan error, 1)
	switch f.Signal {
	case syscall.SIGTERM:
		go func() { how <- v.of.Stop() }()
	case syscall.SIGKILL:
		v.of.Kill()
		how <- nil
	default:
		v.of.Signal(f.Signal)
	}
	return how, pause(ctx, f.away())
}

// mend brings back what was hit.
func (w *watch) mend(ctx context.Context, f Fault, hit victim, ended <-chan error) error {
	if f.Signal == syscall.SIGSTOP {
		hit.of.Signal(syscall.SIGCONT)
		return w.drill.steady(ctx)
	}
	err := <-ended // within the time that a process is given to end
	if err == nil {
		err = hit.again(ctx)
	}
	if err == nil {
		err = w.drill.steady(ctx)
	}
	return err
}
