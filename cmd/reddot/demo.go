package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	goclient "reddot/api/client"
	"reddot/api/rest"
	"reddot/cmd/reddot/datadir"
	"reddot/cmd/reddot/demo"
	"reddot/cmd/reddot/natsconn"
	"reddot/cmd/reddot/natsserver"
	"reddot/cmd/reddot/repository"
	"reddot/cmd/reddot/server"
	"reddot/cmd/reddot/term"
)

// The bounds of --speed: slower is a still picture, faster is a load test.
const (
	slowestDemo = 0.1
	fastestDemo = 1000
)

// maxHeldLog is the bytes of log kept while the screen is drawn on; what
// comes later is dropped.
const maxHeldLog = 64 << 10

// demoConfig is the command line of demo.
type demoConfig struct {
	seed  uint64
	speed float64
	lasts time.Duration // 0 for until it is interrupted
	http  string        // HOST:PORT of the page; empty: it is shown here
}

func (a *app) demoCommand() *cobra.Command {
	var cfg demoConfig
	cmd := &cobra.Command{
		Use:     "demo",
		GroupID: groupServer,
		Short:   "Show friends chatting, and their badges, live",
		Long: `Start everything in this process, with data in a temporary folder, have a few
friends chat and show the conversation lists of two of them side by side. What
is shown is what the Go client's listeners hear. SIGINT (Ctrl-C) or SIGTERM
ends it; then the lists are compared with what the queries answer, and the exit
code is 1 if they differ.

Needs a terminal of 80 columns and 24 lines. Where standard output is no
terminal, everything that happens or is heard is printed as a line. NO_COLOR
turns colors off.

With --http the same friends are in a browser: the page has two phones on which
you can write, read, mute and mark, and pull the plug.`,
		Example: `  # watch the badges
  reddot demo

  # the same friends in another order, in a hurry
  reddot demo --seed 7 --speed 10

  # what happens, as text
  reddot demo --speed 20 --for 10s | cat

  # in a browser
  reddot demo --http 127.0.0.1:8480`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if !(cfg.speed >= slowestDemo && cfg.speed <= fastestDemo) { // NaN, too
				return usagef("--speed %v: use %v to %v", cfg.speed, slowestDemo, fastestDemo)
			}
			if cmd.Flags().Changed("for") && cfg.lasts <= 0 {
				return usagef("--for %v: use a time above 0, or leave it out", cfg.lasts)
			}
			if cmd.Flags().Changed("http") {
				if err := checkPage(cmd, cfg.http); err != nil {
					return err
				}
			}
			return a.demo(cmd.Context(), &cfg)
		},
	}
	f := cmd.Flags()
	f.Uint64Var(&cfg.seed, "seed", 1, "`number` that decides what happens, and in which order")
	f.Float64Var(&cfg.speed, "speed", 1, "`factor`: 1 is human pace, 10 ten times as fast")
	f.DurationVar(&cfg.lasts, "for", 0, "end after this `time` (default: when interrupted)")
	f.StringVar(&cfg.http, "http", "", "show it in a browser, at this `address` of this machine (HOST:PORT)")
	return cmd
}

// checkPage refuses what the page can't have: it answers everybody, and has its own speeds.
func checkPage(cmd *cobra.Command, address string) error {
	host, _, err := natsserver.ParseListen(address)
	if err != nil {
		return usagef("--http: %w", err)
	}
	if !rest.Loopback(host) {
		return usagef("--http %s: nobody is asked who they are there: use an address of this machine alone, as 127.0.0.1:8480", address)
	}
	if cmd.Flags().Changed("speed") {
		return usagef("--speed: the page has speeds of its own")
	}
	return nil
}

