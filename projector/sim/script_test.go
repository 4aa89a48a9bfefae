package sim

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"reddot/events"
	"reddot/projector/emit"
)

// settleTime is how long it may take, when all faults are over, until all is
// applied and emitted.
const settleTime = 2 * time.Minute

// tooLong is how long no seed takes. Pebble has a ticker, so that a deadlock
// does not show as one.
const tooLong = time.Hour

// outcome is what became of a seed.
type outcome struct {
	trace
	failures []string
	commands int
	events   int
	repeats  int
	aside    int
	behind   int
	runs     int
}

// simulate runs a seed.
func simulate(t *testing.T, seed uint64, keep bool, s sabotage) (out outcome) {
	synctest.Test(t, func(*testing.T) {
		w, err := newWorld(seed, keep)
		if err != nil {
			out.failures = append(out.failures, err.Error())
			return
		}
		w.sabotage = s
		if s.messages != nil {
			w.sabotage.message = s.messages()
		}
		defer w.named()
		w.at(tooLong, func() { panic("it does not come to an end") })
		if err := w.play(); err != nil {
			w.do(func() { w.failf("%v", err) })
		}
		w.close()
		out = outcome{
			trace: w.trace, failures: w.failures, commands: w.plan.commands, events: w.audit.events, repeats: w.audit.repeats,
			aside: w.audit.aside, behind: w.audit.behind,
		}
		for _, p := range w.processes {
			out.runs += p.count
		}
	})
	return out
}

// play plays the script: commands come, faults come, all faults go, and all is
// emitted in the end.
func (w *world) play() error {
	for _, p := range w.processes {
		if w.plan.processes == 1 || w.script.one(2) {
			if err := p.start(); err != nil {
				return err
			}
		}
	}
	for int(w.server.last) < len(w.history.log)-w.plan.calmly {
		w.sleep(time.Microsecond, w.plan.gap)
		if err := w.step(); err != nil {
			return err
		}
		if w.failed() {
			return nil
		}
	}
	for _, part := range []func() error{w.heal, w.settle, w.goOnCalmly, w.check} {
		if err := part(); err != nil || w.failed() {
			return err
		}
	}
	return nil
}

// sleep lets time pass.
func (w *world) sleep(least, most time.Duration) {
	_ = w.script.sleep(context.Background(), w.script.between(least, most))
}

// step does one thing of the script.
func (w *world) step() error {
	if err := w.bury(); err != nil {
		return err
	}
	if len(w.plan.faults) > 0 && w.script.one(w.plan.calm) {
		f := w.plan.faults[w.script.IntN(len(w.plan.faults))]
		p := w.processes[w.script.IntN(len(w.processes))]
		if err := f.do(w, p); err != nil {
			return fmt.Errorf("%s %s: %w", f.name, p.name, err)
		}
		return nil
	}
	w.do(func() {
		w.grow(w.plan.burst, len(w.history.log)-w.plan.calmly)
	})
	return nil
}

// grow has some commands come. It is called with the world at hand.
func (w *world) grow(most, upto int) {
	n := min(1+w.script.IntN(most), upto-int(w.server.last))
	w.server.last += events.Seq(n)
	w.note("there are %d commands", w.server.last)
	for _, p := range w.processes {
		if p.run != nil {
			for _, l := range p.run.link.lanes {
				l.resume()
			}
		}
	}
}

// calmDelay is the longest that something takes on its way when all is well: far
// less than an emitter that stands by waits.
const calmDelay = 50 * time.Millisecond

// goOnCalmly has the last commands come while all is well, but for somebody who
// forges events. Whoever emits then goes on: nobody takes over.
func (w *world) goOnCalmly() error {
	w.calm.Store(true)
	w.sleep(emit.DefaultTakeover, 2*emit.DefaultTakeover) // what is slow arrives
	taken := -1
	for int(w.server.last) < len(w.history.log) {
		w.do(func() { w.grow(min(w.plan.burst, 5), len(w.history.log)) })
		if taken >= 0 && w.script.one(3) {
			w.sleep(time.Microsecond, 5*time.Millisecond)
			w.do(w.forge)
		}
		if err := w.settle(); err != nil || w.failed() {
			return err
		}
		if taken < 0 { // one that did not know of the other does now
			w.do(func() { taken = w.audit.taken })
		}
	}
	w.sleep(2*emit.DefaultTakeover, 3*emit.DefaultTakeover)
	if w.plan.maxMsgs > 0 || w.plan.maxAge > 0 || taken < 0 { // of what has left the stream nobody knows who wrote it
		return nil
	}
	w.do(func() {
		if n := w.audit.taken - taken; n > 0 {
			w.failf("somebody takes over, by %d messages, from one that lives", n)
		}
	})
	return nil
}

