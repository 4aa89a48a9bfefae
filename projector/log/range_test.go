package log_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"reddot/events"
	"reddot/projector/log"
	"reddot/projector/log/pull"
	"reddot/projector/testkit"
)

// messages are the seqs from one on, as far as upto, with a bar behind what is not there; at
// most some of them.
func messages(ctx context.Context, l *log.Log, from, upto events.Seq, most int) (seen string, err error) {
	var all []string
	err = l.Messages(ctx, from, upto, 1<<10, func(seq events.Seq, m *pull.Message) error {
		if len(all) == most {
			return pull.ErrEnough
		}
		switch {
		case m == nil:
			all = append(all, fmt.Sprint(seq, "|"))
		case events.Seq(m.Seq) != seq || m.Subject == "" || len(m.Data) == 0 || m.At == 0:
			all = append(all, fmt.Sprint(seq, "?"))
		default:
			all = append(all, fmt.Sprint(seq))
		}
		return nil
	})
	return strings.Join(all, " "), err
}

// TestMessages: each command of a range comes once, also where some are removed or damaged,
// and as many as are wanted.
func TestMessages(t *testing.T) {
	b := newBench(t)
	b.ensure()
	b.write("m", 10)
	b.remove(3, 4, 9)
	b.write("n", 10)
	b.damageLast()
	l := b.find()
	for _, c := range []struct {
		from, upto events.Seq
		most       int
		want       string
	}{
		{1, 1, 9, "1"}, {1, 6, 9, "1 2 3| 4| 5 6"}, {3, 4, 9, "3| 4|"}, {4, 5, 9, "4| 5"}, {8, 9, 9, "8 9|"}, {1, 20, 4, "1 2 3| 4|"}, {1, 20, 0, ""},
		{18, 20, 9, "18 19 20|"}, {20, 20, 9, "20|"},
	} {
		got, err := messages(testkit.Context(t), l, c.from, c.upto, c.most)
		if d := cmp.Diff(c.want, got); d != "" || err != nil {
			t.Errorf("%d to %d: %v %s", c.from, c.upto, err, d)
		}
	}
	ctx, cancel := context.WithCancel(testkit.Context(t))
	cancel()
	if got, err := messages(ctx, l, 1, 20, 100); err == nil || got != "" {
		t.Errorf("who asks no more gets %q, %v", got, err)
	}
}
