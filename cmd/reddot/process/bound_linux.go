package process

import "syscall"

// bound makes a process end with the one that started it, however that ends, and
// keeps the terminal's signals from it: it is ended in order.
func bound() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}
