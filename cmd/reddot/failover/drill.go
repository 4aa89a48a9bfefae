package failover

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"reddot/api/client"
	"reddot/events"
)

// Config configures a Drill.
type Config struct {
	Program string           // path of reddot, which is also the servers of the cluster, see NodeCommand
	Dir     string           // data is kept in a folder below it and removed at the end; empty: that of temporary files
	Seed    uint64           // decides which commands are drawn
	Rate    int              // of commands, a second; 200 if zero
	Report  func(did string) // is called with what is done; may be nil
}

// Drill is a cluster and two reddots on it. It is for one goroutine.
type Drill struct {
	cfg      Config
	dir      string
	subjects events.Subjects
	nodes    *nodes
	reddots  [reddotCount]*reddot
	conn     *nats.Conn // of the drill itself
	client   *client.Client
	js       jetstream.JetStream
	load     *load
	receiver *receiver
	stored   *record  // of the event stream, as far as it was read
	read     uint64   // sequence up to where
	fresh    []uint64 // sequences of the events that were read last
}

// Bounds of what is waited for: generous, as a slow machine is no fault.
const (
	requestWait = 5 * time.Second
	steadyWait  = time.Minute // until all is well, or has come as far as it should
	lookEvery   = 50 * time.Millisecond

	// A question may never be answered by one of two reddots: it is asked again after a
	// short while, which grows.
	answerWait     = 25 * time.Millisecond
	mostAnswerWait = time.Second
)

// Start starts the cluster and both reddots at the same moment. Close must be
// called, also after an error.
func Start(ctx context.Context, cfg Config) (*Drill, error) {
	d := &Drill{cfg: cfg, stored: newRecord()}
	d.cfg.Rate = cmp.Or(d.cfg.Rate, usualRate)
	err := d.start(ctx)
	if err != nil {
		err = fmt.Errorf("start: %w", err)
	}
	return d, err
}

func (d *Drill) start(ctx context.Context) (err error) {
	if d.dir, err = os.MkdirTemp(d.cfg.Dir, "reddot-drill-"); err != nil {
		return fmt.Errorf("create a folder for the data: %w", err)
	}
	if d.subjects, err = events.NewSubjects(events.DefaultPrefix); err != nil {
		return err
	}
	if d.nodes, err = startNodes(ctx, d.cfg.Program, d.dir); err != nil {
		return err
	}
	if d.receiver, err = receive(); err != nil {
		return err
	}
	hooks := filepath.Join(d.dir, "webhooks.json")
	if err := d.receiver.configure(hooks); err != nil {
		return fmt.Errorf("name who takes webhooks: %w", err)
	}
	for i := range d.reddots {
		name := fmt.Sprintf("reddot%d", i+1)
		d.reddots[i] = &reddot{name: name, program: d.cfg.Program, args: []string{
			"serve", "--data", filepath.Join(d.dir, name), "--nats", d.nodes.URLs(), "--replicas", strconv.Itoa(nodeCount), "--http", "127.0.0.1:0", "--webhooks", hooks,
		}}
		if err := d.reddots[i].begin(); err != nil {
			return err
		}
	}
	d.report("three servers, and two reddots at the same moment")
	for _, r := range d.reddots {
		if err := r.ready(ctx); err != nil {
			return err
		}
	}
	d.report("both are ready")
	if d.conn, err = d.nodes.connect("itself", 0); err != nil {
		return err
	}
	if d.js, err = jetstream.New(d.conn); err != nil {
		return err
	}
	if d.client, err = client.New(d.conn, client.Options{}); err != nil {
		return err
	}
	conn, err := d.nodes.connect("back end", 1)
	if err != nil {
		return err
	}
	if d.load, err = newLoad(conn, d.subjects, d.cfg.Seed, d.cfg.Rate); err != nil {
		return err
	}
	return d.steady(ctx)
}

func (d *Drill) report(format string, v ...any) {
	if d.cfg.Report != nil {
		d.cfg.Report(fmt.Sprintf(format, v...))
	}
}

// steady waits until every server has all of the streams and both reddots are ready.
func (d *Drill) steady(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, steadyWait)
	defer cancel()
	for {
		err := d.unsteady(ctx)
		if err == nil {
			return nil
		}
		if late := pause(ctx, lookEvery); late != nil {
			return fmt.Errorf("not all is well: %w", err)
		}
	}
}

func (d *Drill) unsteady(ctx context.Context) error {
	webhooks := strings.TrimSuffix(d.subjects.EventStream(), "_EVENTS") + "_WEBHOOKS"
	for _, name := range []string{d.subjects.CommandStream(), d.subjects.EventStream(), webhooks} {
		asking, cancel := context.WithTimeout(ctx, requestWait)
		s, err := d.js.Stream(asking, name)
		cancel()
		if err != nil {
			return fmt.Errorf("look at %s: %w", name, err)
		}
		if !replicated(s.CachedInfo()) {
			return fmt.Errorf("not all servers have all of %s", name)
		}
	}
	for _, r := range d.reddots {
		if err := r.unready(ctx); err != nil {
			return err
		}
	}
	return nil
}

// pause waits for a time.
func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Close ends everything and removes the data.
func (d *Drill) Close() error {
	if d.load != nil {
		if d.load.quit != nil {
			d.load.quit()
		}
		d.load.conn.Close()
	}
	if d.conn != nil {
		d.conn.Close()
	}
	for _, r := range d.reddots {
		if r != nil && r.running != nil {
			r.running.Kill()
		}
	}
	if d.nodes != nil {
		d.nodes.kill()
	}
	if d.receiver != nil {
		d.receiver.close()
	}
	if d.dir == "" {
		return nil
	}
	return os.RemoveAll(d.dir)
}

// KeepLogs writes the ends of the logs of all processes into a file in a folder, or
// in that of temporary files, and returns its path.
func (d *Drill) KeepLogs(dir string) (path string, err error) {
	f, err := os.CreateTemp(dir, "reddot-drill-*.log")
	if err != nil {
		return "", fmt.Errorf("keep the logs: %w", err)
	}
	_, err = f.WriteString(d.Logs())
	if err = errors.Join(err, f.Close()); err != nil {
		return "", fmt.Errorf("keep the logs: %w", err)
	}
	return f.Name(), nil
}

// Logs are the ends of the logs of all processes.
func (d *Drill) Logs() string {
	var all strings.Builder
	for _, r := range d.reddots {
		if r != nil && r.running != nil {
			fmt.Fprintf(&all, "== %s\n%s", r.name, r.running.Log())
		}
	}
	if d.nodes == nil {
		return all.String()
	}
	for i, p := range d.nodes.running {
		if p != nil {
			fmt.Fprintf(&all, "== %s\n%s", d.nodes.Server(i), p.Log())
		}
	}
	return all.String()
}
