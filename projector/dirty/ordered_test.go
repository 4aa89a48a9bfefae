package dirty

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
)

// TestOrdered sets keys in random order and compares with a map and a list,
// below and above the number of items that are searched one by one.
func TestOrdered(t *testing.T) {
	for n := range 4 * few {
		rng := rand.New(rand.NewPCG(uint64(n), 1))
		var o Ordered[string, int]
		var order []string
		want := map[string]int{}
		for range 4 * n {
			k := fmt.Sprint(rng.IntN(n))
			if _, ok := want[k]; !ok {
				order = append(order, k)
			}
			want[k]++
			*o.At(k)++
		}
		var keys []string
		got := map[string]int{}
		for k, v := range o.All() {
			keys = append(keys, k)
			got[k] = *v
		}
		if !slices.Equal(order, keys) || !maps.Equal(want, got) || o.Len() != len(want) {
			t.Fatalf("%d keys: %v in the order %v, not %v in the order %v", n, got, keys, want, order)
		}
		for k, v := range want {
			if o.Get(k) != v {
				t.Fatalf("%q is %d, not %d", k, o.Get(k), v)
			}
		}
		if o.Get("none") != 0 || o.Len() != len(want) {
			t.Fatal("a key that was only asked for is there")
		}
	}
}
