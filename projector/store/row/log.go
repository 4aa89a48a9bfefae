package row

import (
	"encoding/binary"

	"reddot/events"
	"reddot/projector/fold"
)

func appendSet(b []byte, s *fold.Set) []byte {
	b = binary.AppendUvarint(b, s.TailNo)
	b = binary.AppendUvarint(b, s.Stored)
	return appendBits(b, s.Tail)
}

func (d *Decoder) set() fold.Set {
	s := fold.Set{TailNo: d.Uint(), Stored: d.Uint()}
	s.Tail = d.bits()
	return s
}

// A log begins with flags, a varint, that say which of its parts follow. Its
// unfinished page follows the parts that it spares: the newest message, and in
// a time block's first page the times.
const (
	logRevoked = 1 << iota
	logAll
	logMembers
	logRecalls
	logLastApart   // the last message that shows is not the newest, and not in the unfinished page
	logLastRevoked // it was recalled
	logGreatest    // it is not the latest of the unfinished time block
	logDismissed
	logPurged
	logPurges
	logThreads
	logThreaded
	logLastThread // the last message that shows is a thread's
	logMain       // and there is one before it in the main timeline
	logMainRevoked
	logMainVersion
	logApart
	logAllAp
	logFlagsEnd
)

// lastIsNewest reports whether the newest message shows.
func lastIsNewest(l *fold.Log) bool { return l.Head.Pos > 0 && l.Last.Pos == l.Head.Pos }

// firstInTail is the position of the first message of the unfinished page.
func firstInTail(head fold.Pos) fold.Pos { return head - fold.Pos(InTail(head)) + 1 }

func logFlags(l *fold.Log) (flags uint64) {
	set := func(on bool, flag uint64) {
		if on {
			flags |= flag
		}
	}
	t := l.OfThreads()
	set(l.Revoked.Tail != nil, logRevoked)
	set(l.All.Tail != nil, logAll)
	set(l.Peak > 0, logMembers)
	set(len(l.Recalls) > 0, logRecalls)
	set(l.Dismissed > 0, logDismissed)
	set(l.Purged.Pos > 0, logPurged)
	set(len(l.Purges) > 0, logPurges)
	set(l.Head.Pos > 0 && !lastIsNewest(l) && l.Last.Pos < firstInTail(l.Head.Pos), logLastApart)
	set(l.Last.Revoked, logLastRevoked)
	set(l.Head.Pos > 0 && !tailHasBlock(l.Head.Pos) && (!lastIsNewest(l) || l.Last.At != l.Block.Greatest), logGreatest)
	set(t.Order+t.Version > 0, logThreads)
	set(t.Threaded.Tail != nil, logThreaded)
	set(l.Last.Thread, logLastThread)
	set(t.Main.Pos > 0, logMain)
	set(t.Main.Revoked, logMainRevoked)
	set(l.MainVersion > 0, logMainVersion)
	set(t.Apart.Tail != nil, logApart)
	set(t.All.Tail != nil, logAllAp)
	return flags
}

func appendLog(b []byte, l *fold.Log) []byte {
	flags := logFlags(l)
	b = binary.AppendUvarint(b, flags)
	b = appendCursor(b, l.Head)
	b = binary.AppendUvarint(b, uint64(l.Version))
	if l.Head.Pos > 0 {
		b = appendLast(b, l, flags)
		if !tailHasBlock(l.Head.Pos) {
			b = binary.AppendUvarint(b, uint64(l.Block.Least))
		}
		if flags&logGreatest != 0 {
			b = binary.AppendUvarint(b, uint64(l.Block.Greatest-l.Block.Least))
		}
		b = append(b, l.Tail...)
	}
	if flags&logRevoked != 0 {
		b = appendSet(b, &l.Revoked)
	}
	if flags&logAll != 0 {
		b = appendSet(b, &l.All)
	}
	if flags&logMembers != 0 {
		b = binary.AppendUvarint(binary.AppendUvarint(b, l.Members), l.Peak)
	}
	if flags&logRecalls != 0 {
		b = appendRecalls(b, l.Recalls)
	}
	if flags&logDismissed != 0 {
		b = binary.AppendUvarint(b, uint64(l.Dismissed))
	}
	if flags&logPurged != 0 {
		b = appendCursor(b, l.Purged)
	}
	if flags&logPurges != 0 {
		b = appendPurges(b, l.Purges)
	}
	return appendThreads(b, l, flags)
}

// appendThreads writes what a log knows of its threads.
func appendThreads(b []byte, l *fold.Log, flags uint64) []byte {
	t := l.OfThreads()
	if flags&logThreads != 0 {
		b = binary.AppendUvarint(binary.AppendUvarint(b, uint64(t.Order)), uint64(t.Version))
	}
	if flags&logThreaded != 0 {
		b = appendSet(b, &t.Threaded)
	}
	if flags&logMain != 0 {
		b = appendMessageOf(b, &t.Main)
	}
	if flags&logMainVersion != 0 {
		b = binary.AppendUvarint(b, uint64(l.MainVersion))
	}
	if flags&logApart != 0 {
		b = binary.AppendUvarint(binary.AppendUvarint(b, uint64(l.Counted)), uint64(t.ApartVersion))
		b = appendSet(b, &t.Apart)
	}
	if flags&logAllAp != 0 {
		b = appendSet(b, &t.All)
	}
	return b
}