// demo plays until ctx ends or the time is over, and prints what the check at
// the end found.
func (a *app) demo(ctx context.Context, cfg *demoConfig) (err error) {
	// A reader that goes away is an error like others: it must not leave the
	// folder behind.
	signal.Ignore(syscall.SIGPIPE)
	defer signal.Reset(syscall.SIGPIPE)
	dir, err := os.MkdirTemp("", "reddot-demo-")
	if err != nil {
		return fmt.Errorf("create a folder for the data: %w: name another place with TMPDIR", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	var held heldLog
	defer held.release(a.stderr)
	summary, err := a.perform(ctx, cfg, dir, slog.New(slog.NewTextHandler(&held, &slog.HandlerOptions{Level: slog.LevelWarn})))
	if err != nil || summary == "" {
		return err
	}
	return a.print(summary + "\n")
}

// perform serves and plays; the page sums nothing up. The server lives until the check is done, so it
// does not end with ctx.
func (a *app) perform(ctx context.Context, cfg *demoConfig, dir string, log *slog.Logger) (summary string, err error) {
	life, end := context.WithCancel(context.WithoutCancel(ctx))
	defer end()
	ready := make(chan addresses, 1)
	serves := server.Default()
	serves.Data, serves.Listen, serves.HTTP, serves.Snapshots = datadir.Dir(dir), "127.0.0.1:0", cfg.http, repository.Off
	serves.Logger, serves.Program, serves.ServiceVersion = log, version(), serviceVersion()
	serves.Ready = func(nats, http string) { ready <- addresses{nats, http} }
	s, err := server.New(serves)
	if err != nil {
		return "", err
	}
	g, life := errgroup.WithContext(life)
	g.Go(func() error { return s.Run(life) })
	g.Go(func() (err error) {
		defer end()
		select {
		case at := <-ready:
			if cfg.http != "" {
				return a.present(life, ctx, cfg, at.http)
			}
			summary, err = a.play(life, ctx, cfg, log, at.nats)
			return err
		case <-life.Done():
			return nil // the server's own error is reported
		}
	})
	return summary, g.Wait()
}

// addresses are where the server is.
type addresses struct{ nats, http string }

// present says where the page is, until over is done. Who plays is the page.
func (a *app) present(life, over context.Context, cfg *demoConfig, http string) error {
	if cfg.lasts > 0 {
		var cancel context.CancelFunc
		over, cancel = context.WithTimeout(over, cfg.lasts)
		defer cancel()
	}
	if err := a.print(fmt.Sprintf("open http://%s/demo/?play=1&seed=%d in a browser; Ctrl-C ends it\n", http, cfg.seed)); err != nil {
		return err
	}
	select {
	case <-over.Done():
	case <-life.Done(): // the server's own error is reported
	}
	return nil
}

// play plays with the server at a URL until over is done. life ends with the
// server.
func (a *app) play(life, over context.Context, cfg *demoConfig, log *slog.Logger, url string) (summary string, err error) {
	to := natsconn.Client{Server: url, Timeout: natsconn.DefaultTimeout}
	conn, err := to.DialLasting("reddot demo", func(err error) { log.Error("the demo's connection is lost", "error", err) })
	if err != nil {
		return "", err
	}
	defer conn.Close()
	c, err := goclient.New(conn, goclient.Options{Logger: log})
	if err != nil {
		return "", err
	}
	defer c.Close()
	if cfg.lasts > 0 {
		var cancel context.CancelFunc
		over, cancel = context.WithTimeout(over, cfg.lasts)
		defer cancel()
	}
	return demo.Run(life, over, demo.Config{
		Client: c, Seed: cfg.seed, Speed: cfg.speed, Terminal: term.ScreenOf(a.stdout), Lines: a.stdout, Zone: a.zone,
	})
}

// heldLog keeps what is logged until the screen is free.
type heldLog struct {
	mu struct {
		sync.Mutex
		text     bytes.Buffer
		released bool
	}
}

// Write implements io.Writer.
func (h *heldLog) Write(p []byte) (int, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if !h.mu.released && h.mu.text.Len()+len(p) <= maxHeldLog {
		h.mu.text.Write(p)
	}
	return len(p), nil
}

// release writes what was kept; nothing is kept from then on.
func (h *heldLog) release(w io.Writer) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.mu.released = true
	// It is a log: what can't be written is lost.
	_, _ = h.mu.text.WriteTo(w)
}
