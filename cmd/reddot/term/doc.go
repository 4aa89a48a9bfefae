// Package term is how the program talks to people: standard error with a
// progress bar on its last line, tables, and numbers, times and ids as people
// read them. It knows nothing of what is shown.
//
// # Standard error
//
// A [Console] is standard error. Whatever is written to it, as lines of the log,
// stands above the bar that a [Progress] draws:
//
//	bar := term.StartBar(console, "commands exported", total)
//	for ... { bar.Set(done) }
//	bar.Finish(err == nil)
//
// Where there is no terminal a line says now and then how far it is. A [Bar]
// counts one thing; anything else that knows how far it is can be a [Gauge].
//
// # Standard output
//
// A [Table] aligns columns by the cells' width on a terminal, wide characters
// and emoji included. Ids may hold anything but NUL, so each goes through
// [Printable]: what could move the cursor or pass for another column is quoted.
package term
