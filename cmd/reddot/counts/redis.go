package counts

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/logging"
)

// scanned is how many keys, or fields of one, Redis is asked for at once: it answers
// nobody else meanwhile.
const scanned = 1000

// RedisConfig says where a Redis is, and what in it is whose.
type RedisConfig struct {
	URL      string // redis://, rediss:// or unix://
	Password string // instead of that in the URL; empty: as there
	Patterns
}

// Redis gives the counters of a Redis as rows: of each hash whose key is a user's, each
// field that is a conversation's. It reads with SCAN and HSCAN, which hold up nobody; what
// changes meanwhile is read before or after, and what Redis says twice is said once.
type Redis struct {
	client  *redis.Client
	names   patterns
	keys    []string // of the last SCAN, not read yet
	cursor  uint64   // of the next SCAN
	scanned bool     // there is no next one

	key    string   // whose fields are read
	fields []string // of the last HSCAN, each with its value behind it
	inside uint64   // the cursor of the next HSCAN
	whole  bool     // there is no next one
	said   map[string]bool
}

// OpenRedis connects to a Redis. The caller calls Close.
func OpenRedis(ctx context.Context, cfg RedisConfig) (*Redis, error) {
	r := &Redis{whole: true, said: map[string]bool{}}
	var err error
	if r.names, err = cfg.Patterns.parse(); err != nil {
		return nil, err
	}
	o, err := redis.ParseURL(cfg.URL)
	if err != nil {
		return nil, fmt.Errorf("%w: use one as redis://127.0.0.1:6379/0", err)
	}
	if cfg.Password != "" {
		o.Password = cfg.Password
	}
	o.ClientName = "reddot"
	o.ContextTimeoutEnabled = true
	o.DialerRetries = 1
	redis.SetLogger(&logging.VoidLogger{}) // it would write to standard error what errors say
	r.client = redis.NewClient(o)
	if err := r.client.Ping(ctx).Err(); err != nil {
		return nil, errors.Join(fmt.Errorf("connect to the Redis at %s: %w", o.Addr, err), r.client.Close())
	}
	return r, nil
}

// Close ends the connection.
func (r *Redis) Close() error { return r.client.Close() }

// Next returns the next row, and io.EOF behind the last one. Any other error than a
// [RowError] ends the reading.
func (r *Redis) Next(ctx context.Context) (Row, error) {
	for {
		for len(r.fields) > 0 {
			field, value := r.fields[0], r.fields[1]
			r.fields = r.fields[2:]
			if !r.said[field] {
				r.said[field] = true
				return r.row(field, value)
			}
		}
		if err := r.read(ctx); err != nil {
			return Row{}, err
		}
	}
}

// read reads some more fields, of the next key if there are no more of this one.
func (r *Redis) read(ctx context.Context) error {
	for r.whole {
		if len(r.keys) == 0 {
			if r.scanned {
				return io.EOF
			}
			var err error
			r.keys, r.cursor, err = r.client.ScanType(ctx, r.cursor, r.names.key.glob(), scanned, "hash").Result()
			if err != nil {
				return fmt.Errorf("look for keys %s: %w", r.names.key.text, err)
			}
			r.scanned = r.cursor == 0
			continue
		}
		r.key, r.keys = r.keys[0], r.keys[1:]
		r.whole, r.inside = false, 0
		clear(r.said)
	}
	var err error
	if r.fields, r.inside, err = r.client.HScan(ctx, r.key, r.inside, "", scanned).Result(); err != nil {
		return fmt.Errorf("read the key %s: %w", strconv.Quote(r.key), err)
	}
	r.whole = r.inside == 0
	return nil
}

// row is what a field says.
func (r *Redis) row(field, value string) (row Row, err error) {
	wrong := func(err error) error {
		return &RowError{Place: fmt.Sprintf("key %q, field %q", r.key, field), Err: err}
	}
	row.User, _ = r.names.key.find(r.key)
	known := false
	if row.Conversation, known = r.names.conversation(field); !known {
		return Row{}, wrong(fmt.Errorf("it is neither --c2c %s nor --group %s", r.names.c2c.text, r.names.group.text))
	}
	if err := row.set(fieldUnread, value); err != nil {
		return Row{}, wrong(err)
	}
	if err := row.whole(func(name string) bool { return name == fieldUnread || name == fieldUser || name == fieldConversation }); err != nil {
		return Row{}, wrong(err)
	}
	return row, nil
}

// Validate reports what is wrong with it, as far as nobody need be asked.
func (c RedisConfig) Validate() error {
	_, err := c.Patterns.parse()
	return err
}
