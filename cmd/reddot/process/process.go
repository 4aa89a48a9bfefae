// Package process runs this program in processes of its own, which benchmarks and
// drills drive: measure, stop, kill and start again.
package process

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// endWait is how long a process may take to end when asked to; then it is killed.
const endWait = 30 * time.Second

// keptLines are the lines of standard output that may wait to be read.
const keptLines = 16

// Config says what to start.
type Config struct {
	Program string
	Args    []string
	Kept    int // bytes of the end of its standard error that are kept, which say why it ended

	// Failed is called if it ends unasked, and not well; may be nil.
	Failed func(error)
}

// Process is a program that was started. It does not outlive this process where the
// system knows how to say so (Linux).
type Process struct {
	cfg    Config
	cmd    *exec.Cmd
	lines  chan string // of its standard output; closed at its end
	stderr lastBytes
	exited chan struct{} // closed at its end
	err    error         // how it ended; valid once exited is closed
	asked  atomic.Bool   // it was asked to end
}

// Start starts a program. Of the environment it does not see what is reddot's: its
// flags say all.
func Start(cfg Config) (*Process, error) {
	p := &Process{cfg: cfg, cmd: exec.Command(cfg.Program, cfg.Args...), lines: make(chan string, keptLines), exited: make(chan struct{})}
	p.stderr.most = cfg.Kept
	p.cmd.SysProcAttr = bound()
	p.cmd.Env = slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "REDDOT_") })
	p.cmd.Stderr = &p.stderr
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, fmt.Errorf("start %s: %w", p, err)
	}
	started := make(chan error)
	go func() {
		// The system ends a child together with the thread that started it.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := p.cmd.Start()
		started <- err
		if err == nil {
			p.wait(out)
		}
	}()
	if err := <-started; err != nil {
		return nil, fmt.Errorf("start %s: %w", p, err)
	}
	return p, nil
}

// String is the command line.
func (p *Process) String() string { return `"reddot ` + strings.Join(p.cfg.Args, " ") + `"` }

// wait hands the lines on until the process has ended.
func (p *Process) wait(out io.Reader) {
	for s := bufio.NewScanner(out); s.Scan(); {
		p.lines <- s.Text()
	}
	if p.err = p.cmd.Wait(); p.err != nil && !p.asked.Load() && p.cfg.Failed != nil {
		p.cfg.Failed(p.ended())
	}
	close(p.lines)
	close(p.exited)
}

// Line waits for the next line of its standard output. Its end is an error.
func (p *Process) Line(ctx context.Context) (string, error) {
	select {
	case line, ok := <-p.lines:
		if !ok {
			return "", p.ended()
		}
		return line, nil
	case <-ctx.Done():
		return "", ctx.Err()
	}
}

// ended says how it ended.
func (p *Process) ended() error {
	return fmt.Errorf("%s ended (%v): %s", p, p.cmd.ProcessState, p.stderr.String())
}

// Exited is closed at its end.
func (p *Process) Exited() <-chan struct{} { return p.exited }

// Signal sends a signal; after its end it does nothing.
func (p *Process) Signal(s syscall.Signal) {
	_ = p.cmd.Process.Signal(s) // an error says that it has ended
}

// Stop asks it to end and waits for that. An end with another exit code than 0 is
// an error.
func (p *Process) Stop() error {
	p.asked.Store(true)
	p.Signal(syscall.SIGTERM)
	late := time.AfterFunc(endWait, p.kill)
	defer late.Stop()
	p.drain()
	if p.err != nil {
		return p.ended()
	}
	return nil
}

// Kill ends it as a crash would, also while it is stopped, and waits for that.
func (p *Process) Kill() {
	p.kill()
	p.drain()
}

func (p *Process) kill() {
	p.asked.Store(true)
	_ = p.cmd.Process.Kill() // an error says that it has ended
}

// drain waits for its end: what nobody reads must not hold it.
func (p *Process) drain() {
	for range p.lines {
	}
	<-p.exited
}

// Log is the end of its standard error.
func (p *Process) Log() string { return p.stderr.String() }

// Peak is the most memory that it has had resident, in bytes, 0 where the system
// does not say.
func (p *Process) Peak() (int64, error) { return PeakOf(strconv.Itoa(p.cmd.Process.Pid)) }

// Resident is the memory that it has resident now, in bytes, 0 where the system does not
// say.
func (p *Process) Resident() (int64, error) {
	return memoryOf(strconv.Itoa(p.cmd.Process.Pid), "VmRSS:")
}

// PeakOf is the Peak of a process of /proc: a number, or self.
func PeakOf(pid string) (int64, error) { return memoryOf(pid, "VmHWM:") }

// memoryOf reads one of the lines that /proc has about a process's memory.
func memoryOf(pid, name string) (int64, error) {
	status, err := os.ReadFile("/proc/" + pid + "/status")
	if errors.Is(err, os.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("read the memory of a process: %w", err)
	}
	for line := range strings.Lines(string(status)) {
		if kib, ok := strings.CutPrefix(line, name); ok {
			n, err := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(kib), " kB"), 10, 64)
			return n << 10, err
		}
	}
	return 0, nil
}

// lastBytes keeps the end of what is written.
type lastBytes struct {
	most int
	mu   sync.Mutex
	text []byte
}

// Write implements io.Writer.
func (l *lastBytes) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.text = append(l.text, p...)
	l.text = l.text[max(0, len(l.text)-l.most):]
	return len(p), nil
}

func (l *lastBytes) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return string(l.text)
}
