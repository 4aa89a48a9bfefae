package fold

import "fmt"

// Broken is what a broken invariant panics with: the rows say something that
// no log can have led to. Whoever gives out rows turns it into an error,
// as with a row that can't be read. See [Reader].
type Broken struct {
	Row  Key // the conversation, or the group's log, that it is about
	What string
}

// Break ends whatever reads or changes rows.
func Break(row Key, format string, args ...any) {
	panic(Broken{row, fmt.Sprintf(format, args...)})
}

// less takes one off a number that a row says is not 0.
func less(n *uint64, row Key, what string) {
	if *n == 0 {
		Break(row, "%s would be less than none", what)
	}
	*n--
}
