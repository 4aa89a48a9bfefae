package row_test

import "reddot/projector/fold"

// threads draws what a log knows of its threads.
func (d dice) threads(l *fold.Log) {
	var t fold.LogThreads
	if d.coin() {
		t.Order, t.Version, t.Threaded = d.seq(), d.seq(), d.set()
	}
	if l.Last.Thread && d.coin() {
		t.Main = d.last()
		t.Main.Thread = false
	}
	if d.coin() {
		l.MainVersion = d.seq()
	}
	if l.Counted, t.Apart = l.Head.Ord, d.set(); t.Apart.Tail != nil {
		l.Counted, t.ApartVersion, t.All = fold.Ord(d.uint()), d.seq(), d.set()
	}
	if t != (fold.LogThreads{}) {
		l.Threads = &t
	}
}

func (d dice) last() fold.Last {
	return fold.Last{ID: d.id(), From: d.id(), At: d.time(), Seq: d.seq(), Pos: max(fold.Pos(d.uint()), 1), Revoked: d.coin(), Thread: true}
}

func (d dice) thread() *fold.Thread {
	t := &fold.Thread{Answered: d.coin(), In: d.set(), Ap: d.set(), Recalls: d.recalls()}
	if d.coin() {
		t.Last, t.Order, t.Version = d.last(), d.seq(), d.seq()
	}
	for len(t.Newest) < 2 && d.coin() {
		t.Newest = append(t.Newest, fold.Posted{Ord: fold.Ord(d.uint()), From: d.id(), Seq: d.seq()})
	}
	if d.coin() {
		t.Peer = fold.PeerMark{Pos: max(fold.Pos(d.uint()), 1), ID: d.id()}
	}
	return t
}

func (d dice) recalls() (all []fold.Recall) {
	for d.coin() {
		r := fold.Recall{Ord: fold.Ord(d.uint()), From: d.id(), Seq: d.seq()}
		if d.coin() {
			r.Thread, r.Apart = d.id(), d.coin()
		}
		for d.coin() {
			r.Except = append(r.Except, d.id())
		}
		for d.coin() {
			r.Only = append(r.Only, d.id())
		}
		all = append(all, r)
	}
	return all
}

func (d dice) mark() fold.Mark {
	m := fold.Mark{Cursor: d.cursor(), Seq: d.seq(), Set: d.coin()}
	if m.Set {
		m.At = d.time()
	}
	return m
}

func (d dice) timeline(thread string) *fold.Timeline {
	t := &fold.Timeline{Thread: thread, Following: d.coin(), Muted: d.coin(), Own: d.coin(), Version: d.seq()}
	if t.Following {
		t.From = fold.Ord(d.uint())
	} else if d.coin() {
		t.Left = d.seq()
	}
	if t.Own {
		t.Read = d.mark()
	}
	if d.coin() {
		t.Receipt = &fold.Receipt{Upto: d.id(), Pos: fold.Pos(d.uint()), At: d.time(), Seq: d.seq()}
	}
	return t
}
