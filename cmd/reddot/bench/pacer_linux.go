package bench

import (
	"syscall"
	"time"
)

// sleep is time.Sleep, which on an idle process is late by up to a
// millisecond, but exact.
func sleep(d time.Duration) {
	t := syscall.NsecToTimespec(d.Nanoseconds())
	_ = syscall.Nanosleep(&t, nil) // a signal ends it early: the rest is waited for
}