// bury takes away what is left of processes that have ended by themselves.
func (w *world) bury() error {
	for _, p := range w.processes {
		if p.run == nil {
			continue
		}
		select {
		case <-p.run.ended:
		default:
			continue
		}
		well := false
		w.do(func() { well = w.endedWell(p.run) })
		if !well {
			return fmt.Errorf("%s has ended by itself: %w", p.run.name, p.run.why)
		}
		w.do(p.run.link.kill)
		if err := p.run.end(); err != nil {
			return err
		}
	}
	return nil
}

// heal ends all faults.
func (w *world) heal() error {
	w.do(func() {
		w.note("all faults end")
		w.plan.noise, w.plan.repeats = false, false
		w.server.events.refuses = false
		w.startServer()
	})
	if err := w.mend(); err != nil {
		return err
	}
	for _, p := range w.processes {
		if err := w.bury(); err != nil {
			return err
		}
		w.sleep(time.Microsecond, time.Millisecond)
		if err := p.restart(); err != nil {
			return err
		}
		w.do(p.run.link.connect)
	}
	return nil
}

// mend ends a hole that must be mended, when it has stopped who has come to it.
func (w *world) mend() error {
	var h *hole
	w.do(func() { h = w.server.hole })
	if h == nil {
		return nil
	}
	for _, p := range w.processes {
		if p.run != nil {
			w.do(p.run.link.connect)
		}
	}
	w.sleep(time.Minute, 2*time.Minute)
	if err := w.bury(); err != nil {
		return err
	}
	w.do(func() {
		for _, p := range w.processes {
			if p.run != nil && h.times > maxReadings && w.server.last > h.last && h.stops(p.run) {
				w.failf("%s goes on before the hole from %d to %d", p.run.name, h.first, h.last)
			}
		}
		w.server.hole = nil
	})
	return nil
}

// maxReadings is more often than a log is read again before it is given up.
const maxReadings = 10

// settle waits until all processes have applied all commands, and all is emitted.
func (w *world) settle() error {
	last := uint64(w.server.last)
	for end := w.now() + settleTime; ; w.sleep(50*time.Millisecond, 100*time.Millisecond) {
		done := true
		for _, p := range w.processes {
			if p.run == nil {
				if err := p.restart(); err != nil {
					return err
				}
			}
			done = done && p.run.applied.Load() == last && uint64(p.run.loop.Stored()) == last
		}
		if err := w.bury(); err != nil || done || w.failed() {
			return err
		}
		if w.now() > end {
			return w.unsettled()
		}
	}
}

func (w *world) unsettled() error {
	var errs []error
	for _, p := range w.processes {
		errs = append(errs, fmt.Errorf("%s is %s, has applied %d and emitted %d of %d",
			p.run.name, p.run.emitter.State(), p.run.applied.Load(), p.run.loop.Stored(), w.server.last))
	}
	return fmt.Errorf("not done %v after the last fault: %w", settleTime, errors.Join(errs...))
}

// check compares everything at the end.
func (w *world) check() error {
	for _, p := range w.processes {
		if err := p.run.hold(context.Background()); err != nil {
			return err
		}
		s := p.run.loop.Store()
		err := errors.Join(w.checkDigest(s), compareViews(s, w.history.twin))
		p.run.release()
		if err != nil {
			return fmt.Errorf("%s: %w", p.run.name, err)
		}
	}
	w.do(func() { w.audit.emitted(events.Seq(len(w.history.log))) })
	return nil
}

// close ends all.
func (w *world) close() {
	for _, p := range w.processes {
		if p.run != nil {
			w.do(p.run.link.kill)
			if err := p.run.end(); err != nil {
				w.do(func() { w.failf("%v", err) })
			}
		}
	}
	w.do(func() { w.over = true })
}

// whenRunning does something to a process that is running.
func (p *process) whenRunning(do func() error) error {
	if p.run == nil {
		return nil
	}
	return do()
}

func (p *process) restart() error {
	if p.run != nil {
		return nil
	}
	return p.start()
}

// keepDisk keeps a copy of a disk, as it would be after a crash.
func (p *process) keepDisk() {
	p.old = p.disk.CrashClone(vfs.CrashCloneCfg{})
}

// setBack kills a process and gives it an older disk.
func (p *process) setBack() error {
	if p.old == nil {
		return nil
	}
	err := p.whenRunning(p.kill)
	p.w.do(func() { p.w.note("%s is set back", p.name) })
	p.disk, p.old = p.old, nil
	return err
}

// loseDisk kills a process and gives it an empty disk.
func (p *process) loseDisk() error {
	err := p.whenRunning(p.kill)
	p.w.do(func() { p.w.note("%s has lost its disk", p.name) })
	p.disk = vfs.NewCrashableMem()
	return err
}

func (p *process) onLink(do func(*link)) error {
	if p.run != nil {
		p.w.do(func() { do(p.run.link) })
	}
	return nil
}

// watch has a user watch large groups.
func (p *process) watch() {
	if p.run != nil {
		users := []string{"a", "ab", "ba"}
		p.run.emitter.Watch(users[p.w.script.IntN(len(users))])
	}
}
