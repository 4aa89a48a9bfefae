package testkit

import (
	"reflect"

	"github.com/google/go-cmp/cmp"
)

// Diff is cmp.Diff for what is compared very often and hardly ever differs: deeply equal
// values cost little. Options may only make more values equal, not fewer.
func Diff(want, got any, options ...cmp.Option) string {
	if reflect.DeepEqual(want, got) {
		return ""
	}
	return cmp.Diff(want, got, options...)
}
