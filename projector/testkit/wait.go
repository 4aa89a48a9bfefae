package testkit

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"
)

// Patience is how long a test waits for what must happen. It is far longer than
// anything takes.
const Patience = time.Minute

// lookEvery is how often Eventually looks.
const lookEvery = 2 * time.Millisecond

// Context returns a context that ends with the test, or after [Patience].
func Context(tb testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), Patience)
	tb.Cleanup(cancel)
	return ctx
}

// Eventually waits until something holds that nothing announces. The error says
// what.
func Eventually(tb testing.TB, what string, holds func() bool) {
	tb.Helper()
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for end := time.Now().Add(Patience); !holds(); <-tick.C {
		if time.Now().After(end) {
			tb.Fatalf("not within %v: %s", Patience, what)
		}
	}
}

// Receive waits for the next value of a channel, or until it is closed, which
// yields the zero value. The error says what it is.
func Receive[V any](tb testing.TB, what string, c <-chan V) V {
	tb.Helper()
	select {
	case v := <-c:
		return v
	case <-time.After(Patience):
		tb.Fatalf("not within %v: %s", Patience, what)
	}
	panic("unreachable")
}

// Must returns a value that the test can't do without:
//
//	conn := testkit.Must(nats.Connect(url))(t)
func Must[V any](v V, err error) func(testing.TB) V {
	return func(tb testing.TB) V {
		tb.Helper()
		if err != nil {
			tb.Fatal(err)
		}
		return v
	}
}

// OK fails the test unless everything went well.
func OK(tb testing.TB, errs ...error) {
	tb.Helper()
	for _, err := range errs {
		if err != nil {
			tb.Fatal(err)
		}
	}
}

// WantError checks that an error is of a kind and says what a person needs.
func WantError(tb testing.TB, err, kind error, says ...string) {
	tb.Helper()
	if !errors.Is(err, kind) {
		tb.Errorf("the error is not %q: %v", kind, err)
	}
	for _, text := range says {
		if err == nil || !strings.Contains(err.Error(), text) {
			tb.Errorf("the error does not say %q: %v", text, err)
		}
	}
}
