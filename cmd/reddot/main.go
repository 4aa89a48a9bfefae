// Command reddot keeps exact unread counts for chat: it folds a stream of
// commands into conversations and totals, tells listeners what changed and
// answers queries. The same program is the server and its client.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"reddot/cmd/reddot/datadir"
)

func main() {
	datadir.Umask()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the program at once
	os.Exit(run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}
