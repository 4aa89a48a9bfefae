package bench

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

const (
	// childEnd is how long a child may take to end when asked to; then it is
	// killed.
	childEnd = 30 * time.Second
	// keptStderr is the bytes of a child's log that are kept, to tell why it
	// ended.
	keptStderr = 4 << 10
)

// child is this program in a process of its own. It does not outlive the
// benchmark where the system knows how to say so (Linux).
type child struct {
	cmd    *exec.Cmd
	lines  chan string // of its standard output; closed at its end
	stderr lastBytes
	exited chan struct{} // closed at its end
	err    error         // how it ended; valid once exited is closed
	asked  atomic.Bool   // it was asked to end
}

// start starts this program with other arguments.
func (b *bench) start(args ...string) (*child, error) {
	if b.cfg.Profiles != "" {
		file := fmt.Sprintf("%02d-%s.pprof", len(b.children), args[slices.Index(args, ChildCommand)+1])
		args = append([]string{ChildCommand, "profile", filepath.Join(b.cfg.Profiles, file)}, args...)
	}
	c := &child{cmd: exec.Command(b.cfg.Program, args...), lines: make(chan string, 16), exited: make(chan struct{})}
	c.cmd.SysProcAttr = bound()
	c.cmd.Env = slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "REDDOT_") }) // its flags say all
	c.cmd.Stderr = &c.stderr
	out, err := c.cmd.StdoutPipe()
	if err != nil {
		return nil, fmt.Errorf("start a part of the benchmark: %w", err)
	}
	started := make(chan error)
	go func() {
		// The system ends a child together with the thread that started it.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := c.cmd.Start()
		started <- err
		if err == nil {
			c.wait(out, b.fail)
		}
	}()
	if err := <-started; err != nil {
		return nil, fmt.Errorf("start a part of the benchmark: %w", err)
	}
	b.children = append(b.children, c)
	return c, nil
}

// wait hands the lines on until the child has ended, and calls fail if it
// should not have.
func (c *child) wait(out io.Reader, fail context.CancelCauseFunc) {
	for s := bufio.NewScanner(out); s.Scan(); {
		c.lines <- s.Text()
	}
	if c.err = c.cmd.Wait(); c.err != nil && !c.asked.Load() {
		fail(c.ended())
	}
	close(c.lines)
	close(c.exited)
}

// line waits for the next line of the child's standard output. Its end is an
// error.
func (c *child) line(ctx context.Context) (string, error) {
	select {
	case line, ok := <-c.lines:
		if !ok {
			return "", c.ended()
		}
		return line, nil
	case <-ctx.Done():
		return "", ctx.Err()
	}
}

// ended says how a child ended that should not have.
func (c *child) ended() error {
	return fmt.Errorf(`"reddot %s" ended (%v): %s`, strings.Join(c.cmd.Args[1:], " "), c.cmd.ProcessState, c.stderr.String())
}

// stop asks the child to end and waits for that.
func (c *child) stop() error {
	c.asked.Store(true)
	_ = c.cmd.Process.Signal(syscall.SIGTERM) // an error says that it has ended
	late := time.AfterFunc(childEnd, c.kill)
	defer late.Stop()
	for range c.lines { // what nobody reads must not hold it
	}
	<-c.exited
	if c.err != nil {
		return c.ended()
	}
	return nil
}

// kill ends the child as a crash would.
func (c *child) kill() {
	c.asked.Store(true)
	_ = c.cmd.Process.Kill() // an error says that it has ended
}

// peak is the most memory that the child has had resident, in bytes, 0 where
// the system does not tell.
func (c *child) peak() (int64, error) { return peakOf(strconv.Itoa(c.cmd.Process.Pid)) }

// peakOf reads the peak of a process of /proc, in bytes.
func peakOf(pid string) (int64, error) {
	status, err := os.ReadFile("/proc/" + pid + "/status")
	if errors.Is(err, os.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("read the memory of a process: %w", err)
	}
	for line := range strings.Lines(string(status)) {
		if kib, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			n, err := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(kib), " kB"), 10, 64)
			return n << 10, err
		}
	}
	return 0, nil
}

// lastBytes keeps the end of what is written.
type lastBytes struct {
	mu   sync.Mutex
	text []byte
}

// Write implements io.Writer.
func (l *lastBytes) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.text = append(l.text, p...)
	l.text = l.text[max(0, len(l.text)-keptStderr):]
	return len(p), nil
}

func (l *lastBytes) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return string(l.text)
}
