package main_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"reddot/events"
	"reddot/projector/fold"
	"reddot/projector/log"
	stores "reddot/projector/store"
	"reddot/projector/store/generation"
	"reddot/projector/testkit"
	"reddot/projector/twin"
)

// operator is who keeps a server, with the program's own commands.
type operator struct {
	t       *testing.T
	program program
	dir     string
	args    []string // of serve
	server  *child   // nil while it is down
	seed    uint64
	drawn   *twin.Generator
}

// operate starts a server in a folder of its own. No snapshot is taken but on
// request, unless the arguments say so.
func operate(t *testing.T, p program, args ...string) *operator {
	t.Helper()
	o := &operator{t: t, program: p, dir: t.TempDir(), args: append([]string{"--snapshot-every", "0", "--snapshot-interval", "0"}, args...), seed: testkit.Seed(t)}
	o.drawn = twin.NewGenerator(o.seed, twin.Config{Users: 12, Groups: 3})
	o.start()
	return o
}

func (o *operator) start(args ...string) {
	o.t.Helper()
	o.server = o.program.serve(o.t, o.dir, append(args, o.args...)...)
}

func (o *operator) stop() {
	o.t.Helper()
	o.server.terminate(o.t)
	o.server = nil
}

// refuses starts a server that does not come up.
func (o *operator) refuses(args ...string) result {
	o.t.Helper()
	args = append(args, o.args...)
	r := o.program.run(o.t, nil, append([]string{"serve", "--data", o.dir, "--listen", "127.0.0.1:0", "--http", "127.0.0.1:0", "--log-level", "error"}, args...)...)
	if i := strings.LastIndex(r.stderr, "reddot: "); i > 0 { // after what it has logged
		r.stderr = r.stderr[i:]
	}
	return r
}

// run runs a client command, which is told where the server and its data are.
func (o *operator) run(args ...string) result {
	o.t.Helper()
	switch args[0] {
	case "verify", "trim", "show", "explain":
		args = append(args, "--data", o.dir)
	case "snapshot":
		if args[1] != "create" {
			args = append(args, "--data", o.dir)
		}
	}
	if o.server != nil {
		args = append(args, "--server", o.server.nats)
	}
	return o.program.run(o.t, nil, args...)
}

// publish publishes drawn commands and returns the last seq.
func (o *operator) publish(n int) events.Seq {
	o.t.Helper()
	var text strings.Builder
	var c events.Command
	for range n {
		o.drawn.Next(&c)
		payload, err := events.EncodeJSON(&c)
		if err != nil {
			o.t.Fatal(err)
		}
		fmt.Fprintf(&text, "{\"subject\":%q,\"payload\":%s}\n", subjects(o.t).Command(events.Target{Verb: c.Verb, Inbox: c.Inbox}), payload)
	}
	var out struct {
		LastSeq events.Seq `json:"last_seq"`
	}
	r := o.program.run(o.t, strings.NewReader(text.String()), "publish", "--wait", "--json", "--server", o.server.nats)
	if err := json.Unmarshal([]byte(r.stored(o.t)), &out); err != nil {
		o.t.Fatal(err)
	}
	return out.LastSeq
}

func (o *operator) status() events.Status {
	o.t.Helper()
	var s events.Status
	if err := json.Unmarshal([]byte(o.run("status", "--json").done(o.t)), &s); err != nil {
		o.t.Fatal(err)
	}
	return s
}

// snapshot takes one and returns its seq.
func (o *operator) snapshot() events.Seq {
	o.t.Helper()
	var s events.Snapshot
	if err := json.Unmarshal([]byte(o.run("snapshot", "create", "--json").done(o.t)), &s); err != nil {
		o.t.Fatal(err)
	}
	return s.Seq
}

// snapshots are the ids of those that are there, the newest first.
func (o *operator) snapshots(args ...string) (ids []string) {
	o.t.Helper()
	for line := range strings.Lines(o.run(append([]string{"snapshot", "list", "--json"}, args...)...).done(o.t)) {
		var s struct{ ID string }
		if err := json.Unmarshal([]byte(line), &s); err != nil {
			o.t.Fatal(err)
		}
		ids = append(ids, s.ID)
	}
	return ids
}

