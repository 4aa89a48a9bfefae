package bench

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/redis/go-redis/v9"
	"golang.org/x/sync/errgroup"

	"reddot/cmd/reddot/process"
	"reddot/events"
)

// What a team would build instead on Redis, and how it is loaded: with so many commands
// in a pipeline, so many pipelines in flight.
const (
	recipePipeline = 500
	recipesFlying  = 4
)

// The figures of the stage.
const (
	besideCounters  = "live, beside a counter for each member and a total, changed and published by Lua in Redis"
	besideSequences = "the same, beside the newest sequence and those that were read in Redis, not exact and nothing published"
)

func recipesAims() map[key]Aim {
	return map[key]Aim{{"recipes", besideCounters}: atLeast(4, 6)}
}

// recipe is a way to count in Redis: what a command becomes there. It keeps no ids, so
// what comes twice counts twice, and knows nothing of threads, of mentions or of who is
// told: less than reddot does.
type recipe struct {
	name    string
	publish func(p redis.Pipeliner, c *events.Command)
}

// count changes a user's counter and total by a number, but for what falls below zero,
// and publishes the total.
const count = `
local function count(user, conversation, n)
  local had = tonumber(redis.call('HGET', 'c:' .. user, conversation) or 0)
  if n == 0 or had + n < 0 then return end
  redis.call('HINCRBY', 'c:' .. user, conversation, n)
  redis.call('PUBLISH', 'evt:' .. user, redis.call('INCRBY', 't:' .. user, n))
end
`

// The scripts of counters. The members of a group are a set.
var (
	countOne   = redis.NewScript(count + `count(ARGV[1], ARGV[2], tonumber(ARGV[3]))`)
	countGroup = redis.NewScript(count + `
for _, user in ipairs(redis.call('SMEMBERS', 'g:' .. ARGV[1])) do
  if user ~= ARGV[2] then count(user, 'group_' .. ARGV[1], tonumber(ARGV[3])) end
end`)
	readOne = redis.NewScript(count + `
count(ARGV[1], ARGV[2], -tonumber(redis.call('HGET', 'c:' .. ARGV[1], ARGV[2]) or 0))`)
	readAll = redis.NewScript(`
redis.call('DEL', 'c:' .. ARGV[1])
redis.call('SET', 't:' .. ARGV[1], 0)
redis.call('PUBLISH', 'evt:' .. ARGV[1], 0)`)
)

// counters are exact as long as nothing comes twice and a recall is of what is unread.
func counters(p redis.Pipeliner, c *events.Command) {
	ctx := context.Background() // a pipeline only takes down what is to be done
	switch c.Verb {
	case events.UserMessage:
		countOne.EvalSha(ctx, p, nil, c.Inbox, "c2c_"+c.From, 1)
	case events.UserRevoke:
		countOne.EvalSha(ctx, p, nil, c.Inbox, "c2c_"+c.From, -1)
	case events.GroupMessage:
		countGroup.EvalSha(ctx, p, nil, c.Inbox, c.From, 1)
	case events.GroupRevoke:
		countGroup.EvalSha(ctx, p, nil, c.Inbox, "", -1)
	case events.UserRead:
		readOne.EvalSha(ctx, p, nil, c.Inbox, c.Conversation.String())
	case events.UserReadAll:
		readAll.EvalSha(ctx, p, nil, c.Inbox)
	}
}

// sequences keep the newest sequence of each conversation, and which one each user has
// read: the difference counts what is silent, one's own and recalled.
func sequences(p redis.Pipeliner, c *events.Command) {
	ctx := context.Background()
	switch c.Verb {
	case events.UserMessage:
		p.Incr(ctx, "m:"+c.Inbox+":c2c_"+c.From)
	case events.GroupMessage:
		p.Incr(ctx, "m:group_"+c.Inbox)
	case events.UserRead:
		p.HSet(ctx, "r:"+c.Inbox, c.Conversation.String(), c.Upto)
	case events.UserReadAll:
		p.HSet(ctx, "r:"+c.Inbox, "all", 1)
	}
}

