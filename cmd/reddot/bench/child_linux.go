package bench

import "syscall"

// bound makes a child end with the benchmark, however that ends, and keeps the
// terminal's signals from it: the benchmark ends it in order.
func bound() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}
