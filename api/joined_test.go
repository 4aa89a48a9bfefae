package api

import (
	"context"
	"errors"
	"testing"
	"time"
)

// TestJoinedEnds: a context that is made of a joined one ends with it, however it ends.
func TestJoinedEnds(t *testing.T) {
	for name, test := range map[string]struct {
		within time.Duration
		end    func(j *joined, asker, other func())
		want   error
	}{
		"freed":            {time.Hour, func(j *joined, _, _ func()) { j.end() }, context.Canceled},
		"the asker leaves": {time.Hour, func(_ *joined, asker, _ func()) { asker() }, context.Canceled},
		"the other ends":   {time.Hour, func(_ *joined, _, other func()) { other() }, context.Canceled},
		"the time is over": {time.Millisecond, func(*joined, func(), func()) {}, context.DeadlineExceeded},
	} {
		t.Run(name, func(t *testing.T) {
			asker, leave := context.WithCancel(t.Context())
			defer leave()
			other, stop := context.WithCancel(t.Context())
			defer stop()
			var j joined
			ctx := j.begin(asker, other, time.Now().Add(test.within))
			defer j.end()
			child, cancel := context.WithCancel(ctx)
			defer cancel()
			test.end(&j, leave, stop)
			<-child.Done()
			if err := child.Err(); !errors.Is(err, test.want) || !errors.Is(ctx.Err(), test.want) {
				t.Errorf("it ends with %v, of %v; want %v", err, ctx.Err(), test.want)
			}
		})
	}
}