// recipes is the stage of that name.
func (b *bench) recipes(ctx context.Context) error {
	program, err := exec.LookPath("redis-server")
	if err != nil {
		return fmt.Errorf("look for Redis: %w: install it, on Debian with \"apt-get install redis-server\"", err)
	}
	for _, of := range []recipe{{besideCounters, counters}, {besideSequences, sequences}} {
		took, err := b.inRedis(ctx, program, of)
		if err != nil {
			return err
		}
		b.note(figure("recipes", of.name, PerSecond, b.rates.live).compare("Redis", perSecond(b.sizes.all, took)))
	}
	return nil
}

// inRedis starts a Redis that forces its log to disk every second, and has it do what
// the commands become by a recipe. It returns what those after the joins took.
func (b *bench) inRedis(ctx context.Context, program string, of recipe) (took time.Duration, err error) {
	dir, err := os.MkdirTemp(b.dir, "redis")
	if err != nil {
		return 0, fmt.Errorf("create a folder for Redis: %w", err)
	}
	socket := filepath.Join(dir, "socket")
	server, err := process.Start(process.Config{
		Program: program, Kept: keptStderr, Failed: func(err error) { b.fail(err) },
		Args: []string{"--port", "0", "--unixsocket", socket, "--dir", dir, "--appendonly", "yes", "--appendfsync", "everysec", "--save", "", "--loglevel", "warning"},
	})
	if err != nil {
		return 0, fmt.Errorf("start Redis: %w", err)
	}
	b.children = append(b.children, server)
	client := redis.NewClient(&redis.Options{Network: "unix", Addr: socket, PoolSize: recipesFlying, ReadTimeout: ackWait, MaxRetries: -1})
	defer func() { err = errors.Join(err, client.Close(), server.Stop()) }()
	for {
		if _, err := os.Stat(socket); err == nil && client.Ping(ctx).Err() == nil {
			break
		}
		if err := rest(ctx, behindWait); err != nil { // a Redis that does not start ends the benchmark
			return 0, err
		}
	}
	for _, s := range []*redis.Script{countOne, countGroup, readOne, readAll} {
		if err := s.Load(ctx, client).Err(); err != nil {
			return 0, fmt.Errorf("load a script into Redis: %w", err)
		}
	}
	script, err := b.script.open()
	if err != nil {
		return 0, err
	}
	defer script.close()
	join := func(p redis.Pipeliner, c *events.Command) {
		for _, user := range c.Users {
			p.SAdd(ctx, "g:"+c.Inbox, user)
		}
	}
	if err := b.pipeline(ctx, client, script.next, b.script.joins, join, new(Step)); err != nil {
		return 0, err
	}
	err = b.step("recipes", b.sizes.all, func(step *Step) error {
		start := time.Now()
		err := b.pipeline(ctx, client, script.next, b.sizes.all, of.publish, step)
		took = time.Since(start)
		return err
	})
	return took, err
}

// pipeline has the next n commands done.
func (b *bench) pipeline(ctx context.Context, client *redis.Client, next source, n int, do func(redis.Pipeliner, *events.Command), step *Step) error {
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(recipesFlying)
	var decoder events.Decoder
	for n > 0 && ctx.Err() == nil {
		p, size := client.Pipeline(), min(n, recipePipeline)
		for range size {
			subject, payload, err := next()
			if err != nil {
				return errors.Join(err, g.Wait())
			}
			target, err := b.subjects.ParseCommand(subject)
			if err != nil {
				return errors.Join(err, g.Wait())
			}
			var c events.Command
			if err := decoder.Decode(target, payload, &c); err != nil {
				return errors.Join(err, g.Wait())
			}
			do(p, &c)
		}
		n -= size
		g.Go(func() error {
			if _, err := p.Exec(ctx); err != nil && !errors.Is(err, redis.Nil) {
				return fmt.Errorf("count in Redis: %w", err)
			}
			step.done.Add(int64(size))
			return nil
		})
	}
	return g.Wait()
}
