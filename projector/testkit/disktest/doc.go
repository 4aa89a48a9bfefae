// Package disktest has file systems in memory that fail as disks do: [Crashes]
// takes a copy of what a crash of the machine leaves before every write, and [Full]
// fails writes. Only tests import it.
package disktest
