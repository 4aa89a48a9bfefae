package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	goclient "reddot/api/client"
	"reddot/cmd/reddot/counts"
	"reddot/cmd/reddot/term"
	"reddot/events"
)

const (
	// compareAsked is how many users reddot is asked about at once.
	compareAsked = 16
	// compareRead is how many users' rows are held while reddot is asked.
	compareRead = 64
)

// compareConfig is the command line of compare.
type compareConfig struct {
	clientConfig
	origin  originConfig
	partial bool
	json    bool
}

func (a *app) compareCommand() *cobra.Command {
	var cfg compareConfig
	cmd := &cobra.Command{
		Use:     "compare FILE|-",
		GroupID: groupClient,
		Short:   "Compare the counts of another system with reddot's",
		Long: `Compare the counts of another system with what reddot says, and name what
differs. What a row says is compared, and nothing else: a file with the columns
user,conversation,unread has only those compared. If anything differs, it exits
with 1.

` + originHelp + `

A conversation that is in no list has nothing unread. A user's rows follow each
other, and are of all conversations with something unread: where reddot has one
beside them, it differs. With --partial it does not matter. What changes while
it runs may differ for that alone: run it again.`,
		Example: `  # does reddot say what the old counter says?
  reddot compare counts.csv

  reddot compare --from redis redis://127.0.0.1:6379/0`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			cfg.origin.at = args[0]
			if err := cfg.origin.validate(cmd); err != nil {
				return err
			}
			if err := cfg.validate(); err != nil {
				return err
			}
			return a.withBound(cmd.Context(), &cfg.clientConfig, "compare", func(ctx context.Context, c *client) error {
				return a.compare(ctx, c, &cfg)
			})
		},
	}
	cfg.addFlags(cmd)
	cfg.origin.addFlags(cmd)
	f := cmd.Flags()
	f.BoolVar(&cfg.partial, "partial", false, "the rows are not all of a user's: what reddot has beside them does not matter")
	f.BoolVar(&cfg.json, "json", false, "print one JSON object per difference, and one with the totals")
	return cmd
}

// sums are the totals of a comparison.
type sums struct {
	Users         int64  `json:"users"`
	Conversations int64  `json:"conversations"` // compared
	Differ        int64  `json:"differ"`        // of them
	Unread        uint64 `json:"unread"`        // of the rows
	Reddot        uint64 `json:"reddot_unread"` // of the conversations
}

// comparison compares the rows of an origin.
type comparison struct {
	app    *app
	client *client
	cfg    *compareConfig
	from   *origin
	bar    *term.Bar
	sums   sums
	seen   map[string]bool // users, unless it is partial

	held  counts.Row // the first row of the next user
	holds bool
}

func (a *app) compare(ctx context.Context, c *client, cfg *compareConfig) error {
	from, err := a.openOrigin(ctx, &cfg.origin)
	if err != nil {
		return err
	}
	defer from.close() // read only: nothing can be lost
	m := &comparison{app: a, client: c, cfg: cfg, from: from, seen: map[string]bool{}}
	m.bar = term.StartBar(a.stderr, "conversations compared", 0)
	err = m.run(ctx)
	m.bar.Finish(err == nil)
	if err != nil {
		return fmt.Errorf("%s: %w", from.name, rowAdvice(err))
	}
	s := &m.sums
	if cfg.json {
		err = a.printJSON(struct {
			Totals *sums `json:"totals"`
		}{s})
	} else {
		err = a.print(fmt.Sprintf("%d of %s of %s differ: %d unread in %s, %d in reddot\n", s.Differ,
			term.Several(s.Conversations, "conversation"), term.Several(s.Users, "user"), s.Unread, term.Printable(from.name), s.Reddot))
	}
	return errors.Join(err, s.failure(from.name))
}

// failure is the error that something differs, if anything does.
func (s *sums) failure(name string) error {
	switch s.Differ {
	case 0:
		return nil
	case 1:
		return fmt.Errorf("1 conversation is not what %s says", term.Printable(name))
	}
	return fmt.Errorf("%d conversations are not what %s says", s.Differ, term.Printable(name))
}

// person is a user with the rows that follow each other.
type person struct {
	user  string
	rows  []counts.Row
	found []difference
}

// run compares some users at a time, and reports them in the order of the rows.
func (m *comparison) run(ctx context.Context) error {
	for {
		some, err := m.read(ctx)
		if err != nil && !errors.Is(err, io.EOF) {
			return err
		}
		asking, ctx := errgroup.WithContext(ctx)
		asking.SetLimit(compareAsked)
		for _, p := range some {
			asking.Go(func() error { return m.ask(ctx, p) })
		}
		if err := asking.Wait(); err != nil {
			return err
		}
		for _, p := range some {
			if err := m.report(p); err != nil {
				return err
			}
		}
		if err != nil {
			return nil
		}
	}
}

// read reads the rows of some users, and io.EOF with the last of them.
func (m *comparison) read(ctx context.Context) (some []*person, err error) {
	for {
		row, err := m.row(ctx)
		if err != nil {
			return some, err
		}
		if n := len(some); n > 0 && some[n-1].user == row.User {
			some[n-1].rows = append(some[n-1].rows, row)
			continue
		}
		if len(some) == compareRead {
			m.held, m.holds = row, true
			return some, nil
		}
		if !m.cfg.partial {
			if m.seen[row.User] {
				return some, m.apart(&row)
			}
			m.seen[row.User] = true
		}
		some = append(some, &person{user: row.User, rows: []counts.Row{row}})
	}
}

// apart is the error of rows that don't follow the others of their user.
func (m *comparison) apart(row *counts.Row) error {
	if row.Line == 0 {
		return fmt.Errorf("the key of %q was said twice, as Redis may while keys come and go: run it again, or use --partial", row.User)
	}
	return fmt.Errorf("line %d: other rows of %q do not stand before it: sort the rows by user, or use --partial", row.Line, row.User)
}

func (m *comparison) row(ctx context.Context) (counts.Row, error) {
	if m.holds {
		m.holds = false
		return m.held, nil
	}
	return m.from.next(ctx)
}

// ask asks reddot about a user, and enters what differs.
func (m *comparison) ask(ctx context.Context, p *person) error {
	list, err := readList(ctx, &showConfig{all: true}, func(ctx context.Context, q events.ConversationsRequest) (events.ConversationsReply, error) {
		return ask(ctx, m.client, 0, func(ctx context.Context, opts ...goclient.QueryOption) (events.ConversationsReply, error) {
			return m.client.reddot.User(p.user).Page(ctx, q, opts...)
		})
	})
	if err != nil {
		return err
	}
	p.compare(list.Conversations, m.cfg.partial)
	return nil
}

// report prints what differs of a user.
func (m *comparison) report(p *person) error {
	m.sums.Users++
	for i := range p.found {
		d := &p.found[i]
		m.sums.Conversations++
		m.sums.Unread += d.unread
		m.sums.Reddot += d.reddotUnread
		m.bar.Set(uint64(m.sums.Conversations))
		if len(d.Fields) == 0 {
			continue
		}
		m.sums.Differ++
		var err error
		if m.cfg.json {
			err = m.app.printJSON(d)
		} else {
			err = m.app.print(d.text(m.from.name))
		}
		if err != nil {
			return err
		}
	}
	return nil
}
