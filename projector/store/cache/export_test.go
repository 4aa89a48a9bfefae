package cache

// Wait waits until a filling that is under way is over.
func (f *Filter) Wait() {
	if f.next != nil {
		<-f.next.done
	}
}

// Tighten makes the filter too small for the keys that it holds.
func (f *Filter) Tighten() { f.size = min(f.size, f.count.Load()/2) }

// Filling reports whether a filling is under way.
func (f *Filter) Filling() bool { return f.next != nil }

// Count is how many keys the filter holds, Size for how many it is.
func (f *Filter) Count() uint64 { return f.count.Load() }
func (f *Filter) Size() uint64  { return f.size }

const Largest, Classes = largest, classes

var ClassOf, SizeOf = classOf, sizeOf

// Bytes is what a cache's memory takes.
func (c *Rows) Bytes() (n int) {
	for _, g := range []*generation{c.young, c.old} {
		n += 8 * len(g.slots)
		for _, slab := range g.slabs {
			n += cap(slab)
		}
	}
	return n
}
