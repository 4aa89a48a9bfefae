package heap

import "runtime/metrics"

// use is what the process's memory is used for, in bytes, as the soft limit counts it.
type use struct {
	live     int64 // what the last collection has left in the heap
	pointers int64 // what the last collection looked through, as it may have pointers
	other    int64 // what is not in the heap: stacks, and the runtime's own
}

// measure asks the runtime.
func measure() use {
	s := [...]metrics.Sample{
		{Name: "/gc/heap/live:bytes"},
		{Name: "/gc/scan/heap:bytes"},
		{Name: "/memory/classes/total:bytes"},
		{Name: "/memory/classes/heap/objects:bytes"},
		{Name: "/memory/classes/heap/unused:bytes"},
		{Name: "/memory/classes/heap/free:bytes"},
		{Name: "/memory/classes/heap/released:bytes"},
	}
	metrics.Read(s[:])
	n := func(i int) int64 { return int64(s[i].Value.Uint64()) }
	return use{live: n(0), pointers: n(1), other: n(2) - n(3) - n(4) - n(5) - n(6)}
}

// limit is the soft limit: it leaves room for garbage in percent of what a collection has
// to look through, but some in any case, for less would cost more than it saves.
func (u use) limit(least, percent int64) int64 {
	garbage := max(least/room, u.pointers*percent/100)
	return max(least, (u.live+garbage+u.other+step-1)/step*step)
}
