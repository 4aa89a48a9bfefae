package main

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"reddot/cmd/reddot/counts"
	"reddot/cmd/reddot/lines"
)

// The kinds of origin.
const (
	originFile  = "file"
	originRedis = "redis"
)

// originConfig says where another system's counts are read.
type originConfig struct {
	kind         string
	at           string // a file, "-" for standard input; the URL of a Redis
	names        counts.Patterns
	passwordFile string // of the Redis
}

// originHelp is what the commands that read counts say of where they come from.
const originHelp = `A file is CSV, whose first line names the columns, or JSON lines. These are the
fields, of which the first three are needed:

  user           whose conversation it is
  conversation   c2c_PEER or group_GROUP
  unread         messages unread
  mentions       of them those that name the user
  read_at        time of the last read: 2026-11-23T18:00:00Z, or in Unix ms
  last_id        the last message, with last_from, its sender, and last_at
  muted          true or false
  labels         in CSV with | between two, in JSON an array

gzip is recognized by its content. With --from redis the URL of a Redis stands
in the place of the file. There each user has a hash, whose fields are
conversations and whose values are what is unread. In a Redis cluster each
master is read by itself.`

func (o *originConfig) addFlags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&o.kind, "from", originFile, "what is read: a `file`, or redis")
	f.StringVar(&o.names.Key, "key", "unread:{user}", "with --from redis: the `key` of a user's hash")
	f.StringVar(&o.names.C2C, "c2c", "c2c_{peer}", "with --from redis: the `field` of a chat of two")
	f.StringVar(&o.names.Group, "group", "group_{group}", "with --from redis: the `field` of a group's")
	f.StringVar(&o.passwordFile, "redis-password-file", "", "with --from redis: `file` with the password")
}

// validate reports a usageError.
func (o *originConfig) validate(cmd *cobra.Command) error {
	switch o.kind {
	case originFile:
		for _, name := range []string{"key", "c2c", "group", "redis-password-file"} {
			if cmd.Flags().Changed(name) {
				return usagef("--%s is for a Redis: leave it out, or add --from redis", name)
			}
		}
		return nil
	case originRedis:
		return wrongUsage(counts.RedisConfig{URL: o.at, Patterns: o.names}.Validate())
	}
	return usagef("--from %q: use file or redis", o.kind)
}

// origin is where rows are read.
type origin struct {
	name  string // fit to be shown
	next  func(ctx context.Context) (counts.Row, error)
	count func(ctx context.Context) int64 // the rows, if they can be counted beforehand; -1: they can't
	close func() error
}

// openOrigin opens what another system counts; the caller closes it. ctx bounds the
// reading.
func (a *app) openOrigin(ctx context.Context, cfg *originConfig) (*origin, error) {
	if cfg.kind == originRedis {
		return openRedis(ctx, cfg)
	}
	from, closeFile, err := lines.Open(cfg.at, a.stdin)
	if err != nil {
		return nil, err
	}
	text, err := from.Text(ctx)
	var rows *counts.File
	if err == nil {
		rows, err = counts.Open(text)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w", from.Name, rowAdvice(err)), closeFile())
	}
	return &origin{
		name:  filepath.Base(from.Name),
		next:  func(context.Context) (counts.Row, error) { return rows.Next() },
		count: func(ctx context.Context) int64 { return from.Count(ctx, rows.Head+1) },
		close: closeFile,
	}, nil
}

func openRedis(ctx context.Context, cfg *originConfig) (*origin, error) {
	password := ""
	if cfg.passwordFile != "" {
		content, err := os.ReadFile(cfg.passwordFile)
		if err != nil {
			return nil, fmt.Errorf("--redis-password-file: %w", err)
		}
		password = strings.TrimRight(string(content), "\r\n")
	}
	r, err := counts.OpenRedis(ctx, counts.RedisConfig{URL: cfg.at, Password: password, Patterns: cfg.names})
	if err != nil {
		return nil, err
	}
	where := "the Redis"
	if u, err := url.Parse(cfg.at); err == nil {
		where = u.Redacted()
	}
	return &origin{name: where, next: r.Next, count: func(context.Context) int64 { return -1 }, close: r.Close}, nil
}

// rowAdvice is the error of a row, with what may have been meant.
func rowAdvice(err error) error {
	if unknown, ok := errors.AsType[*counts.UnknownField](err); ok {
		if word := nearest(unknown.Name, counts.Fields()); word != "" {
			return fmt.Errorf("%w: did you mean %s?", err, word)
		}
	}
	return err
}
