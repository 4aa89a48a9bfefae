package dirty

import "iter"

// Ordered is a map that is walked in the order in which its keys came, so that
// the same commands give the same events in the same order. The zero value is
// empty.
type Ordered[K comparable, V any] struct {
	items []item[K, V]
	index map[K]int // nil while items are few
}

type item[K comparable, V any] struct {
	key   K
	value V
}

// few is up to how many items are searched one by one.
const few = 8

func (o *Ordered[K, V]) find(k K) (i int, ok bool) {
	if o.index != nil {
		i, ok = o.index[k]
		return i, ok
	}
	for i := range o.items {
		if o.items[i].key == k {
			return i, true
		}
	}
	return 0, false
}

// At returns the value of a key, a zero one if the key is new. It is good until
// the next call with a new key.
func (o *Ordered[K, V]) At(k K) *V {
	i, ok := o.find(k)
	if !ok {
		i = len(o.items)
		o.items = append(o.items, item[K, V]{key: k})
		o.enter(i)
	}
	return &o.items[i].value
}

// enter indexes the last item.
func (o *Ordered[K, V]) enter(last int) {
	switch {
	case o.index != nil:
		o.index[o.items[last].key] = last
	case last == few:
		o.index = make(map[K]int, 2*few)
		for i := range o.items {
			o.index[o.items[i].key] = i
		}
	}
}

// Get returns the value of a key, or a zero one.
func (o *Ordered[K, V]) Get(k K) (v V) {
	if i, ok := o.find(k); ok {
		v = o.items[i].value
	}
	return v
}

func (o *Ordered[K, V]) Len() int { return len(o.items) }

func (o *Ordered[K, V]) All() iter.Seq2[K, *V] {
	return func(yield func(K, *V) bool) {
		for i := range o.items {
			if !yield(o.items[i].key, &o.items[i].value) {
				return
			}
		}
	}
}
