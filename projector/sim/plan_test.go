package sim

import (
	"math/rand/v2"
	"time"

	"reddot/events"
	"reddot/projector/emit"
	"reddot/projector/fold"
)

// plan is what a seed's world is like: which faults there are, so that each
// also comes alone.
type plan struct {
	commands   int
	calmly     int // of these, come when all faults have ended
	processes  int
	slowest    time.Duration // that something takes on its way
	gap        time.Duration // between two steps of the script, at most
	burst      int           // commands in one step, at most
	calm       int           // one step in so many is a fault
	flushEvery int           // batches, on average
	window     int           // of the emitters
	fanout     uint64        // the fan-out limit
	bounds     emit.Bounds   // of the emitters
	pace       fold.Pace     // of the stores; zero: the usual one
	encoding   events.Encoding
	maxMsgs    int           // of the event stream; 0: no bound
	maxAge     time.Duration // of the event stream; 0: no bound

	hostile  bool // somebody chooses the ids of messages, users and groups
	noise    bool // messages, acknowledgements and answers are lost one by one
	repeats  bool // commands are delivered that were delivered before
	rebuilds bool // stores are built beside those in use
	faults   []fault
}

// fault is something that the script does now and then, to one process or the
// server.
type fault struct {
	name string
	do   func(w *world, p *process) error
}

// maxAside is how many lists an emitter may read aside.
const maxAside = 2

// unlimited is a fan-out limit that no group here reaches, small is one that
// many do.
const unlimited, small = 1_000, 2

// newPlan draws a plan.
func newPlan(rng *rand.Rand) plan {
	often := func(perCent int) bool { return rng.IntN(100) < perCent }
	p := plan{
		commands: 20 + rng.IntN(120), processes: 1 + rng.IntN(2),
		slowest: 10 * time.Millisecond << rng.IntN(10), gap: time.Millisecond << rng.IntN(11),
		burst: 1 + rng.IntN(1+rng.IntN(20)), calm: 2 + rng.IntN(8), flushEvery: 1 + rng.IntN(20), window: []int{1, 2, 5, 20, 0}[rng.IntN(5)],
		fanout: unlimited, encoding: []events.Encoding{events.Msgpack, events.JSON}[rng.IntN(2)],
		hostile: often(50), noise: often(40), repeats: often(30), rebuilds: often(25),
	}
	if often(15) {
		p.fanout = small
	}
	if often(60) { // a backlog, lists of users, and long lists of conversations
		p.bounds = emit.Bounds{Many: 1 + rng.IntN(3), Prompt: 1 + rng.IntN(20), Bulk: 1 + rng.IntN(20), Long: 1 + rng.IntN(5), Aside: 1 + rng.IntN(maxAside)}
	}
	if often(50) { // dismissals and erasures are swept for a while
		p.pace = fold.Pace{Bulk: 1, Each: 1, Burst: uint64(1 + rng.IntN(3)), Most: 30, MostSweeps: 8}
	}
	if often(25) {
		p.maxMsgs = 1 + rng.IntN(60)
	}
	if often(15) {
		p.maxAge = time.Second << rng.IntN(6)
	}
	if p.maxMsgs > 0 || p.maxAge > 0 { // a real stream holds far more than a window
		p.window = 1 + rng.IntN(5)
	}
	p.calmly = min(p.commands/4, 20)
	if often(10) {
		return p // a quiet world
	}
	if often(25) {
		p.rivals(rng)
		return p
	}
	for _, f := range faults {
		if often(40) {
			p.faults = append(p.faults, f)
		}
	}
	return p
}

// rivals makes it a plan in which two emitters take over from each other again and
// again, while what each has sent is held up: that is what the fence is for.
func (p *plan) rivals(rng *rand.Rand) {
	p.commands, p.processes, p.window, p.calm = 100+rng.IntN(100), 2, 2+rng.IntN(3), 2
	p.maxMsgs, p.maxAge, p.fanout, p.bounds, p.pace = 0, 0, unlimited, emit.Bounds{}, fold.Pace{}
	p.gap, p.burst, p.slowest = 500*time.Millisecond<<rng.IntN(3), 5+rng.IntN(10), 40*time.Millisecond<<rng.IntN(4)
	p.faults = []fault{
		{"start", func(_ *world, p *process) error { return p.restart() }},
		{"hold up", func(w *world, p *process) error {
			return p.onLink(func(l *link) { l.stall(w.script.between(emit.DefaultTakeover, 2*emit.DefaultTakeover)) })
		}},
	}
	if rng.IntN(4) == 0 { // between a look at the stream's end and the fence, too
		p.faults = append(p.faults, fault{"forge", func(w *world, _ *process) error {
			w.do(func() { w.forgeOn(w.script.between(time.Millisecond, 8*time.Second), 40*time.Millisecond) })
			return nil
		}})
	}
}

// faults are all that the script can do. A fault does nothing where it can't
// be done.
var faults = []fault{
	{"kill", func(_ *world, p *process) error { return p.whenRunning(p.kill) }},
	{"stop", func(_ *world, p *process) error { return p.whenRunning(p.stop) }},
	{"start", func(_ *world, p *process) error { return p.restart() }},
	{"start again", func(_ *world, p *process) error { return p.restart() }}, // as often as the others end it
	{"copy the disk", func(_ *world, p *process) error { p.keepDisk(); return nil }},
	{"set back", func(_ *world, p *process) error { return p.setBack() }},
	{"lose the disk", func(_ *world, p *process) error { return p.loseDisk() }},
	{"cut", func(w *world, p *process) error { return p.onLink(w.cutLink) }},
	{"cut again", func(w *world, p *process) error { return p.onLink(w.cutLink) }},
	{"stall", func(w *world, p *process) error {
		return p.onLink(func(l *link) { l.stall(w.script.between(time.Millisecond, 12*time.Second)) })
	}},
	{"server restart", func(w *world, _ *process) error { w.do(w.stopServer); return nil }},
	{"refuse", func(w *world, _ *process) error { w.do(w.refuse); return nil }},
	{"forge", func(w *world, _ *process) error { w.do(w.forge); return nil }},
	{"purge", func(w *world, _ *process) error { w.do(w.purge); return nil }},
	{"delete the events", func(w *world, _ *process) error { w.do(w.deleteEvents); return nil }},
	{"hole", func(w *world, p *process) error { w.do(func() { w.tearHole(p) }); return nil }},
	{"watch", func(w *world, p *process) error { p.watch(); return nil }},
}