// users are all that the log names.
func (o *operator) users() []string {
	o.t.Helper()
	return replay(o.t, connect(o.t, o.server.nats)).model.Users()
}

// log is the server's log.
func (o *operator) log() *log.Log {
	o.t.Helper()
	l, err := log.Find(o.t.Context(), jetStream(o.t, connect(o.t, o.server.nats)), subjects(o.t), slog.New(slog.DiscardHandler))
	if err != nil {
		o.t.Fatal(err)
	}
	return l
}

// takenIn is when the log has taken a command in.
func (o *operator) takenIn(seq events.Seq) time.Time {
	o.t.Helper()
	at, err := o.log().TimeOf(o.t.Context(), seq)
	if err != nil {
		o.t.Fatal(err)
	}
	return at
}

// forge folds the log with another content of some command into a store and
// gives that to the server, which is restarted.
func (o *operator) forge(change func(*stores.Entry)) {
	o.t.Helper()
	log := o.log()
	_, last, err := log.Range(o.t.Context())
	if err != nil {
		o.t.Fatal(err)
	}
	made := filepath.Join(o.t.TempDir(), "forged")
	s, err := stores.Open(stores.Config{Dir: made, Identity: log.Identity()})
	if err != nil {
		o.t.Fatal(err)
	}
	s.SetEmitted(last)
	var fx fold.Effects
	err = log.ReadTo(o.t.Context(), 0, last, func(e *stores.Entry) error {
		change(e)
		return s.Apply(e, &fx)
	})
	if err == nil {
		_, err = s.Commit()
	}
	if err = errors.Join(err, s.Close()); err != nil {
		o.t.Fatal(err)
	}
	o.stop()
	o.putStore(made)
	o.start()
}

// putStore puts a store's folder in the place of the one in use.
func (o *operator) putStore(made string) {
	o.t.Helper()
	folder, err := generation.Open(nil, filepath.Join(o.dir, "store"))
	if err != nil {
		o.t.Fatal(err)
	}
	path, err := folder.New()
	if err != nil {
		o.t.Fatal(err)
	}
	if err := os.CopyFS(path, os.DirFS(made)); err != nil {
		o.t.Fatal(err)
	}
	if err := folder.Use(path); err != nil {
		o.t.Fatal(err)
	}
}

// reports checks that a run failed with a last line that has the words.
func (r result) reports(t *testing.T, words ...string) {
	t.Helper()
	lines := strings.SplitAfter(strings.TrimSuffix(r.stderr, "\n"), "\n")
	r.stderr = lines[len(lines)-1] + "\n"
	r.failed(t, 1, words...)
}

// clean checks that no scratch store is left.
func (o *operator) clean() {
	o.t.Helper()
	entries, err := os.ReadDir(filepath.Join(o.dir, "scratch"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		o.t.Fatal(err)
	}
	for _, e := range entries {
		if e.Name() != "serve" {
			o.t.Errorf("scratch/%s is left", e.Name())
		}
	}
}

// interrupt runs a command line and interrupts it after a while. It has ended
// well before, or says that it was interrupted; it leaves nothing behind.
func (o *operator) interrupt(after time.Duration, args ...string) {
	o.t.Helper()
	var stderr bytes.Buffer
	if o.server != nil {
		args = append(args, "--server", o.server.nats)
	}
	cmd := exec.Command(o.program.path, args...)
	cmd.Stderr = &stderr
	if err := cmd.Start(); err != nil {
		o.t.Fatal(err)
	}
	<-time.After(after)
	_ = cmd.Process.Signal(os.Interrupt) // it may have ended
	_ = cmd.Wait()                       // what it says is in ProcessState
	if code := cmd.ProcessState.ExitCode(); code > 0 && (code != 1 || !strings.HasSuffix(stderr.String(), "reddot: interrupted\n")) {
		o.t.Errorf("%v, interrupted after %v, ends with %s: %s", args, after, cmd.ProcessState, stderr.String())
	}
	o.clean()
}