func (d *Decoder) threads(l *fold.Log, flags uint64) {
	var t *fold.LogThreads
	if flags&(logThreads|logThreaded|logMain|logApart|logAllAp) != 0 {
		t = new(fold.LogThreads)
		l.Threads = t
	}
	if flags&logThreads != 0 {
		t.Order, t.Version = d.Seq(), d.Seq()
	}
	if flags&logThreaded != 0 {
		t.Threaded = d.set()
	}
	if flags&logMain != 0 {
		d.messageOf(&t.Main)
		t.Main.Revoked = flags&logMainRevoked != 0
	}
	if flags&logMainVersion != 0 {
		l.MainVersion = d.Seq()
	}
	if l.Counted = l.Head.Ord; flags&logApart != 0 {
		l.Counted, t.ApartVersion = fold.Ord(d.Uint()), d.Seq()
		t.Apart = d.set()
	}
	if flags&logAllAp != 0 {
		t.All = d.set()
	}
}

// appendLast writes the last message that shows, where the unfinished page does
// not say which it is.
func appendLast(b []byte, l *fold.Log, flags uint64) []byte {
	if flags&logLastApart != 0 {
		if b = binary.AppendUvarint(b, uint64(l.Last.Pos)); l.Last.Pos == 0 {
			return b
		}
	} else if InTail(l.Head.Pos) > 0 {
		return b
	}
	b = AppendString(b, l.Last.ID)
	b = AppendString(b, l.Last.From)
	b = binary.AppendUvarint(b, uint64(l.Last.At))
	return binary.AppendUvarint(b, uint64(l.Last.Seq))
}

func (d *Decoder) last(l *fold.Log, flags uint64) {
	l.Last.Pos = l.Head.Pos
	if flags&logLastApart != 0 {
		if l.Last.Pos = fold.Pos(d.Uint()); l.Last.Pos == 0 {
			return
		}
	} else if InTail(l.Head.Pos) > 0 {
		return
	}
	l.Last.ID, l.Last.From, l.Last.At, l.Last.Seq = d.String(), d.String(), d.Time(), d.Seq()
}

// log reads a log. lk is its key. It returns the position of the owner's newest
// message in the unfinished page that brings the conversation into the list.
func (d *Decoder) log(lk fold.Key, l *fold.Log) (sent fold.Pos) {
	flags := d.Uint()
	l.Head = d.cursor()
	l.Version = d.Seq()
	if l.Head.Pos > 0 {
		d.last(l, flags)
		if !tailHasBlock(l.Head.Pos) {
			l.Block.Least = d.Time()
		}
		greatest := events.Time(0)
		if flags&logGreatest != 0 {
			greatest = l.Block.Least + d.Time()
		}
		sent = d.tail(lk, l)
		switch {
		case flags&logGreatest != 0:
			l.Block.Greatest = greatest
		case !tailHasBlock(l.Head.Pos):
			l.Block.Greatest = l.Last.At
		}
	}
	l.Last.Revoked, l.Last.Thread = flags&logLastRevoked != 0, flags&logLastThread != 0
	if flags&logRevoked != 0 {
		l.Revoked = d.set()
	}
	if flags&logAll != 0 {
		l.All = d.set()
	}
	if flags&logMembers != 0 {
		l.Members, l.Peak = d.Uint(), d.Uint()
	}
	if flags&logRecalls != 0 {
		l.Recalls = d.recalls()
	}
	if flags&logDismissed != 0 {
		l.Dismissed = d.Seq()
	}
	if flags&logPurged != 0 {
		l.Purged = d.cursor()
	}
	if flags&logPurges != 0 {
		l.Purges = d.purges()
	}
	d.threads(l, flags)
	return sent
}

// tail reads the unfinished page of a log, and what follows from it.
func (d *Decoder) tail(lk fold.Key, l *fold.Log) (sent fold.Pos) {
	all, counted := d.rest, fold.Ord(0)
	first := firstInTail(l.Head.Pos)
	for i := range fold.Pos(InTail(l.Head.Pos)) {
		m := d.record(lk)
		if m.Counted {
			counted++
		}
		if !m.Hidden && !m.Apart {
			l.Last = fold.Last{ID: m.ID, From: m.From, At: m.At, Seq: m.Seq, Pos: first + i}
		}
		if lk.Kind == events.C2C && m.From == lk.User && !m.Silent && !m.Hidden && !m.Revoked {
			sent = first + i
		}
		if tailHasBlock(l.Head.Pos) {
			if i == 0 {
				l.Block = fold.Span{Least: m.At, Greatest: m.At}
			}
			l.Block = fold.Span{Least: min(l.Block.Least, m.At), Greatest: max(l.Block.Greatest, m.At)}
		}
		l.Tail = all[:len(all)-len(d.rest)]
	}
	if counted > l.Head.Ord || l.Last.Pos > 0 && l.Last.ID == "" {
		d.fail(ErrCorruptRow)
	}
	return sent
}

func appendPurges(b []byte, all []fold.Purge) []byte {
	b = binary.AppendUvarint(b, uint64(len(all)))
	for _, p := range all {
		b = binary.AppendUvarint(appendCursor(appendCursor(b, p.From), p.To), uint64(p.Seq))
	}
	return b
}

func (d *Decoder) purges() (all []fold.Purge) {
	for n := d.Uint(); n > 0 && d.err == nil; n-- {
		all = append(all, fold.Purge{From: d.cursor(), To: d.cursor(), Seq: d.Seq()})
	}
	return all
}

// EncodeLog writes the row of a group's log.
func EncodeLog(b []byte, l *fold.Log) []byte { return appendLog(append(b, Format), l) }

// DecodeLog reads what EncodeLog wrote.
func DecodeLog(key, value string) (*fold.Log, error) {
	d := NewDecoder(value)
	l := new(fold.Log)
	d.log(fold.GroupKey(key[1:]), l)
	return l, d.End()
}
