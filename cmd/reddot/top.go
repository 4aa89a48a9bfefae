package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"reddot/cmd/reddot/server"
	"reddot/cmd/reddot/term"
)

// topEvery is how often a server is asked, and topTrend of how many answers the trend of the
// lag is made.
const (
	topEvery = 2 * time.Second
	topTrend = 60
)

// topConfig is the command line of top.
type topConfig struct {
	http    string
	keyFile string
	secure  bool
	timeout time.Duration
	once    bool
	json    bool
}

func (a *app) topCommand() *cobra.Command {
	var cfg topConfig
	cmd := &cobra.Command{
		Use:     "top",
		GroupID: groupClient,
		Short:   "Show how a server does, live",
		Long: `Show on one screen how the server at --http does, anew every two seconds: its state, and
what to do about it where it says that; how far it is and whether it falls behind; what
comes and goes a second; how long it takes from a command being stored until it is
applied, until its events are stored, and until streams are told; the last rebuild and
snapshot, and webhooks where there are any. A server that goes away is waited for. Ctrl-C
ends it.

It asks over HTTP. Where the server asks who that is, the file of --key-file holds an API
key of the role viewer or operator. Where standard output is no terminal, every answer is
printed below the one before. With --json every answer is an object on a line of its own:
"at", and "status", "stats", "snapshots" and "webhooks" as the server has sent them.`,
		Example: `  reddot top

  # what it says now
  reddot top --once --http reddot.example --tls --key-file viewer.key

  # the p99 from a command being stored until it is applied, of the last minute
  reddot top --json | jq '.stats.windows[0].latencies.apply.p99_ms'`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if cfg.timeout <= 0 {
				return usagef("--timeout %v: use a time above 0", cfg.timeout)
			}
			return a.top(cmd.Context(), &cfg)
		},
	}
	f := cmd.Flags()
	f.StringVar(&cfg.http, "http", server.Default().HTTP, "`address` of the server's HTTP listener")
	f.BoolVar(&cfg.secure, "tls", false, "the address is one of https, whose certificate is checked")
	f.StringVar(&cfg.keyFile, "key-file", "", "`file` of an API key of the role viewer or operator")
	f.DurationVar(&cfg.timeout, "timeout", 5*time.Second, "longest wait for an answer")
	f.BoolVar(&cfg.once, "once", false, "print what the server says now, and end")
	f.BoolVar(&cfg.json, "json", false, "print one JSON object per answer")
	return cmd
}

// maxKeyFile bounds the file of --key-file, in bytes.
const maxKeyFile = 4 << 10

// key reads the key.
func (cfg *topConfig) key() (string, error) {
	if cfg.keyFile == "" {
		return "", nil
	}
	f, err := os.Open(cfg.keyFile)
	if err != nil {
		return "", fmt.Errorf("--key-file: %w", err)
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxKeyFile))
	if err != nil {
		return "", fmt.Errorf("--key-file: %w", err)
	}
	key := strings.TrimSpace(string(text))
	if key == "" || strings.ContainsAny(key, "\r\n") {
		return "", fmt.Errorf("--key-file: %s: want an API key, and nothing else", cfg.keyFile)
	}
	return key, nil
}

func (a *app) top(ctx context.Context, cfg *topConfig) (err error) {
	key, err := cfg.key()
	if err != nil {
		return err
	}
	w := &topWatch{app: a, cfg: cfg, asks: newTopClient(cfg, key)}
	if screen := term.ScreenOf(a.stdout); screen != nil && !cfg.once && !cfg.json {
		if err := screen.Open(); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, screen.Close()) }()
		w.screen = screen
	}
	tick := time.NewTicker(topEvery)
	defer tick.Stop()
	for {
		if err := w.look(ctx); err != nil || cfg.once || ctx.Err() != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// topWatch is a server that is looked at.
type topWatch struct {
	*app
	cfg    *topConfig
	asks   *topClient
	screen *term.Screen // nil: lines are printed

	last topAnswer // that came; without a status: none has
	lags []uint64  // of the newest answers
	lost topLoss
}

// topLoss is why there is no newer answer.
type topLoss struct {
	since time.Time // zero: there is one
	why   string
}

// look asks once, and shows what came. An error ends top: what waiting does not change.
func (w *topWatch) look(ctx context.Context) error {
	answer, err := w.asks.ask(ctx)
	now := time.Now()
	var refused *topRefusal
	switch {
	case err == nil:
		w.last, w.lost = answer, topLoss{}
		w.lags = append(w.lags, answer.status.Lag)
		w.lags = w.lags[max(0, len(w.lags)-topTrend):]
	case ctx.Err() != nil:
		return nil
	case w.cfg.once, errors.As(err, &refused) && refused.isFinal():
		return err
	default:
		if w.lost.since.IsZero() {
			w.lost.since = now
		}
		w.lost.why = term.OneLine(err)
	}
	switch {
	case w.cfg.json && err != nil:
		fmt.Fprintf(w.stderr, "reddot: %s; asking again\n", w.lost.why)
		return nil
	case w.cfg.json:
		return w.printJSON(w.last.raw(now))
	case w.screen != nil:
		return w.screen.Draw(func(columns, lines int) []string {
			return fitted(w.page(now, w.screen.Color), columns, lines, w.screen.Color)
		})
	}
	text := strings.Join(w.page(now, false), "\n") + "\n"
	if !w.cfg.once {
		text += "\n"
	}
	return w.print(text)
}
